package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tapline/internal/rawjson"
	"tapline/internal/rewrite"
	"tapline/singer"
)

// A found object is what Stripe showed, and what is known of its version.
type found struct {
	object    json.RawMessage
	read      time.Time // the server's clock at the answer
	updated   int64     // Unix seconds of the newest event that led here; 0 in a list
	updatedBy string    // type of that event; "" in a list
	deletedAt int64     // Unix seconds; other than 0 the object is gone, and its last known fields are what is here
}

// A batch is objects of one stream of one account, to be written together.
type batch struct {
	job     *job
	account string // the connected account they belong to; "": that of the settings
	found   []found
}

// foundOn returns the objects of a page as what was found.
func foundOn(p *page) []found {
	list := make([]found, len(p.objects))
	for i, object := range p.objects {
		list[i] = found{object: object, read: p.read}
	}
	return list
}

// A recordShop makes the records of one stream. It is safe for several goroutines.
type recordShop struct {
	compile func() (*rewrite.Rewriter, error)

	mu      sync.Mutex
	idle    []*recordMaker
	unknown []string // paths that the schema does not describe, each once
}

func newRecordShop(st *stream, schema *singer.Schema, selected func(path ...string) bool) (*recordShop, error) {
	shop := &recordShop{}
	shop.compile = func() (*rewrite.Rewriter, error) {
		return rewrite.Compile(schema.Schema, selected, shop.noteUnknown)
	}
	maker, err := shop.take(st)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", st.name, err)
	}
	shop.put(maker)
	return shop, nil
}

func (shop *recordShop) noteUnknown(path string) {
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if !slices.Contains(shop.unknown, path) {
		shop.unknown = append(shop.unknown, path)
	}
}

// take returns a maker that nobody else uses until it is put back.
func (shop *recordShop) take(st *stream) (*recordMaker, error) {
	shop.mu.Lock()
	if n := len(shop.idle); n > 0 {
		defer shop.mu.Unlock()
		maker := shop.idle[n-1]
		shop.idle = shop.idle[:n-1]
		return maker, nil
	}
	shop.mu.Unlock()
	rewriter, err := shop.compile()
	return &recordMaker{stream: st, rewriter: rewriter}, err
}

func (shop *recordShop) put(maker *recordMaker) {
	shop.mu.Lock()
	defer shop.mu.Unlock()
	shop.idle = append(shop.idle, maker)
}

// A recordMaker turns objects of one stream into records. It serves one goroutine.
type recordMaker struct {
	stream   *stream
	rewriter *rewrite.Rewriter
	object   bytes.Buffer // the current object
	text     []byte       // the records of the current batch
}

// make makes records of objects. The records are valid until the next call. Stripe sends its answers indented; white space
// between tokens is dropped, because a record must fit a line, and because it would be a quarter of it.
func (m *recordMaker) make(list []found) ([][]byte, error) {
	m.text = m.text[:0]
	records := make([][]byte, len(list))
	ends := make([]int, len(list))
	for i, f := range list {
		if err := m.add(f); err != nil {
			return nil, &singer.RecordError{Stream: m.stream.name, Err: err}
		}
		ends[i] = len(m.text)
	}
	start := 0
	for i, end := range ends {
		records[i] = m.text[start:end]
		start = end
	}
	return records, nil
}

// add appends the record of one object to the text of the batch.
func (m *recordMaker) add(f found) (err error) {
	m.object.Reset()
	if err := json.Compact(&m.object, f.object); err != nil {
		return fmt.Errorf("an object is not JSON: %w", err)
	}
	m.text, err = m.rewriter.Append(m.text, m.object.Bytes())
	return err
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

// identifyAll reads what a walk has to know of a page.
func identifyAll(st *stream, objects []json.RawMessage) ([]entry, error) {
	entries := make([]entry, len(objects))
	for i, object := range objects {
		e, err := identify(object, st.cursor)
		if err != nil {
			return nil, &singer.RecordError{Stream: st.name, Err: err}
		}
		entries[i] = e
	}
	return entries, nil
}
