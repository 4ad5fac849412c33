package stripefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// member is one name and value of a JSON object, in the order and with the
// bytes of the text it was read from.
type member struct {
	name string
	raw  []byte
}

// readMembers splits the text of a JSON object. The values share its memory.
func readMembers(object []byte) ([]member, error) {
	if !isObject(bytes.TrimLeft(object, blanks)) || !json.Valid(object) {
		return nil, fmt.Errorf("want a JSON object, got %.40q", object)
	}
	var list []member
	eachMember(object, func(name string, raw []byte) bool {
		list = append(list, member{name, raw})
		return true
	})
	return list, nil
}

const blanks = " \t\r\n"

// eachMember yields the members of the text of an object that is known to be
// valid JSON.
func eachMember(object []byte, yield func(name string, raw []byte) bool) {
	at := bytes.IndexByte(object, '{') + 1
	for {
		from := skip(object, at, blanks+",")
		if from >= len(object) || object[from] != '"' {
			return
		}
		at = valueEnd(object, from)
		name := object[from:at]
		from = skip(object, at, blanks+":")
		at = valueEnd(object, from)
		if !yield(text(name), object[from:at:at]) {
			return
		}
	}
}

func skip(b []byte, at int, any string) int {
	for at < len(b) && strings.IndexByte(any, b[at]) >= 0 {
		at++
	}
	return at
}

// valueEnd returns where the value that starts at a position ends.
func valueEnd(b []byte, at int) int {
	for depth := 0; at < len(b); at++ {
		switch b[at] {
		case '"':
			at = stringEnd(b, at)
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return at // of a number in the object that ends here
			}
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return at
			}
		}
	}
	return len(b)
}

// stringEnd returns the position of the quote that closes a string.
func stringEnd(b []byte, at int) int {
	for at++; at < len(b) && b[at] != '"'; at++ {
		if b[at] == '\\' {
			at++
		}
	}
	return min(at, len(b)-1)
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
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
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

// memberRaw returns the value of a member of an object that is valid, or nil.
func memberRaw(object []byte, name string) (value []byte) {
	eachMember(object, func(at string, raw []byte) bool {
		if at == name {
			value = raw
		}
		return value == nil
	})
	return value
}

// memberText returns the text of a string member of an object.
func memberText(object []byte, name string) string { return text(memberRaw(object, name)) }

// memberNumber returns the value of an integer member of an object.
func memberNumber(object []byte, name string) int64 { return number(memberRaw(object, name)) }

// number returns the value of a JSON integer, and 0 for anything else.
func number(raw []byte) int64 {
	n, _ := strconv.ParseInt(string(raw), 10, 64)
	return n
}
