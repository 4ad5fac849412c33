package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tapline/singer"
)

// A bookmark is what the state keeps of a stream. All times are Unix seconds.
//
//	{"created": 1704067200, "backfill": {"start": 0, "end": 1706745600, "remaining": [{"gte": 0, "lt": 1705000000}]}}
//
// It promises that every object from the stream's start date on was written, apart from those created at or after
// Created, unless they belong to the backfill and not to what remains of it.
type bookmark struct {
	Created  int64     `json:"created,omitempty"`
	Backfill *backfill `json:"backfill,omitempty"`
	// EventFrom is where the events begin that may tell of changes to what the first backfill has read.
	EventFrom int64 `json:"event_from,omitempty"`
	// PendingFrom is the creation of the oldest object that will change without an event; 0: there is none.
	PendingFrom int64 `json:"pending_from,omitempty"`
	// FullSyncedAt is when the whole list was last begun to be read.
	FullSyncedAt int64 `json:"full_synced_at,omitempty"`
	// Version is that of the table, for a stream that is read whole in each run.
	Version int64 `json:"version,omitempty"`
	// With names, for a child stream, the bookmark that covers it: it was written along with everything before that.
	With string `json:"with,omitempty"`
}

// fresh tells whether the bookmark is that of a stream of which nothing was read.
func (b *bookmark) fresh() bool { return b.Created == 0 && b.Backfill == nil }

// A backfill is a range of creation times, [Start, End), that a run has begun to read, and what remains of it. A
// run that is cut short leaves it behind and the next one goes on with it.
type backfill struct {
	Start     int64    `json:"start"`
	End       int64    `json:"end"`
	Remaining []*slice `json:"remaining"`
}

// A slice is a part of a stream to read: objects created in [GTE, LT) that one of the stream's lists shows. Lists are
// read from the new end, so that what is unread of a slice is a slice again, with a lower LT.
type slice struct {
	GTE  int64  `json:"gte"`
	LT   int64  `json:"lt"`
	List string `json:"list,omitempty"` // one of stream.lists
}

// open begins the backfill [start, end) of all lists of a stream. An empty range is none.
func (b *bookmark) open(start, end int64, lists []string) {
	if start >= end {
		return
	}
	b.Backfill = &backfill{Start: start, End: end}
	for _, list := range lists {
		b.Backfill.Remaining = append(b.Backfill.Remaining, &slice{GTE: start, LT: end, List: list})
	}
}

// finish takes a slice that was read whole off the backfill, and closes the backfill with the last one. The bookmark
// then stands one second before the backfill's end, because that second had not passed when its list was read.
func (b *bookmark) finish(s *slice) {
	b.Backfill.Remaining = slices.DeleteFunc(b.Backfill.Remaining, func(r *slice) bool { return r == s })
	if len(b.Backfill.Remaining) == 0 {
		b.Created = max(b.Created, b.Backfill.End-1)
		b.Backfill = nil
	}
}

// next returns where to go on once no backfill is open: a lookback before the bookmark, but not before the start date.
func (b *bookmark) next(startDate, lookback int64) int64 {
	return max(b.Created-lookback, startDate, 0)
}

// end returns the time up to which the bookmark speaks of objects.
func (b *bookmark) end() int64 {
	if b.Backfill != nil {
		return max(b.Created, b.Backfill.End)
	}
	return b.Created
}

// forget drops what a backfill would read of times before oldest, which the server does not keep. It reports whether
// there was such a thing.
func (b *bookmark) forget(oldest int64) bool {
	if b.Backfill == nil || b.Backfill.Start >= oldest {
		return false
	}
	b.Backfill.Start = oldest
	for _, s := range slices.Clone(b.Backfill.Remaining) {
		s.GTE = max(s.GTE, oldest)
		if s.LT <= s.GTE && b.Backfill != nil {
			b.finish(s)
		}
	}
	return true
}

// storedBookmark is a bookmark as a state holds it: ours, or one that singer-io's tap-stripe has written, which
// calls the time of some streams "date".
type storedBookmark struct {
	Created  json.RawMessage `json:"created"`
	Date     json.RawMessage `json:"date"`
	Backfill *backfill       `json:"backfill"`

	EventFrom    int64 `json:"event_from"`
	PendingFrom  int64 `json:"pending_from"`
	FullSyncedAt int64 `json:"full_synced_at"`
	Version      int64 `json:"version"`

	With string `json:"with"`
}

// readBookmark returns a stream's bookmark, which the state has under key; a stream without one gets an empty bookmark.
func readBookmark(state *singer.Bookmarks, st *stream, key string) (*bookmark, error) {
	b, err := parseBookmark(state, st, key)
	if err != nil {
		return nil, &singer.ConfigError{Source: "the state", Faults: []string{badBookmark(st, err)}}
	}
	return b, nil
}

func parseBookmark(state *singer.Bookmarks, st *stream, key string) (*bookmark, error) {
	var stored storedBookmark
	if _, err := state.Get(key, &stored); err != nil {
		return nil, errors.New(`it does not look like {"created": 1704067200}`)
	}
	text := stored.Created
	if text == nil {
		text = stored.Date
	}
	created, err := parseBookmarkTime(text)
	if err != nil {
		return nil, err
	}
	b := &bookmark{Created: created, EventFrom: stored.EventFrom, PendingFrom: stored.PendingFrom, FullSyncedAt: stored.FullSyncedAt,
		Version: stored.Version, With: stored.With}
	if stored.Backfill != nil && len(stored.Backfill.Remaining) > 0 {
		b.Backfill = stored.Backfill
		if err := b.Backfill.complete(st.lists); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// complete checks a backfill from a state. A slice of a list that the stream does not have (any more) is read from all
// its lists instead.
func (f *backfill) complete(lists []string) error {
	var remaining []*slice
	for _, s := range f.Remaining {
		if s == nil || s.GTE < 0 || s.LT < s.GTE || s.LT > f.End {
			return fmt.Errorf("its backfill is not made of ranges")
		}
		if slices.Contains(lists, s.List) {
			remaining = append(remaining, s)
			continue
		}
		for _, list := range lists {
			remaining = append(remaining, &slice{GTE: s.GTE, LT: s.LT, List: list})
		}
	}
	f.Remaining = united(remaining)
	return nil
}

// united makes one slice of those that touch, newest first, so that the cuts of earlier runs do not add up.
func united(parts []*slice) []*slice {
	slices.SortStableFunc(parts, func(a, b *slice) int { return cmp.Compare(b.LT, a.LT) })
	var whole []*slice
	oldest := map[string]*slice{} // by list
	for _, s := range parts {
		if newer := oldest[s.List]; newer != nil && newer.GTE <= s.LT {
			newer.GTE = min(newer.GTE, s.GTE)
			continue
		}
		oldest[s.List] = s
		whole = append(whole, s)
	}
	return whole
}

// parseBookmarkTime reads Unix seconds, as a number or in a string, or a date or time in a string.
func parseBookmarkTime(text json.RawMessage) (int64, error) {
	text = bytes.Trim(text, `"`)
	if len(text) == 0 || string(text) == "null" {
		return 0, nil
	}
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		if seconds, err = parseInstant(string(text)); err != nil {
			return 0, err
		}
	}
	if seconds < 0 {
		return 0, fmt.Errorf("%d lies before 1970", seconds)
	}
	return seconds, nil
}

// badBookmark is what to tell of a bookmark that cannot be used.
func badBookmark(st *stream, err error) string {
	return fmt.Sprintf("the bookmark of stream %s cannot be used: %v; start from another state, or remove this bookmark to read the stream "+
		"from the start.", st.name, err)
}
