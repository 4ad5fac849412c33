package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tapline/internal/rawjson"
	"tapline/internal/rewrite"
	"tapline/singer"
)

// tokenFields are the fields of payment methods that hold a processor's tokens, by which somebody else could charge.
var tokenFields = []string{"processor_customer_token", "processor_payment_method_token"}

const tokenStream = "payment_methods"

// A recordMaker turns the objects of one stream into records. It serves one goroutine.
type recordMaker struct {
	stream  *stream
	masks   []string // fields whose text becomes ***
	coercer *rewrite.Rewriter
	keep    func(object []byte) bool // which objects belong to the stream; nil: all
	object  []byte                   // the current object, before it is coerced
	text    []byte                   // the records of the current page
	// reports are the fields that the schema does not describe or whose values do not fit it, once each.
	reports []string
}

// A record is what is written of an object. Its text is valid until the next call of make.
type record struct {
	text []byte
	at   time.Time // of its replication key; zero without a usable one
}

func newRecordMaker(st *stream, schema *singer.Schema, selected func(path ...string) bool, s *settings) (*recordMaker, error) {
	m := &recordMaker{stream: st}
	if st.name == tokenStream && s.PaymentTokens != tokensKeep {
		m.masks = tokenFields
	}
	if s.omits(st) {
		chosen := selected
		selected = func(path ...string) bool { return !slices.Contains(tokenFields, path[0]) && chosen(path...) }
	}
	var err error
	m.coercer, err = rewrite.CompileCoercing(schema.Schema, selected, func(path, what string) {
		m.reports = append(m.reports, path+" "+what)
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", st.name, err)
	}
	return m, nil
}

// omits tells whether a stream's tokens are left out.
func (s *settings) omits(st *stream) bool {
	return st.name == tokenStream && s.PaymentTokens == tokensOmit
}

// make makes the records of the objects that parent, the id of another stream's record or "", was asked for.
func (m *recordMaker) make(objects []json.RawMessage, parent string) ([]record, error) {
	m.text = m.text[:0]
	var ends []int
	var records []record
	for _, object := range objects {
		if m.keep != nil && !m.keep(object) {
			continue
		}
		at, err := m.add(object, parent)
		if err != nil {
			return nil, &singer.RecordError{Stream: m.stream.name, Err: err}
		}
		records = append(records, record{at: at})
		ends = append(ends, len(m.text))
	}
	start := 0
	for i, end := range ends {
		records[i].text = m.text[start:end:end]
		start = end
	}
	return records, nil
}

// add appends the record of one object to the text of the page.
func (m *recordMaker) add(object []byte, parent string) (at time.Time, err error) {
	m.object = append(m.object[:0], '{')
	if p := m.stream.parent; p != nil && p.adds != "" && lookup(object, p.adds) == nil {
		m.object = appendMember(m.object, p.adds, []byte(parent))
	}
	members := rawjson.Members{}
	for members.Reset(object); members.Next(); {
		value := members.Value
		switch name := string(members.Key); {
		case name == m.stream.replicationKey:
			at = instantOf(value)
		case slices.Contains(m.masks, name):
			value = masked(value)
		}
		m.object = appendMember(m.object, string(members.Key), value)
	}
	if err := members.Err(); err != nil {
		return at, fmt.Errorf("an item of the list is not an object: %w", err)
	}
	m.object = append(m.object, '}')
	for _, key := range m.stream.keys {
		if textOf(lookup(m.object, key)) == "" {
			return at, fmt.Errorf("a record has no %s, which identifies it", key)
		}
	}
	m.text, err = m.coercer.Append(m.text, m.object)
	return at, err
}

// appendMember appends a member to an object that is being written. The name is as it stands between its quotes.
func appendMember(dst []byte, name string, value []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return append(dst, value...)
}
