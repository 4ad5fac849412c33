package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tapline/internal/rawjson"
)

// trusted is how old the event of an object must be that is missing without an event of its deletion, before its
// absence is believed. Until then every run looks it up again.
const trusted = 24 * time.Hour

// missingAny tells whether objects were not found.
func (f *follower) missingAny(w *changes) bool {
	for _, c := range w.objects {
		if !f.hasFailed(c.job) {
			return true
		}
	}
	return false
}

// believed tells whether an object that cannot be read any more is taken for deleted: an event says so, or its parent
// was deleted, or it has been missing for long.
func (f *follower) believed(w *changes, c *change) bool {
	if c.deleted > 0 || f.now.Sub(time.Unix(c.newest, 0)) > trusted {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return c.parent != "" && w.gone[changeKey{job: f.parent(c.job), id: c.parent}]
}

// keepPending leaves what is still missing to the next run.
func (f *follower) keepPending(w *changes) error {
	for _, c := range w.objects {
		if f.hasFailed(c.job) {
			continue
		}
		w.pending[c.event] = c.id
		f.run.Log.Warn("an object is not found although no event told of its deletion; it is looked up again by the next run",
			"stream", c.job.stream.name, "id", c.id, "event", c.event)
	}
	if len(w.pending) > maxPending {
		return fmt.Errorf("%d objects are not found although no event told of their deletion; check that the key may read what the selected streams need", len(w.pending))
	}
	return nil
}

// writeGone writes that objects were deleted, and with them the children that events have shown.
func (f *follower) writeGone(w *changes, j *job, gone []*change) error {
	if len(gone) == 0 {
		return nil
	}
	batches := []batch{{job: j, account: f.account}}
	for _, c := range gone {
		at := c.deleted
		if at == 0 {
			at = c.newest
		}
		batches[0].found = append(batches[0].found, found{object: f.lastShown(c), read: c.read, updated: c.newest, updatedBy: c.by, deletedAt: at})
		for child, shown := range c.children {
			batches = append(batches, f.buryChildren(c, c.read, child, shown))
		}
	}
	f.mu.Lock()
	for _, c := range gone {
		f.done(w, c)
		w.gone[c.changeKey] = true
	}
	f.mu.Unlock()
	return f.emit(batches, nil)
}

// idsOf are the ids of the objects in batches.
func idsOf(batches []batch) map[*job]map[string]bool {
	ids := map[*job]map[string]bool{}
	for _, b := range batches {
		if ids[b.job] == nil {
			ids[b.job] = map[string]bool{}
		}
		for _, one := range b.found {
			ids[b.job][textOf(member(one.object, "id"))] = true
		}
	}
	return ids
}

// lostChildren are the children that events have shown in an object which does not have them any more. here are the ids
// of children that were just read; of long lists only the end is among them.
func (f *follower) lostChildren(ctx context.Context, c *change, parent found, here map[*job]map[string]bool) ([]batch, error) {
	var batches []batch
	for j, shown := range c.children {
		missing := maps.Clone(shown)
		maps.DeleteFunc(missing, func(id string, _ shownChild) bool { return here[j][id] })
		if len(missing) == 0 {
			continue
		}
		if _, whole, err := shownChildren(parent.object, j.stream); err != nil || !whole {
			if err := f.dropPresent(ctx, j, parent.object, missing); err != nil {
				return nil, err
			}
		}
		batches = append(batches, f.buryChildren(c, parent.read, j, missing))
	}
	return batches, nil
}

// dropPresent takes from missing what the whole list of an object's children shows.
func (f *follower) dropPresent(ctx context.Context, j *job, parent json.RawMessage, missing map[string]shownChild) error {
	p, after := j.stream.parent, ""
	for {
		answer, err := f.client.list(ctx, request{account: f.account, endpoint: p.path, path: fillIn(p.path, parent, url.PathEscape),
			query: childQuery(j.stream, nil, parent, after), size: f.pageSize(j.stream)})
		var api *APIError
		if errors.As(err, &api) && api.missing() {
			clear(missing) // the object was deleted meanwhile, or the child; an event will tell
			return nil
		}
		if err != nil {
			return err
		}
		for _, object := range answer.objects {
			delete(missing, textOf(member(object, "id")))
		}
		if !answer.more || len(missing) == 0 {
			return nil
		}
		if after, err = nextAfter(j.stream, answer.objects, after); err != nil {
			return err
		}
	}
}

// buryChildren makes tombstones of children.
func (f *follower) buryChildren(parent *change, read time.Time, j *job, lost map[string]shownChild) batch {
	b := batch{job: j, account: f.account}
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		object := lost[id].object
		if as := j.stream.parent.as; as != "" && !has(object, as) {
			object = withMember(object, as, quoted(parent.id))
		}
		b.found = append(b.found, found{object: object, read: read, updated: parent.newest, updatedBy: parent.by, deletedAt: parent.newest})
	}
	return b
}

// quoted returns text as a JSON string.
func quoted(text string) []byte {
	value, _ := json.Marshal(text) // a string always encodes
	return value
}

// lastShown is what is last known of an object. What an event shows at another API version may have another shape than
// the schema describes, so that only plain values are taken from there.
func (f *follower) lastShown(c *change) json.RawMessage {
	if c.shown != nil && c.version == stripe.APIVersion {
		return c.shown
	}
	out := append([]byte(`{"id":`), quoted(c.id)...)
	var m rawjson.Members
	for m.Reset(c.shown); m.Next(); {
		kind := rawjson.KindOf(m.Value)
		if string(m.Key) == "id" || kind == rawjson.Object || kind == rawjson.Array || !c.job.describes(string(m.Key)) {
			continue
		}
		out = append(append(append(append(out, ",\""...), m.Key...), "\":"...), m.Value...)
	}
	return append(out, '}')
}

// describes tells whether the schema of the job's records has a member of that name.
func (j *job) describes(name string) bool {
	return member(member(j.schema.Schema, "properties"), name) != nil
}
