package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"tapline/internal/rawjson"
)

// splitList finds the objects in the body of a page, {"object": "list", "data": [...], "has_more": ...}. They remain
// parts of the body, without the white space between tokens, which is a third of what Stripe sends.
func splitList(body []byte) (objects []json.RawMessage, more bool, err error) {
	s := scan{text: body}
	var flag []byte
	list := false
	s.expect('{')
	for another := !s.skip('}'); another; another = s.another('}') {
		key := s.value()
		s.expect(':')
		switch string(key) {
		case `"data"`:
			list = s.skip('[')
			objects = s.items()
		case `"has_more"`:
			flag = s.value()
		default:
			s.value()
		}
	}
	if err := s.end(); err != nil {
		return nil, false, err
	}
	if !list || rawjson.KindOf(flag) != rawjson.Bool {
		return nil, false, errors.New("the answer is not a list")
	}
	return objects, flag[0] == 't', nil
}

// oneObject finds the object that is a whole body, and drops the white space between its tokens.
func oneObject(body []byte) (json.RawMessage, error) {
	s := scan{text: body}
	object := s.packed()
	if err := s.end(); err != nil {
		return nil, err
	}
	if rawjson.KindOf(object) != rawjson.Object {
		return nil, errors.New("the answer is not an object")
	}
	return object, nil
}

// A scan reads JSON text from its beginning to its end. Its first failure sticks, and nothing is found behind it.
type scan struct {
	text   []byte
	at     int
	err    error
	packer packer
}

// skip takes a token of one byte, if it is the next.
func (s *scan) skip(token byte) bool {
	s.at = rawjson.SkipSpace(s.text, s.at)
	if s.err != nil || s.at == len(s.text) || s.text[s.at] != token {
		return false
	}
	s.at++
	return true
}

// expect takes a token of one byte, which must be the next.
func (s *scan) expect(token byte) {
	if !s.skip(token) && s.err == nil {
		s.err = fmt.Errorf("a %c is missing at byte %d", token, s.at)
	}
}

// another takes what stands between two items or members, or behind the last. It reports whether one follows.
func (s *scan) another(closing byte) bool {
	if s.skip(',') {
		return true
	}
	s.expect(closing)
	return false
}

// value takes a value of any kind.
func (s *scan) value() []byte {
	s.at = rawjson.SkipSpace(s.text, s.at)
	if s.err != nil {
		return nil
	}
	end, err := rawjson.Skip(s.text, s.at)
	if err != nil {
		s.err = err
		return nil
	}
	value := s.text[s.at:end]
	s.at = end
	return value
}

// packed takes a value of any kind and drops the white space between its tokens.
func (s *scan) packed() (value []byte) {
	if s.err != nil {
		return nil
	}
	s.at = rawjson.SkipSpace(s.text, s.at)
	value, s.err = s.packer.pack(s.text, s.at)
	s.at = s.packer.at
	return value
}

// items takes the items of an array, behind its opening bracket.
func (s *scan) items() (items []json.RawMessage) {
	for another := !s.skip(']'); another && s.err == nil; another = s.another(']') {
		items = append(items, s.packed())
	}
	return items
}

// end returns why the text is not JSON up to its end, or nil. The words hold nothing of the text.
func (s *scan) end() error {
	if s.at = rawjson.SkipSpace(s.text, s.at); s.err == nil && s.at < len(s.text) {
		s.err = fmt.Errorf("something follows the end at byte %d", s.at)
	}
	if s.err != nil {
		return fmt.Errorf("the answer is not whole JSON: %w", s.err)
	}
	return nil
}
