package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strconv"

	"tapline/internal/rawjson"
	"tapline/internal/rewrite"
	"tapline/singer"
)

// A recordMaker turns the objects of one stream into records. It serves one goroutine.
type recordMaker struct {
	stream   *stream
	rewriter *rewrite.Rewriter
	object   bytes.Buffer // the current object
	text     []byte       // the records of the current page
	unknown  []string
	// seen holds a hash of every object, by id, if the stream has several lists that may show the same object.
	seen map[string]uint64
	seed maphash.Seed
}

func newRecordMaker(st *stream, schema *singer.Schema, selected func(path ...string) bool) (*recordMaker, error) {
	m := &recordMaker{stream: st, seed: maphash.MakeSeed()}
	if len(st.lists) > 1 {
		m.seen = map[string]uint64{}
	}
	var err error
	m.rewriter, err = rewrite.Compile(schema.Schema, selected, func(path string) { m.unknown = append(m.unknown, path) })
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", st.name, err)
	}
	return m, nil
}

// make rewrites the objects of a page. The records are valid until the next call. Stripe sends its answers indented;
// white space between tokens is dropped, because a record must fit a line, and because it would be a quarter of it.
func (m *recordMaker) make(objects []json.RawMessage) (records [][]byte, entries []entry, err error) {
	m.text = m.text[:0]
	var ends []int
	for _, object := range objects {
		e, isNew, err := m.add(object)
		if err != nil {
			return nil, nil, &singer.RecordError{Stream: m.stream.name, Err: err}
		}
		entries = append(entries, e)
		if isNew {
			ends = append(ends, len(m.text))
		}
	}
	start := 0
	for _, end := range ends {
		records = append(records, m.text[start:end])
		start = end
	}
	return records, entries, nil
}

// add appends the record of one object to the text of the page, unless the same record was made before.
func (m *recordMaker) add(object json.RawMessage) (e entry, isNew bool, err error) {
	m.object.Reset()
	if err := json.Compact(&m.object, object); err != nil {
		return e, false, err
	}
	if e, err = identify(m.object.Bytes(), m.stream.cursor); err != nil || m.repeated(e.id, m.object.Bytes()) {
		return e, false, err
	}
	m.text, err = m.rewriter.Append(m.text, m.object.Bytes())
	return e, true, err
}

// repeated tells whether the same object was made a record before. One that has changed since is not the same.
func (m *recordMaker) repeated(id string, object []byte) bool {
	if m.seen == nil {
		return false
	}
	hash := maphash.Bytes(m.seed, object)
	before, ok := m.seen[id]
	m.seen[id] = hash
	return ok && before == hash
}

// identify reads the id and the time of creation of an object.
func identify(object []byte, cursor string) (entry, error) {
	var (
		e       entry
		m       rawjson.Members
		created bool
	)
	for m.Reset(object); m.Next(); {
		switch string(m.Key) {
		case "id":
			if rawjson.KindOf(m.Value) == rawjson.String {
				id, _ := rawjson.Text(m.Value, nil, true)
				e.id = string(id)
			}
		case cursor:
			n, err := strconv.ParseInt(string(m.Value), 10, 64)
			e.created, created = n, err == nil
		}
	}
	if err := m.Err(); err != nil {
		return e, fmt.Errorf("an item of the list is not an object: %w", err)
	}
	if e.id == "" {
		return e, fmt.Errorf("an object in the list has no id")
	}
	if !created {
		return e, fmt.Errorf("object %s has no time in %q", e.id, cursor)
	}
	return e, nil
}
