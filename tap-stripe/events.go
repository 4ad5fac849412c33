package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"tapline/internal/rawjson"
	"tapline/singer"
)

// An event is what Stripe tells of a change: which object changed, and how it looked.
//
// The object in it is no record. It is written at the API version that the account had, which need not be the tap's,
// without what has to be expanded, and with lists cut at ten; and of two events of one second nobody knows which came
// first. Events therefore say what to read anew, and their objects serve where nothing can be read any more.
//
// https://docs.stripe.com/api/events/object
type event struct {
	id       string
	typ      string // "charge.refunded"
	created  int64  // Unix seconds
	version  string // the API version that object is written at
	object   json.RawMessage
	kind     string          // what "object" says in object
	objectID string          // "" for an object that does not exist yet, such as a coming invoice
	previous json.RawMessage // the old values of what was updated; nil in events that are no updates
	again    bool            // the last run could not do what it asks for
}

// parseEvent reads an event. The parts of the event that it returns are parts of raw.
func parseEvent(raw json.RawMessage) (e event, err error) {
	var created bool
	var m rawjson.Members
	for m.Reset(raw); m.Next(); {
		switch string(m.Key) {
		case "id":
			e.id = textOf(m.Value)
		case "type":
			e.typ = textOf(m.Value)
		case "api_version":
			e.version = textOf(m.Value)
		case "created":
			e.created, err = strconv.ParseInt(string(m.Value), 10, 64)
			created = err == nil
		case "data":
			e.object, e.previous = member(m.Value, "object"), member(m.Value, "previous_attributes")
		}
	}
	switch {
	case m.Err() != nil:
		err = fmt.Errorf("an item of the list is not an object: %w", m.Err())
	case e.id == "" || e.typ == "" || !created:
		err = fmt.Errorf("event %q lacks its id, its type or its time", e.id)
	case rawjson.KindOf(e.object) != rawjson.Object:
		err = fmt.Errorf("event %s tells of no object", e.id)
	default:
		e.kind, e.objectID = textOf(member(e.object, "object")), textOf(member(e.object, "id"))
		return e, nil
	}
	return e, &singer.RecordError{Stream: "events", Err: err}
}

// deletes tells whether the event says that its object was deleted. Some objects live on all the same: a subscription
// is canceled by its deletion, and an id that the merchant chose may have been given again.
func (e *event) deletes() bool { return strings.HasSuffix(e.typ, ".deleted") }

// textOf returns the text of a JSON string, and "" for any other value.
func textOf(value json.RawMessage) string {
	text, err := stringOf(value)
	if err != nil {
		return ""
	}
	return text
}

// idOf returns the id in a member that holds an id, or an object that was expanded.
func idOf(value json.RawMessage) string {
	if rawjson.KindOf(value) == rawjson.Object {
		value = member(value, "id")
	}
	return textOf(value)
}

// elementsOf returns the elements that an object shows of a list at a path of members, such as "lines", or the one object
// that is there.
func elementsOf(object json.RawMessage, path string) []json.RawMessage {
	for name := range strings.SplitSeq(path, ".") {
		object = member(object, name)
	}
	var elements []json.RawMessage
	if member(object, "id") != nil {
		return []json.RawMessage{object}
	}
	if data := member(object, "data"); data == nil || json.Unmarshal(data, &elements) != nil {
		return nil
	}
	return elements
}
