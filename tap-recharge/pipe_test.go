package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

// fastToken says of itself that its bucket is 99 times as large as usual, so that tests need not wait.
const fastToken = "sk_99x99_fake"

// newFake starts a fake Recharge and returns it with its URL.
func newFake(t testing.TB, options rechargefake.Options) (*rechargefake.Server, string) {
	t.Helper()
	if options.Tokens == nil {
		options.Tokens = []rechargefake.Token{{Secret: fastToken}}
	}
	fake, err := rechargefake.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, server.URL
}

// serve starts a server for one handler that is called by one request at a time.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	var turn sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A result is what one run of the tap left behind.
type result struct {
	code     int
	out      []byte
	log      string
	messages []singer.Message // each with bytes of its own
}

// runTap runs the tap in process with the given settings over good defaults. state is "" or a state document.
func runTap(t testing.TB, url, state string, set map[string]any, args ...string) result {
	t.Helper()
	settings := map[string]any{"access_token": fastToken, "base_url": url, "lag_minutes": 0}
	maps.Copy(settings, set)
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--config", write(t, "config.json", string(text)), "--log-format", "text")
	if state != "" {
		args = append(args, "--state", write(t, "state.json", state))
	}
	var out, log bytes.Buffer
	r := result{code: tap().Run(context.Background(), args, singer.IO{Out: &out, Err: &log})}
	r.out, r.log = out.Bytes(), log.String()
	if !slices.ContainsFunc(args, func(a string) bool { return a == "--discover" || a == "--check" }) {
		r.messages = parse(t, r.out)
	}
	return r
}

// mustRun is runTap for a run that must succeed.
func mustRun(t testing.TB, url, state string, set map[string]any, args ...string) result {
	t.Helper()
	r := runTap(t, url, state, set, args...)
	if r.code != singer.ExitOK {
		t.Fatalf("the tap ends with %d:\n%s", r.code, r.log)
	}
	return r
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parse reads the lines of a tap by encoding/json, which shares nothing with the tap's own writer.
func parse(t testing.TB, out []byte) (messages []singer.Message) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var m struct {
			Type, Stream          string
			Record, Schema, Value json.RawMessage
			Version               *int64
			KeyProperties         []string `json:"key_properties"`
			BookmarkProperties    []string `json:"bookmark_properties"`
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		version := int64(0)
		if m.Version != nil {
			version = *m.Version
		}
		switch m.Type {
		case "SCHEMA":
			messages = append(messages, &singer.Schema{Stream: m.Stream, Schema: m.Schema, KeyProperties: m.KeyProperties, BookmarkProperties: m.BookmarkProperties})
		case "RECORD":
			messages = append(messages, &singer.Record{Stream: m.Stream, Record: m.Record, Version: version, HasVersion: m.Version != nil})
		case "STATE":
			messages = append(messages, &singer.State{Value: m.Value})
		case "ACTIVATE_VERSION":
			messages = append(messages, &singer.ActivateVersion{Stream: m.Stream, Version: version})
		default:
			t.Fatalf("line of type %q", m.Type)
		}
	}
	return messages
}

// A row is the last record of a key and its version.
type row struct {
	text    string
	version int64
}

// A table is what a target would hold, by stream and key: a later record takes the place of an earlier one, and an
// ACTIVATE_VERSION removes rows of lower versions.
type table map[string]map[string]row

func (w table) load(t testing.TB, messages []singer.Message) {
	t.Helper()
	for _, m := range messages {
		switch m := m.(type) {
		case *singer.Record:
			if w[m.Stream] == nil {
				w[m.Stream] = map[string]row{}
			}
			w[m.Stream][keyOf(t, m.Stream, m.Record)] = row{string(m.Record), m.Version}
		case *singer.ActivateVersion:
			maps.DeleteFunc(w[m.Stream], func(_ string, r row) bool { return r.version < m.Version })
		}
	}
}

func keyOf(t testing.TB, stream string, record []byte) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(record, &members); err != nil {
		t.Fatal(err)
	}
	var key []string
	for _, name := range findStream(stream).keys {
		if members[name] == nil {
			t.Fatalf("a record of %s lacks its key %s: %s", stream, name, record)
		}
		key = append(key, string(members[name]))
	}
	return strings.Join(key, " ")
}

// lastState returns the last state among messages, or "".
func lastState(messages []singer.Message) string {
	for _, m := range slices.Backward(messages) {
		if s, ok := m.(*singer.State); ok {
			return string(s.Value)
		}
	}
	return ""
}

// bookmarkOf returns the text of a stream's bookmark in a state.
func bookmarkOf(t testing.TB, state, stream string) string {
	t.Helper()
	var s struct{ Bookmarks map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(state), &s); err != nil {
		t.Fatal(err)
	}
	return string(s.Bookmarks[stream])
}

func count[M singer.Message](messages []singer.Message) (n int) {
	for _, m := range messages {
		if _, ok := m.(M); ok {
			n++
		}
	}
	return n
}

// recordsOfStream lists the records of a stream.
func recordsOfStream(messages []singer.Message, stream string) (records []string) {
	for _, m := range messages {
		if r, ok := m.(*singer.Record); ok && r.Stream == stream {
			records = append(records, string(r.Record))
		}
	}
	return records
}

// oracle is the table that the fake's objects come to when every field of the named streams (none: of all that are
// selected by default) is selected.
func oracle(t testing.TB, fake *rechargefake.Server, names ...string) map[string]map[string]string {
	t.Helper()
	return oracleWith(t, fake, &settings{}, names...)
}

func oracleWith(t testing.TB, fake *rechargefake.Server, s *settings, names ...string) map[string]map[string]string {
	t.Helper()
	want := map[string]map[string]string{}
	catalog, err := discover(context.Background(), &singer.Run{Config: &singer.Config{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		st := &streams[i]
		if len(names) > 0 && !slices.Contains(names, st.name) || len(names) == 0 && st.optional {
			continue
		}
		want[st.name] = map[string]string{}
		for _, record := range recordsOfFake(t, fake, s, st, catalog.Stream(st.name)) {
			want[st.name][keyOf(t, st.name, []byte(record))] = record
		}
	}
	return want
}

func recordsOfFake(t testing.TB, fake *rechargefake.Server, s *settings, st *stream, entry *singer.Stream) (records []string) {
	t.Helper()
	schema, err := entry.SelectedSchema()
	if err != nil {
		t.Fatal(err)
	}
	maker, err := newRecordMaker(st, schema, func(...string) bool { return true }, s)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := fake.Objects(st.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		made, err := maker.make([]json.RawMessage{object}, textOf(lookup(object, "customer.id")))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(made[0].text))
	}
	return records
}

// differ describes where got is not want, or returns "".
func differ(want map[string]map[string]string, got table) string {
	for stream, objects := range want {
		for key, object := range objects {
			have, ok := got[stream][key]
			if !ok {
				return fmt.Sprintf("%s %s is missing (%d of %d are there)", stream, key, len(got[stream]), len(objects))
			}
			if have.text != object {
				at := 0
				for at < min(len(have.text), len(object)) && have.text[at] == object[at] {
					at++
				}
				return fmt.Sprintf("%s %s differs at byte %d:\n%.200s\nwant\n%.200s", stream, key, at, have.text[max(at-80, 0):], object[max(at-80, 0):])
			}
		}
		for key := range got[stream] {
			if _, ok := objects[key]; !ok {
				return fmt.Sprintf("%s %s should not be there", stream, key)
			}
		}
	}
	return ""
}

func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[len(lines)-1]
}
