package rechargefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tapline/internal/rawjson"
)

// member is one name and value of a JSON object.
type member struct {
	name string
	raw  json.RawMessage
}

// readMembers splits the text of a JSON object.
func readMembers(object []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, fmt.Errorf("want a JSON object, got %.40q", object)
	}
	var list []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("want a JSON object: %w", err)
		}
		m := member{name: name.(string)} // the name of a member is always text
		if err := dec.Decode(&m.raw); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// writeMembers is the inverse of readMembers.
func writeMembers(list []member) []byte {
	b := []byte{'{'}
	for i, m := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, quote(m.name)...), ':'), m.raw...)
	}
	return append(b, '}')
}

// set replaces or appends a member.
func set(list []member, name, raw string) []member {
	if i := slices.IndexFunc(list, func(m member) bool { return m.name == name }); i >= 0 {
		list[i].raw = json.RawMessage(raw)
		return list
	}
	return append(list, member{name, json.RawMessage(raw)})
}

// reach returns what stands at a path of names with dots between them. On its way through an array it goes into every
// element.
func reach(raw json.RawMessage, path string) []json.RawMessage {
	if len(raw) > 0 && raw[0] == '[' {
		var elements, found []json.RawMessage
		_ = json.Unmarshal(raw, &elements) // what the fake holds is valid
		for _, e := range elements {
			found = append(found, reach(e, path)...)
		}
		return found
	}
	if path == "" {
		return []json.RawMessage{raw}
	}
	name, rest, _ := strings.Cut(path, ".")
	if value := memberRaw(raw, name); value != nil {
		return reach(value, rest)
	}
	return nil
}

// memberRaw returns the value of a member of an object, or nil; also when it is no object.
func memberRaw(object []byte, name string) json.RawMessage {
	var m rawjson.Members
	for m.Reset(object); m.Next(); {
		if string(m.Key) == name {
			return m.Value
		}
	}
	return nil
}

// plainText is the content of a JSON string, the text of a number or a boolean, and "" for null.
func plainText(raw json.RawMessage) string {
	var s string
	switch {
	case string(raw) == "null":
		return ""
	case len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return s
	}
	return string(raw)
}
