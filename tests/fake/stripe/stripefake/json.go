package stripefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// member is one name and value of a JSON object, in the order and with the
// bytes of the text it was read from.
type member struct {
	name string
	raw  []byte
}

// readMembers splits the text of a JSON object. The values share its memory.
func readMembers(object []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("want a JSON object, got %.40q", object)
	}
	var list []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("reading a member name: %w", err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("reading the value of %q: %w", name, err)
		}
		list = append(list, member{name.(string), raw})
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("reading the end of the object: %w", err)
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
		b = append(append(appendString(b, m.name), ':'), m.raw...)
	}
	return append(b, '}')
}

// find returns the value of a member of list, or nil.
func find(list []member, name string) []byte {
	if i := slices.IndexFunc(list, func(m member) bool { return m.name == name }); i >= 0 {
		return list[i].raw
	}
	return nil
}

// set replaces or appends a member.
func set(list []member, name string, raw []byte) []member {
	if i := slices.IndexFunc(list, func(m member) bool { return m.name == name }); i >= 0 {
		list[i].raw = raw
		return list
	}
	return append(list, member{name, raw})
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// text returns the content of a JSON string, and "" for anything else.
func text(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// listBody writes Stripe's list object around complete elements.
func listBody(data [][]byte, hasMore bool, path string) []byte {
	b := []byte(`{"object":"list","data":[`)
	b = append(b, bytes.Join(data, []byte{','})...)
	b = fmt.Appendf(b, `],"has_more":%t,"url":`, hasMore)
	return append(appendString(b, path), '}')
}

// readElements splits the text of a JSON array.
func readElements(array []byte) [][]byte {
	var raws []json.RawMessage
	if json.Unmarshal(array, &raws) != nil {
		return nil
	}
	list := make([][]byte, len(raws))
	for i, raw := range raws {
		list[i] = raw
	}
	return list
}

// memberText returns the text of a string member of an object.
func memberText(object []byte, name string) string {
	members, err := readMembers(object)
	if err != nil {
		return ""
	}
	return text(find(members, name))
}

// memberNumber returns the value of an integer member of an object.
func memberNumber(object []byte, name string) int64 {
	members, err := readMembers(object)
	if err != nil {
		return 0
	}
	return number(find(members, name))
}

// number returns the value of a JSON integer, and 0 for anything else.
func number(raw []byte) int64 {
	n, _ := strconv.ParseInt(string(raw), 10, 64)
	return n
}
