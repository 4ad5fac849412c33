package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tapline/singer"
)

// A mark is the bookmark of an incremental stream: every record whose replication key lies before it was written,
// apart from those before the stream's start date. The zero time promises nothing. In a state it looks like
//
//	{"updated_at": "2024-01-31T10:00:00Z"}
//
// and the bare text of the time, as singer-io's tap-recharge writes it, is read as well.
type mark struct{ time.Time }

// readMark returns a stream's mark from the state; a stream without one gets the zero mark.
func readMark(state *singer.Bookmarks, st *stream) (mark, error) {
	var stored json.RawMessage
	if _, err := state.Get(st.name, &stored); err != nil {
		return mark{}, err
	}
	text, err := markText(stored, st.replicationKey)
	if err != nil {
		return mark{}, badBookmark(st, err)
	}
	if text == "" {
		return mark{}, nil
	}
	at, err := parseTime(text)
	if err != nil {
		return mark{}, badBookmark(st, err)
	}
	return mark{at}, nil
}

// markText finds the text of the time in a stored bookmark; "" if there is none.
func markText(stored json.RawMessage, key string) (string, error) {
	var text string
	if stored == nil || json.Unmarshal(stored, &text) == nil {
		return text, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(stored, &members); err != nil {
		return "", fmt.Errorf("it does not look like {%q: %q}", key, "2024-01-31T10:00:00Z")
	}
	if members[key] == nil {
		return "", nil
	}
	if err := json.Unmarshal(members[key], &text); err != nil {
		return "", fmt.Errorf("its %s is not text", key)
	}
	return text, nil
}

// advance moves the mark to t, but never backwards.
func (m *mark) advance(t time.Time) {
	if t.After(m.Time) {
		m.Time = t
	}
}

// stored is the mark as the state keeps it.
func (m mark) stored(st *stream) map[string]string {
	return map[string]string{st.replicationKey: formatTime(m.Time)}
}

// A passMark is the bookmark of a stream that is read whole. In a state it looks like
//
//	{"version": 1704067200000, "pass": {"version": 1704153600000, "cursor": "…"}}
type passMark struct {
	// Version is that of the last complete pass: the target has been told that rows with lower versions are gone.
	Version int64 `json:"version,omitempty"`
	// Pass is a pass that was begun and is to be continued.
	Pass *pass `json:"pass,omitempty"`
	// Records tell what the last complete pass found, if only changed records are wanted.
	Records *digests `json:"records,omitempty"`
}

// A pass is one reading of a whole stream. Its version is the time of its beginning in milliseconds since 1970.
type pass struct {
	Version int64  `json:"version"`
	Cursor  string `json:"cursor,omitempty"` // of the next page
	After   string `json:"after,omitempty"`  // the last parent whose records were written
}

// begun tells whether there is something to continue.
func (p *pass) begun() bool { return p.Cursor != "" || p.After != "" }

// readPassMark returns the bookmark of a stream that is read whole. What other taps keep of such a stream, a time, is
// of no use and passed over.
func readPassMark(state *singer.Bookmarks, st *stream) (passMark, error) {
	var stored json.RawMessage
	if _, err := state.Get(st.name, &stored); err != nil || stored == nil || stored[0] == '"' {
		return passMark{}, err
	}
	var m passMark
	if err := json.Unmarshal(stored, &m); err != nil {
		return passMark{}, badBookmark(st, errors.New(`it does not look like {"version": 1704067200000}`))
	}
	if m.Version < 0 || m.Pass != nil && m.Pass.Version <= m.Version || m.Records != nil && !m.Records.valid() {
		return passMark{}, badBookmark(st, errors.New("its members contradict each other"))
	}
	return m, nil
}

// passLife is for how long a pass may be continued. What it read at its beginning is that old by its end.
const passLife = 7 * 24 * time.Hour

// resume returns the pass to go on with, or a new one.
func (m *passMark) resume(now time.Time) *pass {
	if m.Pass != nil && m.Pass.begun() && now.Sub(time.UnixMilli(m.Pass.Version)) < passLife {
		return m.Pass
	}
	return m.begin(now)
}

// begin returns a new pass. Its version is higher than any before, even if the clock went back.
func (m *passMark) begin(now time.Time) *pass {
	version := max(now.UnixMilli(), m.Version+1)
	if m.Pass != nil {
		version = max(version, m.Pass.Version+1)
	}
	return &pass{Version: version}
}

// badBookmark is what to tell of a bookmark that cannot be used.
func badBookmark(st *stream, err error) error {
	return &singer.ConfigError{Source: "the state", Faults: []string{fmt.Sprintf(
		"the bookmark of stream %s cannot be used: %v; start from another state, or remove this bookmark to read the stream from the start.",
		st.name, err)}}
}
