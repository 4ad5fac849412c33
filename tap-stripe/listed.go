package main

import (
	"hash/maphash"
	"net/url"
	"strings"
)

// A run lists what is new since the last one and then follows events, which tell of the same objects: of their creation, and
// of what came behind it. Reading them again would show what the list has shown, as long as the events are older.

// A sighting is how a list of this run has shown an object that no run before has written.
type sighting struct {
	at  int64  // when, by the server's clock, in Unix seconds
	sum uint64 // of the object's bytes
}

// maxListed bounds the objects that are remembered. What is not remembered is read again, which does no harm.
const maxListed = 50_000

// sightingSeed makes sums of one process comparable.
var sightingSeed = maphash.MakeSeed()

// remember notes what a page of a list has brought, with the children that were written along. Objects created before
// since are left out, for an earlier run may have written them, and what an event says of their change is worth a record.
// syncer.mu is held.
func (s *syncer) remember(since int64, entries []entry, batches []batch) {
	isNew := false
	for i, e := range entries {
		if since > 0 && e.created >= since {
			one := &batches[0].found[i]
			s.sight(changeKey{job: batches[0].job, id: e.id}, sighting{one.read.Unix(), maphash.Bytes(sightingSeed, one.object)})
			isNew = true
		}
	}
	if !isNew {
		return
	}
	for _, b := range batches[1:] {
		for _, one := range b.found {
			s.sight(changeKeyOf(b.job, one.object), sighting{at: one.read.Unix()})
		}
	}
}

func (s *syncer) sight(key changeKey, as sighting) {
	if s.listed == nil {
		s.listed = map[changeKey]sighting{}
	}
	if len(s.listed) < maxListed {
		s.listed[key] = as
	}
}

// shownSince tells whether a list of this run has shown an object so long after a moment that it shows whatever had
// happened by then. syncer.mu is held.
func (f *follower) shownSince(key changeKey, moment int64) bool {
	seen, ok := f.listed[key]
	return ok && seen.at-moment >= max(f.settings.Lag, 1)
}

// isListed is shownSince for whoever does not hold syncer.mu.
func (f *follower) isListed(key changeKey, moment int64) bool {
	f.syncer.mu.Lock()
	defer f.syncer.mu.Unlock()
	return f.shownSince(key, moment)
}

// dropListed takes objects off a window that lists have shown since, together with all children that the events show. What
// an event calls deleted stays, and so does a child whose parent is not new, because that is the only record which says
// what has happened to it.
func (f *follower) dropListed(w *changes) {
	f.syncer.mu.Lock()
	defer f.syncer.mu.Unlock()
	for key, c := range w.objects {
		if c.deleted > 0 || !f.shownSince(key, c.newest) || !f.childrenListed(c) {
			continue
		}
		if key.parent != "" && !f.shownSince(changeKey{job: f.parent(key.job), id: key.parent}, c.newest) {
			continue
		}
		f.done(w, c)
	}
}

// childrenListed tells whether all children that events show in an object were written with it. syncer.mu is held.
func (f *follower) childrenListed(c *change) bool {
	for j, shown := range c.children {
		for id := range shown {
			key := changeKey{job: j, id: id}
			if nested(j.stream) {
				key.parent = c.id
			}
			if _, ok := f.listed[key]; !ok {
				return false
			}
		}
	}
	return true
}

// asListed tells whether an object is still what a list of this run has shown.
func (s *syncer) asListed(j *job, id string, object []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.listed[changeKey{job: j, id: id}]
	return ok && seen.sum == maphash.Bytes(sightingSeed, object)
}

// namedPath is where the objects of a job are asked for that others name, up to their ids; "" if no branch does so.
func namedPath(j *job) string {
	st := j.stream
	if j.version != 0 {
		return "" // of a new version every row is needed
	}
	for i := range branches {
		if p := branches[i].parent; p.one && (branches[i].into == st.name || &branches[i] == st) {
			path, _, _ := strings.Cut(p.path, "{")
			return path
		}
	}
	return ""
}

// again tells whether this run has written the very same record, because an object is in a list and named by others. It
// takes note of the record otherwise, so that none of those that name the object ask for it. syncer.mu is held.
func (s *syncer) again(path string, one found) bool {
	key := path + url.PathEscape(textOf(member(one.object, "id")))
	sum := maphash.Bytes(sightingSeed, one.object)
	if one.updated != 0 || one.deletedAt != 0 {
		sum = 0 // whatever comes next is news
	} else if s.named[key] == sum {
		return true
	}
	s.name(key)
	s.named[key] = sum
	return false
}
