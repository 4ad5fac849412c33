package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline/internal/rawjson"
)

// quoted is how many bytes of a line that is not JSON its failure shows.
const quoted = 200

// internMax bounds the stream names that are kept, against hostile input.
const internMax = 10_000

// parser makes messages from lines. The Record it returns and all raw bytes are valid until the next line.
type parser struct {
	record  Record
	scratch []byte
	names   map[string]string // stream names seen
	skipped map[string]bool   // unknown types seen
}

// envelope holds the raw values of a line's members; nil where there is none.
type envelope struct {
	kind, stream, record, time, version, value []byte
	schema, keys, bookmarks                    []byte
	encoding, manifest                         []byte
}

func (e *envelope) member(name []byte) *[]byte {
	switch string(name) {
	case "type":
		return &e.kind
	case "stream":
		return &e.stream
	case "record":
		return &e.record
	case "time_extracted":
		return &e.time
	case "version":
		return &e.version
	case "value":
		return &e.value
	case "schema":
		return &e.schema
	case "key_properties":
		return &e.keys
	case "bookmark_properties":
		return &e.bookmarks
	case "encoding":
		return &e.encoding
	case "manifest":
		return &e.manifest
	}
	return nil
}

// message returns the message of a line, or nil when the line is blank or of a type that Singer does not have.
func (p *parser) message(line []byte, skipped func(kind string)) (Message, error) {
	if rawjson.SkipSpace(line, 0) == len(line) {
		return nil, nil
	}
	var e envelope
	if err := p.open(&e, line); err != nil {
		return nil, err
	}
	switch kind := kindOf(e.kind); kind {
	case "RECORD":
		return p.recordOf(&e)
	case "SCHEMA":
		return p.schemaOf(&e)
	case "STATE":
		if e.value == nil {
			return nil, lacks(kind, "value")
		}
		return &State{Value: e.value}, nil
	case "ACTIVATE_VERSION":
		return p.activateVersionOf(&e)
	case "BATCH":
		return p.batchOf(&e)
	case "":
		return nil, fmt.Errorf(`the message lacks "type", or it is not a string: %s`, excerpt(line))
	default:
		p.skip(kind, skipped)
		return nil, nil
	}
}

// open walks the members of a line. Of members with the same name the last counts, as in other JSON readers. Two
// different types are refused, because a line must not turn from a RECORD into a STATE behind a reader's back.
func (p *parser) open(e *envelope, line []byte) error {
	var m rawjson.Members
	for m.Reset(line); m.Next(); {
		name := m.Key
		if m.Escaped {
			name, _ = rawjson.Text(slices.Concat([]byte{'"'}, m.Key, []byte{'"'}), nil, true)
		}
		at := e.member(name)
		if at == nil {
			continue
		}
		if at == &e.kind && e.kind != nil && kindOf(e.kind) != kindOf(m.Value) {
			return fmt.Errorf("the message names two types, %s and %s", e.kind, m.Value)
		}
		*at = m.Value
	}
	err := m.Err()
	switch {
	case err == nil && rawjson.SkipSpace(line, m.End()) == len(line):
		return nil
	case err == nil:
		return fmt.Errorf("the line goes on behind its JSON object, at byte %d: %s", m.End(), excerpt(line))
	case rawjson.Unended(err) && line[len(line)-1] != '\n':
		return fmt.Errorf("the stream was cut in the middle of this line, after %d bytes of it: %w", len(line), io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the line is not a JSON object: %w: %s", err, excerpt(line))
}

func (p *parser) recordOf(e *envelope) (Message, error) {
	p.record = Record{Record: e.record}
	r := &p.record
	var err error
	if r.Stream, err = p.stream("RECORD", e); err != nil {
		return nil, err
	}
	if e.record == nil {
		return nil, lacks("RECORD of stream "+r.Stream, "record")
	}
	if rawjson.KindOf(e.record) != rawjson.Object {
		return nil, &RecordError{Stream: r.Stream, Err: errors.New(`"record" is not a JSON object`)}
	}
	if r.Version, r.HasVersion, err = version(e); err != nil {
		return nil, &RecordError{Stream: r.Stream, Err: err}
	}
	if e.time != nil {
		r.TimeExtracted = p.time(e.time)
	}
	return r, nil
}

func (p *parser) schemaOf(e *envelope) (Message, error) {
	stream, err := p.stream("SCHEMA", e)
	if err != nil {
		return nil, err
	}
	kind := "SCHEMA of stream " + stream
	if e.schema == nil {
		return nil, lacks(kind, "schema")
	}
	if rawjson.KindOf(e.schema) != rawjson.Object {
		return nil, fmt.Errorf(`the %s: "schema" is not a JSON object`, kind)
	}
	s := &Schema{Stream: stream, Schema: e.schema}
	if s.KeyProperties, err = names(kind, "key_properties", e.keys); err != nil {
		return nil, err
	}
	s.BookmarkProperties, err = names(kind, "bookmark_properties", e.bookmarks)
	return s, err
}

func (p *parser) activateVersionOf(e *envelope) (Message, error) {
	stream, err := p.stream("ACTIVATE_VERSION", e)
	if err != nil {
		return nil, err
	}
	n, ok, err := version(e)
	if err != nil {
		return nil, fmt.Errorf("the ACTIVATE_VERSION of stream %s: %w", stream, err)
	}
	if !ok {
		return nil, lacks("ACTIVATE_VERSION of stream "+stream, "version")
	}
	return &ActivateVersion{Stream: stream, Version: n}, nil
}

func (p *parser) batchOf(e *envelope) (Message, error) {
	stream, err := p.stream("BATCH", e)
	if err != nil {
		return nil, err
	}
	kind := "BATCH of stream " + stream
	if e.encoding == nil {
		return nil, lacks(kind, "encoding")
	}
	if e.manifest == nil {
		return nil, lacks(kind, "manifest")
	}
	var encoding struct{ Format, Compression string }
	if err := json.Unmarshal(e.encoding, &encoding); err != nil || encoding.Format == "" {
		return nil, fmt.Errorf(`the %s: "encoding" does not name a format`, kind)
	}
	b := &Batch{Stream: stream, Format: encoding.Format, Compression: encoding.Compression}
	if b.Manifest, err = names(kind, "manifest", e.manifest); err != nil {
		return nil, err
	}
	if b.Version, b.HasVersion, err = version(e); err != nil {
		return nil, fmt.Errorf("the %s: %w", kind, err)
	}
	return b, nil
}

// stream returns the envelope's stream name, the same string for the same name.
func (p *parser) stream(kind string, e *envelope) (string, error) {
	text := p.text(e.stream)
	if len(text) == 0 {
		return "", fmt.Errorf(`the %s lacks "stream", or it is not a name`, kind)
	}
	if name, ok := p.names[string(text)]; ok {
		return name, nil
	}
	name := string(text)
	if p.names == nil {
		p.names = map[string]string{}
	}
	if len(p.names) < internMax {
		p.names[name] = name
	}
	return name, nil
}

func (p *parser) skip(kind string, skipped func(string)) {
	if skipped == nil || p.skipped[kind] || len(p.skipped) == internMax {
		return
	}
	if p.skipped == nil {
		p.skipped = map[string]bool{}
	}
	p.skipped[kind] = true
	skipped(kind)
}

// time reads an RFC 3339 time; what cannot be read is as good as no time.
func (p *parser) time(value []byte) time.Time {
	var t time.Time
	if err := t.UnmarshalText(p.text(value)); err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// text returns what a string value says, or nil if it is not a string.
func (p *parser) text(value []byte) []byte {
	if rawjson.KindOf(value) != rawjson.String {
		return nil
	}
	escaped := bytes.IndexByte(value, '\\') >= 0
	text, _ := rawjson.Text(value, p.scratch[:0], escaped)
	if escaped {
		p.scratch = text
	}
	return text
}

// kindOf returns the message type in upper case, or "" if there is none.
func kindOf(value []byte) string {
	if string(value) == `"RECORD"` {
		return "RECORD"
	}
	if rawjson.KindOf(value) != rawjson.String {
		return ""
	}
	text, _ := rawjson.Text(value, nil, true)
	return strings.ToUpper(string(text))
}

func version(e *envelope) (n int64, ok bool, err error) {
	if e.version == nil || rawjson.KindOf(e.version) == rawjson.Null {
		return 0, false, nil
	}
	if n, err = strconv.ParseInt(string(e.version), 10, 64); err != nil {
		return 0, false, fmt.Errorf(`"version" is not a whole number of 64 bits: %s`, excerpt(e.version))
	}
	return n, true, nil
}

// names reads a list of strings that are not empty. A single string stands for a list of one, and null for none.
func names(kind, member string, value []byte) ([]string, error) {
	var list []string
	var err error
	switch rawjson.KindOf(value) {
	case rawjson.Invalid, rawjson.Null:
	case rawjson.String:
		list = make([]string, 1)
		err = json.Unmarshal(value, &list[0])
	default:
		err = json.Unmarshal(value, &list)
	}
	if err != nil || slices.Contains(list, "") {
		return nil, fmt.Errorf(`the %s: %q is not a list of names`, kind, member)
	}
	return list, nil
}

func lacks(kind, member string) error { return fmt.Errorf(`the %s lacks %q`, kind, member) }

// excerpt quotes the beginning of text for a failure.
func excerpt(text []byte) string {
	text = bytes.TrimRight(text, "\r\n")
	if len(text) > quoted {
		return fmt.Sprintf("%q and %d bytes more", text[:quoted], len(text)-quoted)
	}
	return fmt.Sprintf("%q", text)
}
