package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/stripe/stripe-go/v76/form"

	"tapline/singer"
)

// readWhole reads a stream whose list cannot be asked for a part of it, or the only object of its kind.
//
// The records of a list get a version that no run before has used. When the list has been read to its end, the version
// is activated: rows of the table that have an older one are of objects that are gone. A run that is cut short activates
// nothing, and the next one begins again.
func (s *syncer) readWhole(ctx context.Context, j *job) error {
	if j.stream.single {
		return s.readSingle(ctx, j)
	}
	err := s.emit(nil, func() error {
		j.mark.Version = j.version
		return s.run.Bookmarks.Set(j.key(), j.mark)
	})
	if err != nil {
		return err
	}
	for _, list := range j.stream.lists {
		if err := s.readList(ctx, j, list); err != nil {
			return err
		}
	}
	return nil
}

// A pass is one reading of a table whole. Several accounts share the table, so that they share the pass, too.
type pass struct {
	left    int  // accounts to read
	spoiled bool // one of them was not read to its end
}

// beginPasses gives the trees that are read whole a version which is new for all accounts.
func (s *syncer) beginPasses(roots []*job) map[*stream]*pass {
	passes, versions := map[*stream]*pass{}, map[*stream]int64{}
	for _, j := range roots {
		if j.stream.full {
			versions[j.stream] = max(versions[j.stream], j.mark.Version+1, s.now.UnixMilli())
		}
	}
	for _, root := range roots {
		if !root.stream.full {
			continue
		}
		if passes[root.stream] == nil {
			passes[root.stream] = &pass{}
		}
		passes[root.stream].left++
		for _, j := range root.tree() {
			j.version = versions[root.stream]
		}
	}
	return passes
}

// endPass notes that a tree was read, whole or not. With the last one of a table its version is activated. syncer.mu is
// held.
func (s *syncer) endPass(p *pass, root *job, whole bool) error {
	p.left--
	p.spoiled = p.spoiled || !whole
	if p.left > 0 || p.spoiled || s.run.Limit > 0 {
		return nil
	}
	return s.activate(root)
}

// readSingle reads the only object of its kind.
func (s *syncer) readSingle(ctx context.Context, j *job) error {
	query := &form.Values{}
	for _, path := range j.expand() {
		query.Add("expand[]", strings.TrimPrefix(path, "data."))
	}
	answer, err := s.client.retrieve(ctx, request{account: j.account, path: j.stream.path, query: query})
	if err != nil {
		return err
	}
	batches, err := s.withChildren(ctx, batch{job: j, account: j.account, found: []found{{object: answer.raw, read: answer.read}}})
	if err != nil {
		return err
	}
	return s.emit(batches, nil)
}

// readList reads a list from its beginning to its end.
func (s *syncer) readList(ctx context.Context, j *job, list string) error {
	after, restarts := "", 0
	for {
		answer, err := s.client.list(ctx, request{account: j.account, path: j.stream.path, query: listQuery(j, list, after), size: s.pageSizeOf(j)})
		var api *APIError
		if errors.As(err, &api) && api.missing() && after != "" && restarts < maxRestarts {
			after, restarts = "", restarts+1 // the object that the cursor stood on is gone
			continue
		}
		if err != nil {
			return err
		}
		batches, err := s.withChildren(ctx, batch{job: j, account: j.account, found: foundOn(answer)})
		if err != nil {
			return err
		}
		if err := s.emit(batches, nil); err != nil {
			return err
		}
		if !answer.more || s.run.Limit > 0 {
			return nil
		}
		if after, err = nextAfter(j.stream, answer.objects, after); err != nil {
			return err
		}
	}
}

func listQuery(j *job, list, after string) *form.Values {
	q := &form.Values{}
	if name, value, ok := strings.Cut(list, "="); ok {
		q.Add(name, value)
	}
	for _, path := range j.expand() {
		q.Add("expand[]", path)
	}
	if after != "" {
		q.Add("starting_after", after)
	}
	return q
}

// nextAfter returns the cursor for the page behind objects, which the page before had asked for behind after.
func nextAfter(st *stream, objects []json.RawMessage, after string) (string, error) {
	if len(objects) == 0 {
		return "", &listError{st, "announces more objects but shows none"}
	}
	last, err := stringOf(member(objects[len(objects)-1], "id"))
	if err != nil {
		return "", &singer.RecordError{Stream: st.name, Err: errors.New("an object in the list has no id")}
	}
	if last == after {
		return "", &listError{st, "shows the same objects again and again"}
	}
	return last, nil
}

// activate says that all rows of a tree's tables are there which have its version. syncer.mu is held.
func (s *syncer) activate(root *job) error {
	for _, j := range root.tree() {
		if j.silent || j.off.Load() {
			continue
		}
		if err := s.run.Out.WriteActivateVersion(&singer.ActivateVersion{Stream: j.schema.Stream, Version: j.version}); err != nil {
			return err
		}
	}
	return s.writeState()
}
