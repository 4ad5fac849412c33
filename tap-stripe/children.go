package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/sync/errgroup"

	"tapline/internal/rawjson"
	"tapline/singer"
)

// childrenAtOnce is how many lists of children are asked for side by side for one page of parents.
const childrenAtOnce = 16

// withChildren returns the batch and those of the selected child streams whose parents it holds: from the first page
// that the parents show of them, or from child paths where they show none or not all. Lists of several pages are
// written page by page on the way, so that one parent with very many children does not fill the memory.
//
// Children of a deleted object are those that it is known to have had, and deleted with it.
func (s *syncer) withChildren(ctx context.Context, b batch) ([]batch, error) {
	batches := []batch{b}
	for _, child := range b.job.children {
		list, err := s.childrenOf(ctx, b, child)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			continue
		}
		below, err := s.withChildren(ctx, batch{job: child, account: b.account, found: list})
		if err != nil {
			return nil, err
		}
		batches = append(batches, below...)
	}
	return batches, nil
}

// childrenOf returns the objects of one child stream that belong to the objects of a batch.
func (s *syncer) childrenOf(ctx context.Context, b batch, child *job) ([]found, error) {
	lists := make([][]found, len(b.found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(childrenAtOnce)
	for i, parent := range b.found {
		shown, whole, err := shownChildren(parent.object, child.stream)
		if err != nil {
			return nil, &singer.RecordError{Stream: b.job.stream.name, Err: err}
		}
		if whole || parent.deletedAt != 0 {
			if lists[i], err = adopt(child.stream, parent, shown); err != nil {
				return nil, &singer.RecordError{Stream: child.stream.name, Err: err}
			}
			continue
		}
		if needed := child.stream.parent.needed; needed != nil && !needed(parent.object) || child.off.Load() {
			continue
		}
		ask := func() (err error) {
			lists[i], err = s.askForChildren(ctx, b.account, child, parent)
			return err
		}
		if s.run.Limit == 0 {
			group.Go(ask)
			continue
		}
		if err := ask(); err != nil {
			return nil, err
		}
		if len(slices.Concat(lists...)) >= s.run.Limit {
			break
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

// askForChildren reads the children of one parent which that does not show.
func (s *syncer) askForChildren(ctx context.Context, account string, child *job, parent found) ([]found, error) {
	fetch := s.fetchChildren
	switch {
	case child.stream.parent.one:
		fetch = s.fetchNamed
	case child.stream.parent.metered:
		fetch = s.fetchSummaries
	}
	list, err := fetch(ctx, account, child, parent)
	return list, s.judgeChild(child, err)
}

// judgeChild decides what to do about children that cannot be read. A list that does not exist for this account, or
// that Stripe refuses for a single parent, is no failure.
func (s *syncer) judgeChild(child *job, err error) error {
	var api *APIError
	switch {
	case err == nil || !errors.As(err, &api):
		return err
	case child.stream.into != "" && api.forbidden():
		s.closeBranch(child)
		return nil
	case child.stream.product && api.productMissing():
		if child.off.CompareAndSwap(false, true) {
			s.run.Log.Warn("the account does not use what the stream belongs to, so the stream stays empty", "stream", child.stream.name)
		}
		return nil
	case child.stream.parent.refusable && !api.concernsKey() && api.permission() == "" &&
		(api.Status == http.StatusBadRequest || api.Status == http.StatusForbidden):
		s.run.Log.Debug("Stripe does not show the children of one object", "stream", child.stream.name, "reason", api.Message)
		return nil
	}
	return err
}

// fetchChildren reads the list of one parent's children. All pages but the last are written on the way.
func (s *syncer) fetchChildren(ctx context.Context, account string, child *job, parent found) ([]found, error) {
	p := child.stream.parent
	path := fillIn(p.path, parent.object, url.PathEscape)
	after, restarts := "", 0
	for {
		answer, err := s.client.list(ctx, request{account: account, endpoint: p.path, path: path,
			query: childQuery(child.stream, child.expand(), parent.object, after), size: s.pageSizeOf(child)})
		var api *APIError
		switch {
		case errors.As(err, &api) && api.missing() && after == "":
			return nil, nil // the parent is gone, and its children with it
		case errors.As(err, &api) && api.missing() && restarts < maxRestarts:
			after, restarts = "", restarts+1 // the child that the cursor stood on
			continue
		case err != nil:
			return nil, err
		}
		list, err := adopt(child.stream, parent, answer.objects)
		if err != nil {
			return nil, &singer.RecordError{Stream: child.stream.name, Err: err}
		}
		if !answer.more || s.run.Limit > 0 {
			return list, nil
		}
		if after, err = nextAfter(child.stream, answer.objects, after); err != nil {
			return nil, err
		}
		batches, err := s.withChildren(ctx, batch{job: child, account: account, found: list})
		if err != nil {
			return nil, err
		}
		if err := s.emit(batches, nil); err != nil {
			return nil, err
		}
	}
}

// childQuery asks for a page of children.
func childQuery(st *stream, expand []string, parent json.RawMessage, after string) *form.Values {
	q := &form.Values{}
	if name, value, ok := strings.Cut(fillIn(st.parent.query, parent, func(id string) string { return id }), "="); ok {
		q.Add(name, value)
	}
	for _, path := range expand {
		q.Add("expand[]", path)
	}
	if after != "" {
		q.Add("starting_after", after)
	}
	return q
}

// fillIn replaces the mark {name} by that field of the parent, {name.id} by a field within it.
func fillIn(pattern string, parent json.RawMessage, escape func(string) string) string {
	before, rest, ok := strings.Cut(pattern, "{")
	name, behind, _ := strings.Cut(rest, "}")
	if !ok {
		return pattern
	}
	field := parent
	for step := range strings.SplitSeq(name, ".") {
		field = member(field, step)
	}
	value, err := stringOf(field)
	if err != nil {
		return pattern // a path that no server knows
	}
	return before + escape(value) + behind
}

// shownChildren returns the children that a parent shows itself, and whether these are all.
func shownChildren(parent json.RawMessage, child *stream) (shown []json.RawMessage, whole bool, err error) {
	if child.parent.embedded == "" {
		return nil, false, nil
	}
	list := parent
	for name := range strings.SplitSeq(child.parent.embedded, ".") {
		list = member(list, name)
	}
	if child.parent.path == "" { // nobody else shows them
		if shown = objectsIn(list); len(shown) == 0 && child.parent.instead != "" {
			shown = objectsIn(member(parent, child.parent.instead))
		}
		return shown, true, nil
	}
	data := member(list, "data")
	if data == nil {
		return nil, false, nil // not expanded
	}
	var all []json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, false, fmt.Errorf("%s is not a list: %w", child.parent.embedded, err)
	}
	for _, object := range all {
		kind, _ := stringOf(member(object, "object"))
		if child.object == "" || kind == child.object {
			shown = append(shown, object)
		}
	}
	return shown, string(member(list, "has_more")) != "true", nil
}

// objectsIn returns a value that is an object, or the objects in one that is a list.
func objectsIn(value json.RawMessage) []json.RawMessage {
	if rawjson.KindOf(value) == rawjson.Object {
		return []json.RawMessage{value}
	}
	var all []json.RawMessage
	if rawjson.KindOf(value) != rawjson.Array || json.Unmarshal(value, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(one json.RawMessage) bool { return rawjson.KindOf(one) != rawjson.Object })
}

// withIDs returns a value in which objects at a path of members, in lists as well, are replaced by their ids.
func withIDs(value json.RawMessage, path []string) json.RawMessage {
	switch kind := rawjson.KindOf(value); {
	case kind == rawjson.Array:
		var all []json.RawMessage
		if json.Unmarshal(value, &all) != nil {
			return value
		}
		out := []byte{'['}
		for i, one := range all {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, withIDs(one, path)...)
		}
		return append(out, ']')
	case kind == rawjson.Object && len(path) == 0:
		if id := member(value, "id"); id != nil {
			return id
		}
	case kind == rawjson.Object && member(value, path[0]) != nil:
		out := []byte{'{'}
		var m rawjson.Members
		for m.Reset(value); m.Next(); {
			if len(out) > 1 {
				out = append(out, ',')
			}
			one := json.RawMessage(m.Value)
			if string(m.Key) == path[0] {
				one = withIDs(one, path[1:])
			}
			out = append(append(append(append(out, '"'), m.Key...), `":`...), one...)
		}
		return append(out, '}')
	}
	return value
}

// shortened is what was found, with ids where records have ids.
func (b batch) shortened() []found {
	paths := b.job.shortened()
	if len(paths) == 0 {
		return b.found
	}
	list := slices.Clone(b.found)
	for i := range list {
		for _, path := range paths {
			list[i].object = withIDs(list[i].object, path)
		}
	}
	return list
}

// adopt makes children of objects: with the parent's id, and as new, or as gone, as the parent. Previews of lines that
// do not exist yet are left out.
func adopt(st *stream, parent found, objects []json.RawMessage) ([]found, error) {
	var list []found
	for _, object := range objects {
		id := member(object, "id")
		if bytes.HasPrefix(id, []byte(`"il_tmp_`)) {
			continue
		}
		if as := st.parent.as; as != "" && !has(object, as) {
			owner := member(parent.object, "id")
			if owner == nil || rawjson.KindOf(object) != rawjson.Object {
				return nil, fmt.Errorf("an object, or the one it belongs to, has no id")
			}
			object = withMember(object, as, owner)
		}
		child := parent
		child.object = object
		list = append(list, child)
	}
	return list, nil
}

// withMember returns a JSON object with one more member at its end.
func withMember(object json.RawMessage, name string, value []byte) json.RawMessage {
	object = bytes.TrimRight(object, " \t\r\n")
	body := bytes.TrimRight(object[:len(object)-1], " \t\r\n")
	out := make([]byte, 0, len(body)+len(name)+len(value)+5)
	out = append(out, body...)
	if body[len(body)-1] != '{' {
		out = append(out, ',')
	}
	out = append(append(append(out, '"'), name...), `":`...)
	return append(append(out, value...), '}')
}

// member returns a member of a JSON object, or nil if it is absent or null. The result is part of the object.
func member(object json.RawMessage, name string) json.RawMessage {
	var m rawjson.Members
	if rawjson.KindOf(object) != rawjson.Object {
		return nil
	}
	for m.Reset(object); m.Next(); {
		if string(m.Key) == name && rawjson.KindOf(m.Value) != rawjson.Null {
			return m.Value
		}
	}
	return nil
}

// has tells whether a JSON object has a member, be it null.
func has(object json.RawMessage, name string) bool {
	var m rawjson.Members
	for m.Reset(object); m.Next(); {
		if string(m.Key) == name {
			return true
		}
	}
	return false
}

// stringOf returns the text of a JSON string.
func stringOf(value json.RawMessage) (string, error) {
	if rawjson.KindOf(value) != rawjson.String {
		return "", errors.New("a text is missing")
	}
	out, _ := rawjson.Text(value, nil, true)
	return string(out), nil
}
