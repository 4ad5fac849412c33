package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"tapline/internal/rawjson"
)

// changes are what the events of a window come to: objects to read anew, each once, whatever happened to it.
type changes struct {
	objects map[changeKey]*change
	lists   map[listKey]*change // lists to read anew

	seen    map[string]int64  // the events read, and when they were made
	pending map[string]string // of feedMark, when the window is done
	gone    map[changeKey]bool
	events  int
	bytes   int // of the events
}

func newChanges() *changes {
	return &changes{objects: map[changeKey]*change{}, lists: map[listKey]*change{}, seen: map[string]int64{}, pending: map[string]string{}, gone: map[changeKey]bool{}}
}

// A changeKey is an object of a stream. Ids below a parent may be its own only, such as the names of capabilities.
type changeKey struct {
	job        *job
	parent, id string
}

// A listKey is the objects of a stream that belong to one of another kind: the refunds of a charge.
type listKey struct {
	job   *job
	query string // "charge=ch_1"
}

// A change is what the events of a window say of one object.
type change struct {
	changeKey
	newest  int64     // when the newest event was made
	by      string    // its type
	event   string    // its id
	alone   bool      // no other event about the object was made in that second
	deleted int64     // when the newest event was made that says it was deleted; 0: none does
	read    time.Time // when Stripe said that it does not have it

	// shown is how the newest event with more than an id shows the object, and shownAt, version belong to it.
	shown   json.RawMessage
	shownAt int64
	version string

	// children are what events show of the child streams' objects in this one, now or before a change, by id.
	children map[*job]map[string]shownChild
}

// A shownChild is how an event shows an object within its parent.
type shownChild struct {
	object json.RawMessage
	at     int64
}

// lineIDs is the API version since which invoice lines have ids of their own.
const lineIDs = "2019-12-03"

// route adds an event to the changes of the streams that it tells of.
func (f *follower) route(w *changes, e *event) {
	for _, j := range f.byObject[e.kind] {
		if e.objectID == "" || strings.HasPrefix(e.objectID, "il_tmp_") || !f.counts(e, j) {
			continue
		}
		if j.stream.parent != nil && j.stream.parent.path == "" {
			f.routeShown(w, e, j)
			continue
		}
		parent := ""
		if nested(j.stream) {
			if parent = idOf(member(e.object, parentMember(j))); parent == "" {
				continue // an object of the same kind below another one: a card is a customer's or an account's
			}
		}
		c := w.touch(changeKey{j, parent, e.objectID}, e)
		c.show(e)
		f.noteChildren(c, e)
	}
	for _, j := range f.triggered {
		for _, t := range j.stream.triggers {
			if strings.HasPrefix(e.typ, t.prefix) && f.counts(e, j) {
				f.trigger(w, e, j, t)
			}
		}
	}
}

// trigger adds what an event about another object changes.
func (f *follower) trigger(w *changes, e *event, j *job, t trigger) {
	id := idOf(member(e.object, t.id))
	if id == "" {
		return
	}
	switch parent := f.parent(j); {
	case parent != nil:
		w.touch(changeKey{job: parent, id: id}, e) // the children are read with it
	case j.stream.parent != nil: // nobody reads the parent
	case t.id == "id": // the event's object is no object of the stream, but some belong to it
		key := listKey{j, e.kind[strings.LastIndexByte(e.kind, '.')+1:] + "=" + id}
		if w.lists[key] == nil {
			w.lists[key] = &change{}
		}
		w.lists[key].note(e)
	default:
		w.touch(changeKey{job: j, id: id}, e)
	}
}

// touch notes that an event tells of an object.
func (w *changes) touch(key changeKey, e *event) *change {
	c := w.objects[key]
	if c == nil {
		c = &change{changeKey: key}
		w.objects[key] = c
	}
	c.note(e)
	return c
}

// note remembers the newest event. Of those of one second any may be the last, and it does not matter which is taken.
func (c *change) note(e *event) {
	switch {
	case c.event == "" || e.created > c.newest:
		c.newest, c.by, c.event, c.alone = e.created, e.typ, e.id, true
	case e.created == c.newest:
		c.alone = false
		if e.id > c.event {
			c.by, c.event = e.typ, e.id
		}
	}
}

// show remembers how the event shows the object itself.
func (c *change) show(e *event) {
	if e.deletes() {
		c.deleted = max(c.deleted, e.created)
	}
	bare := string(member(e.object, "deleted")) == "true" && member(e.object, "created") == nil
	if c.shown != nil && (bare || e.created < c.shownAt || e.created == c.shownAt && !e.deletes()) {
		return
	}
	c.shown, c.version, c.shownAt = slices.Clone(e.object), e.version, e.created
	if bare {
		c.shownAt = 0 // anything else shows more
	}
}

// noteChildren remembers the children that an event shows in its object, or says were there before.
func (f *follower) noteChildren(c *change, e *event) {
	if e.version < lineIDs && e.kind == "invoice" {
		return
	}
	for _, j := range f.children[c.job] {
		f.noteIDs(c, j, e)
		for _, element := range elementsBefore(j.stream.parent, e) {
			id, kind := textOf(member(element, "id")), textOf(member(element, "object"))
			if id != "" && (j.stream.object == "" || kind == j.stream.object) && !strings.HasPrefix(id, "il_tmp_") {
				f.noteChild(c, j, id, shownChild{slices.Clone(element), e.created})
			}
		}
	}
}

// elementsBefore are the children that an event shows, those that were there before the change behind those that are there
// now.
func elementsBefore(p *parentage, e *event) []json.RawMessage {
	if p.path != "" {
		return append(elementsOf(e.object, p.embedded), elementsOf(e.previous, p.embedded)...)
	}
	one := cmp.Or(p.instead, p.embedded)
	return append(elementsOf(e.object, one), overlaid(member(e.object, one), member(e.previous, one)))
}

// noteIDs remembers the children of which an event shows the ids only, now or before a change. Anything else shows more.
func (f *follower) noteIDs(c *change, j *job, e *event) {
	for _, object := range []json.RawMessage{e.object, e.previous} {
		var ids []string
		if j.stream.parent.instead == "" || json.Unmarshal(member(object, j.stream.parent.embedded), &ids) != nil {
			continue
		}
		for _, id := range ids {
			if _, known := c.children[j][id]; !known {
				named := withMember(withMember(json.RawMessage("{}"), "id", quoted(id)), "object", quoted(j.stream.object))
				f.noteChild(c, j, id, shownChild{object: named})
			}
		}
	}
}

// overlaid is an object as it was, of what it is now and the old values of what has changed: of objects within objects,
// events tell the members that have changed.
func overlaid(now, old json.RawMessage) json.RawMessage {
	if rawjson.KindOf(now) != rawjson.Object || rawjson.KindOf(old) != rawjson.Object {
		return old
	}
	was := json.RawMessage("{}")
	var m rawjson.Members
	for m.Reset(now); m.Next(); {
		if !has(old, string(m.Key)) {
			was = withMember(was, string(m.Key), m.Value)
		}
	}
	for m.Reset(old); m.Next(); {
		was = withMember(was, string(m.Key), m.Value)
	}
	return was
}

// noteChild remembers the newest view of a child.
func (f *follower) noteChild(c *change, j *job, id string, shown shownChild) {
	if c.children[j][id].at > shown.at {
		return
	}
	if c.children == nil {
		c.children = map[*job]map[string]shownChild{}
	}
	if c.children[j] == nil {
		c.children[j] = map[string]shownChild{}
	}
	c.children[j][id] = shown
}

// parent returns the job of the stream on which a job's objects hang, or nil.
func (f *follower) parent(j *job) *job {
	if j.stream.parent == nil {
		return nil
	}
	return f.byName[j.stream.parent.stream]
}

// foldPending adds the events to a run's first window whose objects the last run could not find.
func (f *follower) foldPending(ctx context.Context, w *changes) error {
	if f.retried {
		w.pending = f.mark.Pending
		return nil
	}
	for id := range f.mark.Pending {
		r := byID(eventsPath+"/{id}", id)
		r.account = f.account
		answer, err := f.client.retrieve(ctx, r)
		var api *APIError
		if errors.As(err, &api) && api.missing() {
			f.run.Log.Warn("an object was not found, and the event that told of it is too old to be read again", "id", f.mark.Pending[id])
			continue
		}
		if err != nil {
			return err
		}
		e, err := parseEvent(answer.raw)
		if err != nil {
			return err
		}
		e.again = true
		f.route(w, &e)
	}
	return nil
}
