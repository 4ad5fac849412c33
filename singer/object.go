package singer

import (
	"encoding/json"
	"slices"

	"tapline/internal/rawjson"
)

// member is a name and its value in a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// object is a JSON object whose members keep their order.
type object []member

// parseObject reads the members of an object; of members with the same name the last counts. The values are parts of
// text.
func parseObject(text []byte) (object, error) {
	var o object
	var places map[string]int // where each name stands, once there are many
	var m rawjson.Members
	for m.Reset(text); m.Next(); {
		name := string(m.Key)
		if m.Escaped {
			unescaped, _ := rawjson.Text(slices.Concat([]byte{'"'}, m.Key, []byte{'"'}), nil, true)
			name = string(unescaped)
		}
		at, known := places[name]
		if places == nil {
			at = slices.IndexFunc(o, func(m member) bool { return m.name == name })
			known = at >= 0
		}
		if known {
			o[at].value = m.Value
			continue
		}
		o = append(o, member{name, m.Value})
		switch {
		case places != nil:
			places[name] = len(o) - 1
		case len(o) == 16:
			places = map[string]int{}
			for i, m := range o {
				places[m.name] = i
			}
		}
	}
	return o, m.Err()
}

// get returns the value of a member, or nil.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// take removes a member and returns its value, or nil.
func (o *object) take(name string) json.RawMessage {
	for i, m := range *o {
		if m.name == name {
			*o = slices.Delete(*o, i, i+1)
			return m.value
		}
	}
	return nil
}

// appendMember appends a member to an object that is being written; dst ends with its opening brace or a member.
func appendMember(dst []byte, name string, value []byte) []byte {
	return append(appendName(dst, name), value...)
}

// appendName appends a member's name and colon, and the comma before it if one is due.
func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

// elements returns the raw elements of a JSON array, or nil if text is none.
func elements(text []byte) []json.RawMessage {
	var list []json.RawMessage
	if rawjson.KindOf(text) != rawjson.Array || json.Unmarshal(text, &list) != nil {
		return nil
	}
	return list
}

// stringOf returns what a JSON string says, or "" if text is none.
func stringOf(text []byte) string {
	if rawjson.KindOf(text) != rawjson.String {
		return ""
	}
	s, _ := rawjson.Text(text, nil, true)
	return string(s)
}

// stringsOf returns the strings of a JSON array or a single string, and leaves out what is no string.
func stringsOf(text []byte) []string {
	if s := stringOf(text); s != "" {
		return []string{s}
	}
	var list []string
	for _, element := range elements(text) {
		if s := stringOf(element); s != "" {
			list = append(list, s)
		}
	}
	return list
}
