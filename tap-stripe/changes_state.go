package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tapline/singer"
)

// changesKey is what the state calls the account's place in the feed of events. No stream has this name.
const changesKey = "_changes"

// A feedMark is what the state keeps of an account's feed. All times are Unix seconds.
//
//	"_changes": {"cursor": 1706745600, "recent_ids": {"evt_1": 1706745590}}
//
// How far the changes of a stream have been followed is in the stream's own bookmark: event_from is where the next run
// begins to read events for it. A stream that was not selected for a while, or failed, so goes on where it stopped.
type feedMark struct {
	// Cursor is up to where events were read.
	Cursor int64 `json:"cursor"`
	// Recent holds the events read of the overlap before Cursor, and when they were made. Streams that have come to
	// Cursor need not do them again. Leaving one out does no harm, for reading an object once more changes nothing.
	Recent map[string]int64 `json:"recent_ids,omitempty"`
	// Pending holds events whose object could not be found although no event told of its deletion, with its id.
	Pending map[string]string `json:"pending_events,omitempty"`
	// Settle is about transactions whose money is not available yet.
	Settle *settleMark `json:"settle,omitempty"`
}

// maxRecent bounds the ids in a state, which is written behind every page.
const maxRecent = 2000

// maxPending bounds how many objects may be missing without an explanation.
const maxPending = 1000

// readFeedMark returns an account's place in the feed; without one in the state it is empty.
func readFeedMark(state *singer.Bookmarks, account string, now time.Time) (*feedMark, error) {
	m := &feedMark{}
	bad := func(why string) error {
		return &singer.ConfigError{Source: "the state", Faults: []string{
			fmt.Sprintf(`the bookmark %q cannot be used: %s; start from another state, or remove it to read the streams from the start.`, stateKey(changesKey, account), why)}}
	}
	if _, err := state.Get(stateKey(changesKey, account), m); err != nil {
		return nil, bad(`it does not look like {"cursor": 1704067200}`)
	}
	if m.Cursor < 0 || m.Cursor > now.Add(time.Minute).Unix() {
		return nil, bad(fmt.Sprintf("its cursor %d, in seconds since 1970, is not between then and the server's clock, %s", m.Cursor, now.UTC().Format(time.RFC3339)))
	}
	return m, nil
}

// advance moves the place behind a window of events that ended at end, and forgets what the overlap does not need.
func (m *feedMark) advance(end, overlap int64, seen map[string]int64) {
	if end < m.Cursor {
		return // the window was for a stream that lags behind the others
	}
	recent := maps.Clone(seen)
	maps.Copy(recent, m.Recent)
	maps.DeleteFunc(recent, func(_ string, created int64) bool { return created < end-overlap })
	if len(recent) > maxRecent {
		newest := slices.Sorted(maps.Values(recent))
		least := newest[len(newest)-maxRecent]
		maps.DeleteFunc(recent, func(_ string, created int64) bool { return created <= least })
	}
	m.Cursor, m.Recent = end, recent
}

// importedFrom is where the events of a stream begin that singer-io's tap-stripe has followed, or 0. That tap keeps the
// time of the last one under a name of its own.
func importedFrom(state *singer.Bookmarks, j *job) int64 {
	if j.account != "" {
		return 0 // it read one account
	}
	text := state.Value(j.stream.name+"_events", "updates_created")
	from, err := parseBookmarkTime([]byte(text))
	if err != nil {
		return 0
	}
	return from
}
