package main

import (
	"slices"
	"strings"
	"time"

	"tapline/internal/rawjson"
)

// lookup returns the value at a path, steps joined by dots, in the text of an object; nil if there is none or if
// something on the way is not an object.
func lookup(object []byte, path string) []byte {
	for step := range strings.SplitSeq(path, ".") {
		var found []byte
		members := rawjson.Members{}
		for members.Reset(object); members.Next(); {
			if string(members.Key) == step {
				found = members.Value
			}
		}
		if members.Err() != nil || found == nil {
			return nil
		}
		object = found
	}
	return object
}

// textOf returns what a string says or the digits of a number; "" for anything else.
func textOf(value []byte) string {
	switch rawjson.KindOf(value) {
	case rawjson.String:
		text, _ := rawjson.Text(value, nil, true)
		return string(text)
	case rawjson.Number:
		return string(value)
	}
	return ""
}

// instantOf reads a time, or returns the zero time if value is none.
func instantOf(value []byte) time.Time {
	t, err := parseTime(textOf(value))
	if err != nil {
		return time.Time{}
	}
	return t
}

// masked returns *** in the place of text. What says nothing stays.
func masked(value []byte) []byte {
	if textOf(value) == "" {
		return value
	}
	return []byte(`"***"`)
}

// withoutProperties leaves properties out of a JSON Schema's first level.
func withoutProperties(schema []byte, names []string) ([]byte, error) {
	out := []byte{'{'}
	members := rawjson.Members{}
	for members.Reset(schema); members.Next(); {
		value := members.Value
		if string(members.Key) == "properties" {
			value = []byte{'{'}
			inner := rawjson.Members{}
			for inner.Reset(members.Value); inner.Next(); {
				if !slices.Contains(names, string(inner.Key)) {
					value = appendMember(value, string(inner.Key), inner.Value)
				}
			}
			value = append(value, '}')
		}
		out = appendMember(out, string(members.Key), value)
	}
	return append(out, '}'), members.Err()
}
