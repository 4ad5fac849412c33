package main

import (
	"slices"
	"sync/atomic"
)

// roots lists what has to be read so that every stream of an account is up to date: the streams that are no child of
// another one, with their children, and, once more for single child streams, those whose children were not written
// along so far.
func (s *syncer) roots(jobs []*job) []*job {
	var roots []*job
	for _, j := range jobs {
		if j.stream.parent != nil {
			continue
		}
		roots = append(roots, j)
		if j.stream.full || j.stream.single {
			continue
		}
		s.dropAbsent(j)
		for _, child := range j.tree()[1:] {
			if child.silent {
				continue
			}
			if late := s.join(j, child); late != nil {
				roots = append(roots, late)
			}
		}
	}
	rank := func(j *job) int {
		if slices.ContainsFunc(jobs, func(branch *job) bool { return branch.stream.into == j.stream.name }) {
			return -1 // what its list shows, no branch has to ask for
		}
		if i := slices.Index(longest, j.stream.name); i >= 0 {
			return i
		}
		return len(longest)
	}
	slices.SortStableFunc(roots, func(a, b *job) int { return rank(a) - rank(b) })
	return roots
}

// dropAbsent forgets that child streams of a root are in step with it which are not selected in this run: its bookmark
// will move on, and their objects will not have been written.
func (s *syncer) dropAbsent(root *job) {
	present := map[string]bool{}
	for _, j := range root.tree() {
		present[j.stream.name] = !j.silent
	}
	for i := range streams {
		st := &streams[i]
		if st.parent == nil || st.root() != root.stream || present[st.name] {
			continue
		}
		mark, err := readBookmark(s.run.Bookmarks, st, stateKey(st.name, root.account))
		if err == nil && mark.With == root.key() {
			s.run.Bookmarks.Remove(stateKey(st.name, root.account))
		}
	}
}

// join puts a child stream in step with its root, as its bookmark then says, so that the root's bookmark covers both.
// If the root is ahead, join returns a job that reads the root's list for this child alone, under the child's own
// bookmark; when both have come to the same point of time, the next run joins them.
func (s *syncer) join(root, child *job) *job {
	mark, err := readBookmark(s.run.Bookmarks, child.stream, child.key())
	if err != nil {
		mark = &bookmark{} // it is read from the start then
	}
	inStep := mark.With == root.key() || root.mark.fresh() ||
		mark.With == "" && mark.Backfill == nil && root.mark.Backfill == nil && mark.Created == root.mark.Created
	if inStep {
		// Setting an encodable value cannot fail.
		_ = s.run.Bookmarks.Set(child.key(), &bookmark{With: root.key()})
		return nil
	}
	if mark.With != "" {
		mark = &bookmark{}
	}
	return lateRoot(child, root, mark)
}

// lateRoot makes a job of the root's stream that reads for one child only.
func lateRoot(child, root *job, mark *bookmark) *job {
	below := *child
	below.children, below.off = nil, &atomic.Bool{}
	at := &below
	for at.stream.parent != nil {
		st := findStream(at.stream.parent.stream)
		at = &job{stream: st, account: root.account, silent: true, schema: root.schema, mark: &bookmark{}, off: &atomic.Bool{}, children: []*job{at}}
	}
	at.mark, at.state = mark, child.stream.name
	return at
}
