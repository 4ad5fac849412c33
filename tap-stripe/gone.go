package main

import (
	"slices"
	"strings"

	"tapline/singer"
)

// Events tell of deletions for 30 days. When a run comes later than that, lists are read whole again, and they show what
// there is. What there was, and is not any more, follows by comparison: the tables of such streams have versions.
//
// Every record has the version of its stream's bookmark. When a list is read whole again the version rises. Behind the
// last page the new version is activated: rows that still have an older one were in no list, so that their objects are
// gone. That holds for streams only whose lists show every object there is ([stream.complete]); from others, live rows
// would go. What was to be activated is in the state, so that a run that is cut does not forget it.

// sweepsKey is where the state keeps the versions that are to be activated, by bookmark. No stream has this name.
const sweepsKey = "_sweeps"

// sweepable tells whether rows of a stream are taken for those of deleted objects if a whole reading does not bring them.
// A start date leaves older rows alone; a table of several accounts is never read whole at once; and what belongs to a
// test clock is in no list.
func (s *syncer) sweepable(st *stream) bool {
	return st.complete && s.settings.start == 0 && !s.several && !(st.root().clocked && s.settings.testMode())
}

// setVersions gives the jobs of an account the versions of their bookmarks.
func (s *syncer) setVersions(jobs []*job) {
	for _, root := range jobs {
		if root.stream.parent != nil || root.stream.full || root.stream.single || s.several {
			continue
		}
		if root.mark.fresh() && root.mark.Version == 0 && slices.ContainsFunc(root.tree(), versioned) {
			root.mark.Version = s.now.UnixMilli()
		}
		passVersion(root)
	}
}

func versioned(j *job) bool { return j.stream.complete }

// passVersion gives the version of a root's bookmark to the jobs of its tree.
func passVersion(root *job) {
	for _, j := range root.tree() {
		if versioned(j) {
			j.version = root.mark.Version
		}
	}
}

// dueSweeps are the versions to be activated, by bookmark.
func (s *syncer) dueSweeps() map[string]int64 {
	due := map[string]int64{}
	if _, err := s.run.Bookmarks.Get(sweepsKey, &due); err != nil {
		return map[string]int64{} // somebody else's; rows stay
	}
	return due
}

// beginSweep raises the version of a tree that is about to be read whole again. syncer.mu is held.
func (s *syncer) beginSweep(root *job) error {
	if !slices.ContainsFunc(root.tree(), func(j *job) bool { return s.sweepable(j.stream) }) {
		return nil
	}
	root.mark.Version = max(root.mark.Version+1, s.now.UnixMilli())
	passVersion(root)
	due := s.dueSweeps()
	due[root.key()] = root.mark.Version
	return s.run.Bookmarks.Set(sweepsKey, due)
}

// endSweeps activates the versions of trees that have been read whole by now, be it by an earlier run.
func (s *syncer) endSweeps(roots []*job) error {
	due := s.dueSweeps()
	ended := slices.DeleteFunc(slices.Clone(roots), func(root *job) bool {
		return due[root.key()] == 0 || due[root.key()] != root.mark.Version || root.mark.Backfill != nil
	})
	if len(ended) == 0 || s.run.Limit > 0 {
		return nil
	}
	return s.emit(nil, func() error {
		for _, root := range ended {
			delete(due, root.key())
			for _, j := range root.tree() {
				if j.silent || j.version == 0 || !s.sweepable(j.stream) || !s.alongWith(root, j) {
					continue
				}
				if err := s.run.Out.WriteActivateVersion(&singer.ActivateVersion{Stream: j.schema.Stream, Version: j.version}); err != nil {
					return err
				}
			}
		}
		if len(due) == 0 {
			s.run.Bookmarks.Remove(sweepsKey)
			return nil
		}
		return s.run.Bookmarks.Set(sweepsKey, due)
	})
}

// alongWith tells whether a job of a root's tree was written along with all of it.
func (s *syncer) alongWith(root, j *job) bool {
	if j == root {
		return true
	}
	mark, err := readBookmark(s.run.Bookmarks, j.stream, j.key())
	return err == nil && mark.With == root.key()
}

// warnOfLeftovers names the streams that may keep rows of objects which were deleted while no events were read.
func (s *syncer) warnOfLeftovers(roots []*job) {
	var names []string
	for _, root := range roots {
		for _, j := range root.tree() {
			if !j.silent && (j.stream.deletable || j.stream.complete) && !s.sweepable(j.stream) {
				names = append(names, j.stream.name)
			}
		}
	}
	if names != nil {
		s.run.Log.Warn("objects of these streams that were deleted while their events could not be read may have rows left, because lists do not show every object of them",
			"streams", strings.Join(names, ", "))
	}
}
