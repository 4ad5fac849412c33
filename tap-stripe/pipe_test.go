package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// newFake starts a fake Stripe and returns it with its URL.
func newFake(t testing.TB, options stripefake.Options) (*stripefake.Server, string) {
	t.Helper()
	fake, err := stripefake.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, server.URL
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
	settings := map[string]any{"api_key": "sk_test_fake", "base_url": url, "request_rate": 1e6, "page_size": 100}
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
func mustRun(t testing.TB, url, state string, set map[string]any) result {
	t.Helper()
	r := runTap(t, url, state, set)
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
			KeyProperties         []string `json:"key_properties"`
			BookmarkProperties    []string `json:"bookmark_properties"`
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		switch m.Type {
		case "SCHEMA":
			messages = append(messages, &singer.Schema{Stream: m.Stream, Schema: m.Schema, KeyProperties: m.KeyProperties, BookmarkProperties: m.BookmarkProperties})
		case "RECORD":
			messages = append(messages, &singer.Record{Stream: m.Stream, Record: m.Record})
		case "STATE":
			messages = append(messages, &singer.State{Value: m.Value})
		default:
			t.Fatalf("line of type %q", m.Type)
		}
	}
	return messages
}

// A table is what a target would hold: the last record of every key, by stream and id.
type table map[string]map[string]string

func (w table) load(t testing.TB, messages []singer.Message) {
	t.Helper()
	for _, m := range messages {
		if r, ok := m.(*singer.Record); ok {
			e, err := identify(r.Record, "")
			if e.id == "" {
				t.Fatalf("a record of %s without a key: %v", r.Stream, err)
			}
			if w[r.Stream] == nil {
				w[r.Stream] = map[string]string{}
			}
			w[r.Stream][e.id] = string(r.Record)
		}
	}
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

func count[M singer.Message](messages []singer.Message) (n int) {
	for _, m := range messages {
		if _, ok := m.(M); ok {
			n++
		}
	}
	return n
}

// oracle is the table that the fake's objects come to when every field of the named streams (none: of all) is selected.
func oracle(t testing.TB, fake *stripefake.Server, names ...string) table {
	t.Helper()
	want := table{}
	catalog, err := discover(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		st := &streams[i]
		if len(names) > 0 && !slices.Contains(names, st.name) {
			continue
		}
		schema, err := catalog.Stream(st.name).SelectedSchema()
		if err != nil {
			t.Fatal(err)
		}
		shop, err := newRecordShop(st, schema, func(...string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		maker, err := shop.take(st)
		if err != nil {
			t.Fatal(err)
		}
		var expand []string
		for _, path := range st.expand {
			expand = append(expand, strings.TrimPrefix(path, "data."))
		}
		objects, err := fake.Objects(st.name, expand...)
		if err != nil {
			t.Fatal(err)
		}
		want[st.name] = map[string]string{}
		for _, object := range objects {
			records, err := maker.make([]found{{object: object}})
			if err != nil {
				t.Fatal(err)
			}
			entries, err := identifyAll(st, []json.RawMessage{object})
			if err != nil {
				t.Fatal(err)
			}
			want[st.name][entries[0].id] = string(records[0])
		}
	}
	return want
}

// differ describes where got is not want, or returns "".
func differ(want, got table) string {
	for stream, objects := range want {
		for id, object := range objects {
			if have, ok := got[stream][id]; !ok {
				return fmt.Sprintf("%s %s is missing (%d of %d are there)", stream, id, len(got[stream]), len(objects))
			} else if have != object {
				at := 0
				for at < min(len(have), len(object)) && have[at] == object[at] {
					at++
				}
				return fmt.Sprintf("%s %s differs at byte %d:\n%.200s\nwant\n%.200s", stream, id, at, have[max(at-80, 0):], object[max(at-80, 0):])
			}
		}
		for id := range got[stream] {
			if _, ok := objects[id]; !ok {
				return fmt.Sprintf("%s %s should not be there", stream, id)
			}
		}
	}
	return ""
}

func matches(text, pattern string) bool { return regexp.MustCompile(pattern).MatchString(text) }
