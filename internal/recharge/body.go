package recharge

import (
	"encoding/json"
	"errors"
	"fmt"

	"tapline/internal/rawjson"
)

// readPage finds the items, about limit of them, and the cursor in the body of an answer.
func readPage(a *answer, key string, limit int) (*Page, error) {
	var list, next []byte
	if err := members(a.body, func(name string, value []byte) {
		switch name {
		case key:
			list = value
		case "next_cursor":
			next = value
		}
	}); err != nil {
		return nil, err
	}
	page := &Page{Date: a.date()}
	switch rawjson.KindOf(next) {
	case rawjson.Invalid, rawjson.Null:
	case rawjson.String:
		text, _ := rawjson.Text(next, nil, true)
		page.Next = string(text)
	default:
		return nil, &transferError{err: errors.New("next_cursor of the answer is not text"), final: true}
	}
	switch rawjson.KindOf(list) {
	case rawjson.Array:
		page.Items = elements(list, limit)
	case rawjson.Null:
	default:
		return nil, &transferError{err: fmt.Errorf("the answer has no list %q", key), final: true}
	}
	return page, nil
}

// readObject finds one member in the body of an answer.
func readObject(body []byte, key string) (json.RawMessage, error) {
	var object []byte
	err := members(body, func(name string, value []byte) {
		if name == key {
			object = value
		}
	})
	switch {
	case err != nil:
		return nil, err
	case key == "":
		return body, nil
	case object == nil:
		return nil, &transferError{err: fmt.Errorf("the answer has no member %q", key), final: true}
	}
	return object[:len(object):len(object)], nil
}

// members tells use of each member of the object that body is. A body that is anything else, or not whole, is a
// failure that may pass: gateways answer so on bad days.
func members(body []byte, use func(name string, value []byte)) error {
	m := rawjson.Members{}
	for m.Reset(body); m.Next(); {
		use(string(m.Key), m.Value)
	}
	if err := m.Err(); err != nil {
		if rawjson.Unended(err) {
			return &transferError{err: errShort, stale: true}
		}
		return &transferError{err: fmt.Errorf("the answer is not the JSON of an object: %w", err), stale: true}
	}
	if rawjson.SkipSpace(body, m.End()) < len(body) {
		return &transferError{err: errors.New("the answer goes on behind its JSON"), stale: true}
	}
	return nil
}

// elements returns the elements, about expected of them, of an array whose syntax has been checked.
func elements(list []byte, expected int) []json.RawMessage {
	items := make([]json.RawMessage, 0, max(expected, 0))
	for i := rawjson.SkipSpace(list, 1); list[i] != ']'; {
		end, err := rawjson.Skip(list, i)
		if err != nil {
			return items // it was checked before
		}
		items = append(items, json.RawMessage(list[i:end:end]))
		if i = rawjson.SkipSpace(list, end); list[i] == ',' {
			i = rawjson.SkipSpace(list, i+1)
		}
	}
	return items
}
