package main

import (
	"bytes"
	"encoding/json"
	"errors"
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
	object    json.RawMessage // without white space between tokens
	read      time.Time       // the server's clock at the answer
	updated   int64           // Unix seconds of the newest event that led here; 0 in a list
	updatedBy string          // type of that event; "" in a list
	deletedAt int64           // Unix seconds; other than 0 the object is gone, and its last known fields are what is here
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

// The columns that records have beside what Stripe sends, as far as the schema names them. Where an object has a field of
// that name, that stays.
const (
	columnUpdated   = "updated"
	columnUpdatedBy = "updated_by_event_type"
	columnDeleted   = "deleted"
	columnDeletedAt = "deleted_at"
	columnFetchedAt = "_sdc_source_fetched_at"
	columnGoneAt    = "_sdc_deleted_at" // by which targets know a row that is gone
	columnAccount   = "account_id"
)

// A recordShop makes the records of one stream. It is safe for several goroutines.
type recordShop struct {
	compile func() (*rewrite.Rewriter, error)
	columns map[string]bool // those of the schema, at the top
	names   []string        // of all columns that may be added

	mu        sync.Mutex
	rewriters []*rewrite.Rewriter // that nobody uses
	idle      []*recordMaker
	unknown   []string // paths that the schema does not describe, each once
}

func newRecordShop(st *stream, schema *singer.Schema, selected func(path ...string) bool) (*recordShop, error) {
	shop := &recordShop{columns: map[string]bool{},
		names: []string{columnUpdated, columnUpdatedBy, columnDeleted, columnDeletedAt, columnGoneAt, columnFetchedAt, columnAccount, st.time}}
	var shape struct{ Properties map[string]json.RawMessage }
	if err := json.Unmarshal(schema.Schema, &shape); err != nil {
		return nil, fmt.Errorf("stream %s: reading its schema: %w", st.name, err)
	}
	for name := range shape.Properties {
		shop.columns[name] = true
	}
	hidden := st.hidden()
	shown := func(path ...string) bool {
		return (len(path) != 1 || !slices.Contains(hidden, path[0])) && selected(path...)
	}
	shop.compile = func() (*rewrite.Rewriter, error) {
		rewriter, err := rewrite.Compile(schema.Schema, shown, shop.noteUnknown)
		if err == nil {
			rewriter.Watch(shop.names)
		}
		return rewriter, err
	}
	rewriter, err := shop.borrow()
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", st.name, err)
	}
	shop.giveBack(rewriter)
	return shop, nil
}

func (shop *recordShop) noteUnknown(path string) {
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if !slices.Contains(shop.unknown, path) {
		shop.unknown = append(shop.unknown, path)
	}
}

// borrow returns a rewriter that nobody else uses until it is given back. They are large, and needed only while records are
// made, not while their makers wait until they can be written.
func (shop *recordShop) borrow() (*rewrite.Rewriter, error) {
	shop.mu.Lock()
	if n := len(shop.rewriters); n > 0 {
		defer shop.mu.Unlock()
		rewriter := shop.rewriters[n-1]
		shop.rewriters = shop.rewriters[:n-1]
		return rewriter, nil
	}
	shop.mu.Unlock()
	return shop.compile()
}

func (shop *recordShop) giveBack(rewriter *rewrite.Rewriter) {
	shop.mu.Lock()
	defer shop.mu.Unlock()
	shop.rewriters = append(shop.rewriters, rewriter)
}

// take returns a maker that nobody else uses until it is put back.
func (shop *recordShop) take(st *stream) (*recordMaker, error) {
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if n := len(shop.idle); n > 0 {
		maker := shop.idle[n-1]
		shop.idle = shop.idle[:n-1]
		return maker, nil
	}
	return &recordMaker{stream: st, shop: shop}, nil
}

// put takes a maker back, but not its text: there are many shops, and a page of records is long.
func (shop *recordShop) put(maker *recordMaker) {
	maker.text = nil
	shop.mu.Lock()
	defer shop.mu.Unlock()
	shop.idle = append(shop.idle, maker)
}

// A recordMaker turns objects of one stream into records. It serves one goroutine.
type recordMaker struct {
	stream   *stream
	shop     *recordShop
	rewriter *rewrite.Rewriter // while records are made
	text     []byte            // the records of the current batch

	// Most objects of a batch get the same columns with the same values.
	values columnValues
	added  []byte // an object with the columns of these values, rewritten
	object []byte // the same before
}

// columnValues is all that the columns of a record are made of.
type columnValues struct {
	own                              uint64 // a bit for each column that the object has itself
	moment, updated, deletedAt, read int64
	updatedBy, account               string
}

// make makes records of objects. They are valid until the next call. account is written into them, unless it is "".
func (m *recordMaker) make(list []found, account string) (records [][]byte, err error) {
	if m.rewriter, err = m.shop.borrow(); err != nil {
		return nil, err
	}
	defer func() {
		m.shop.giveBack(m.rewriter)
		m.rewriter = nil
	}()
	m.makeRoom(list)
	ends := make([]int, len(list))
	for i, f := range list {
		if err := m.append(f, account); err != nil {
			return nil, &singer.RecordError{Stream: m.stream.name, Err: err}
		}
		ends[i] = len(m.text)
	}
	records, start := make([][]byte, len(list)), 0
	for i, end := range ends {
		records[i] = m.text[start:end]
		start = end
	}
	return records, nil
}

// roomToGrow is by how much most records are longer than their objects: times become text, and columns are added.
const roomToGrow = 256

// makeRoom empties the text and makes room for the records of objects. Text that grew with each of them would be copied
// several times.
func (m *recordMaker) makeRoom(list []found) {
	room := 0
	for _, f := range list {
		room += len(f.object) + roomToGrow
	}
	if cap(m.text) < room {
		m.text = make([]byte, 0, room)
	}
	m.text = m.text[:0]
}

// append rewrites an object and adds what is known of its version behind its own members.
func (m *recordMaker) append(f found, account string) (err error) {
	start := len(m.text)
	if m.text, err = m.rewriter.Append(m.text, f.object); err != nil {
		return fmt.Errorf("an object of Stripe: %w", err)
	}
	v := columnValues{own: m.rewriter.Met(), updated: f.updated, updatedBy: f.updatedBy, deletedAt: f.deletedAt, read: f.read.Unix(), account: account}
	if m.stream.time != "" {
		v.moment = m.stream.moment(f)
	}
	if m.added == nil || v != m.values {
		m.values = v
		m.addColumns(v)
		if m.added, err = m.rewriter.Append(m.added[:0], m.object); err != nil {
			return err
		}
	}
	if len(m.added) > len("{}") {
		m.text = bytes.TrimRight(m.text, " \t\r\n")
		if m.text = m.text[:len(m.text)-1]; len(bytes.TrimSpace(m.text[start:])) > len("{") {
			m.text = append(m.text, ',')
		}
		m.text = append(m.text, m.added[1:]...)
	}
	return nil
}

// addColumns makes an object of the columns with these values.
func (m *recordMaker) addColumns(v columnValues) {
	m.object = append(m.object[:0], '{')
	if m.stream.time != "" && m.begin(m.stream.time) {
		m.object = strconv.AppendInt(m.object, v.moment, 10)
	}
	if m.begin(columnUpdated) {
		m.addSeconds(v.updated)
	}
	if m.begin(columnUpdatedBy) {
		m.addText(v.updatedBy)
	}
	if m.begin(columnDeleted) {
		m.object = strconv.AppendBool(m.object, v.deletedAt != 0)
	}
	for _, name := range [...]string{columnDeletedAt, columnGoneAt} {
		if m.begin(name) {
			m.addSeconds(v.deletedAt)
		}
	}
	if m.begin(columnFetchedAt) {
		m.addSeconds(v.read)
	}
	if v.account != "" && m.begin(columnAccount) {
		m.addText(v.account)
	}
	m.object = append(m.object, '}')
}

// begin begins a column, unless the schema does not have it, or the object has a field of that name.
func (m *recordMaker) begin(column string) bool {
	if !m.shop.columns[column] || m.values.own&(1<<slices.Index(m.shop.names, column)) != 0 {
		return false
	}
	if len(m.object) > 1 {
		m.object = append(m.object, ',')
	}
	m.object = append(m.object, '"')
	m.object = append(m.object, column...)
	m.object = append(m.object, '"', ':')
	return true
}

// addSeconds adds a time, or null if it is 0.
func (m *recordMaker) addSeconds(seconds int64) {
	if seconds == 0 {
		m.object = append(m.object, "null"...)
		return
	}
	m.object = strconv.AppendInt(m.object, seconds, 10)
}

// addText adds a text of letters, digits, dots and underscores, or null if it is "".
func (m *recordMaker) addText(text string) {
	if text == "" {
		m.object = append(m.object, "null"...)
		return
	}
	m.object = strconv.AppendQuote(m.object, text)
}

// identify reads the id and the time of creation of an object.
func identify(object []byte, cursor string) (entry, error) {
	var (
		e       entry
		m       rawjson.Members
		created bool
	)
	for m.Reset(object); (e.id == "" || !created) && m.Next(); {
		switch string(m.Key) {
		case "id":
			if rawjson.KindOf(m.Value) == rawjson.String {
				id, _ := rawjson.Text(m.Value, nil, bytes.IndexByte(m.Value, '\\') >= 0)
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
		return e, &undatedError{e.id, cursor}
	}
	return e, nil
}

// An undatedError says that an object has no time of creation.
type undatedError struct{ id, cursor string }

func (e *undatedError) Error() string {
	return fmt.Sprintf("object %s has no time in %q", e.id, e.cursor)
}

// identifyAll reads what a walk has to know of a page.
func identifyAll(st *stream, objects []json.RawMessage) ([]entry, error) {
	entries := make([]entry, len(objects))
	for i, object := range objects {
		e, err := identify(object, st.cursor)
		if err != nil {
			if undated := (*undatedError)(nil); !st.undated || !errors.As(err, &undated) {
				return nil, &singer.RecordError{Stream: st.name, Err: err}
			}
			e.created = unknown
		}
		entries[i] = e
	}
	return entries, nil
}
