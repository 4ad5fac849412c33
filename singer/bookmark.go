package singer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
	"time"

	"tapline/internal/rawjson"
)

// Bookmarks is a tap's view of its state: a JSON object in which "bookmarks" holds one object per stream. What it does
// not know, and what nobody sets, keeps its place and its bytes. It is safe for several goroutines.
//
// https://hub.meltano.com/singer/spec#state
type Bookmarks struct {
	mu      sync.Mutex
	rest    object // the document without the value of "bookmarks"
	streams object // the value of "bookmarks"
}

const (
	bookmarksKey = "bookmarks"
	syncingKey   = "currently_syncing"
)

// ParseBookmarks reads a state document. Empty text and null are the empty state; a document wrapped as {"value": ...},
// as a STATE message is, is unwrapped. It does not keep state. Failures are of type [*ConfigError].
func ParseBookmarks(state []byte) (*Bookmarks, error) {
	b, err := parseBookmarks(state)
	if err != nil {
		return nil, &ConfigError{Source: "the state", Faults: []string{err.Error()}}
	}
	return b, nil
}

func parseBookmarks(state []byte) (*Bookmarks, error) {
	state = bytes.TrimSpace(bytes.TrimPrefix(state, []byte("\ufeff")))
	if len(state) == 0 || string(state) == "null" {
		return &Bookmarks{}, nil
	}
	if end, err := rawjson.Skip(state, 0); err == nil && end < len(state) {
		return nil, fmt.Errorf("more text follows the document; of a file with one state a line, pass the last line alone")
	}
	var line bytes.Buffer
	if err := json.Compact(&line, state); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	whole, err := parseObject(line.Bytes())
	if err != nil {
		return nil, fmt.Errorf("it is not a JSON object")
	}
	if inner, ok := unwrap(whole); ok {
		return parseBookmarks(inner)
	}
	b := &Bookmarks{rest: whole}
	if streams := whole.get(bookmarksKey); streams != nil && string(streams) != "null" {
		if b.streams, err = parseObject(streams); err != nil {
			return nil, fmt.Errorf("its member %q is not an object", bookmarksKey)
		}
	}
	return b, nil
}

// unwrap returns the document inside an envelope.
func unwrap(whole object) (json.RawMessage, bool) {
	value := whole.get("value")
	if value == nil || whole.get(bookmarksKey) != nil {
		return nil, false
	}
	return value, len(whole) == 1 || whole.get("type") != nil
}

// Get decodes the bookmark of a stream into what into points to, and reports whether there is one. Numbers in an any
// are of type json.Number, so that no digit is lost.
func (b *Bookmarks) Get(stream string, into any) (bool, error) {
	b.mu.Lock()
	bookmark := b.streams.get(stream)
	b.mu.Unlock()
	if bookmark == nil || string(bookmark) == "null" {
		return false, nil
	}
	d := json.NewDecoder(bytes.NewReader(bookmark))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return false, &ConfigError{Source: "the state", Faults: []string{fmt.Sprintf("the bookmark of stream %s cannot be used: %v", stream, err)}}
	}
	return true, nil
}

// Set replaces the bookmark of a stream by a value that encodes to a JSON object.
func (b *Bookmarks) Set(stream string, bookmark any) error {
	text, err := marshal(bookmark)
	if err != nil {
		return fmt.Errorf("encoding the bookmark of stream %s: %w", stream, err)
	}
	if rawjson.KindOf(text) != rawjson.Object {
		return fmt.Errorf("the bookmark of stream %s is not an object", stream)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams.set(stream, text)
	return nil
}

// Value returns one member of a stream's bookmark as text: a string without its quotes, a number by its digits, "" when
// there is none.
func (b *Bookmarks) Value(stream, key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	bookmark, err := parseObject(b.streams.get(stream))
	if err != nil {
		return ""
	}
	return plain(bookmark.get(key))
}

// Advance sets one member of a stream's bookmark to a string, unless that would move it backwards. Values are compared
// as times if both are RFC 3339, as integers if both are, else as text.
func (b *Bookmarks) Advance(stream, key, value string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var bookmark object
	if old := b.streams.get(stream); old != nil && string(old) != "null" {
		var err error
		if bookmark, err = parseObject(old); err != nil {
			return &ConfigError{Source: "the state", Faults: []string{fmt.Sprintf("the bookmark of stream %s is not an object", stream)}}
		}
	}
	if old := bookmark.get(key); old != nil && compareCursors(plain(old), value) >= 0 {
		return nil
	}
	text, err := marshal(value)
	if err != nil {
		return fmt.Errorf("encoding the bookmark of stream %s: %w", stream, err)
	}
	bookmark.set(key, text)
	b.streams.set(stream, bookmark.text())
	return nil
}

// Remove drops the bookmark of a stream, so that it is read from its beginning, and tells whether there was one.
func (b *Bookmarks) Remove(stream string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streams.take(stream) != nil
}

// Streams lists the streams that have a bookmark, in the order of the document.
func (b *Bookmarks) Streams() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for _, m := range b.streams {
		names = append(names, m.name)
	}
	return names
}

// SetCurrentlySyncing notes the stream that a run is busy with; "" clears the note.
func (b *Bookmarks) SetCurrentlySyncing(stream string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if stream == "" {
		if b.rest.get(syncingKey) != nil {
			b.rest.set(syncingKey, json.RawMessage("null"))
		}
		return
	}
	text, _ := marshal(stream) // a string always encodes
	b.rest.set(syncingKey, text)
}

// State returns the document as it stands now, on one line. Later changes do not reach it.
func (b *Bookmarks) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams != nil {
		b.rest.set(bookmarksKey, b.streams.text())
	}
	return State{Value: b.rest.text()}
}

// compareCursors orders two values of a replication key.
func compareCursors(a, b string) int {
	if at, err := time.Parse(time.RFC3339Nano, a); err == nil {
		if bt, err := time.Parse(time.RFC3339Nano, b); err == nil {
			return at.Compare(bt)
		}
	}
	if an, ok := new(big.Int).SetString(a, 10); ok {
		if bn, ok := new(big.Int).SetString(b, 10); ok {
			return an.Cmp(bn)
		}
	}
	return cmp.Compare(a, b)
}

// plain returns a JSON string's text and any other value's JSON.
func plain(value json.RawMessage) string {
	var text string
	if rawjson.KindOf(value) == rawjson.String && json.Unmarshal(value, &text) == nil {
		return text
	}
	if string(value) == "null" {
		return ""
	}
	return string(value)
}

// set gives a member a value, in its place or behind all others.
func (o *object) set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

// text writes the object on one line, the values as they are.
func (o object) text() json.RawMessage {
	text := []byte{'{'}
	for _, m := range o {
		text = appendMember(text, m.name, m.value)
	}
	return append(text, '}')
}
