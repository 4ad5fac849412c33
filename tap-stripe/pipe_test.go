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
	"sync"
	"testing"

	"tapline/schemas"
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
	if path := catalogFor(t, set, args); path != "" {
		args = append(args, "--catalog", path)
	}
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

// usual are the streams of runs that select nothing.
var usual = []string{"balance_transactions", "charges", "payment_intents", "invoices", "events", "customers", "subscriptions", "refunds",
	"prices", "plans", "products", "coupons", "tax_rates"}

// catalogFor writes a catalog of the streams that a test is about, for all of them are slow to read in every run. It
// returns "" if the run has a catalog, needs none or selects everything.
func catalogFor(t testing.TB, set map[string]any, args []string) string {
	t.Helper()
	if key, _ := set["api_key"].(string); strings.HasPrefix(key, "rk_") {
		return "" // it is discovered what it may read
	}
	if slices.ContainsFunc(args, func(a string) bool { return a == "--discover" || a == "--check" || a == "--catalog" }) {
		return ""
	}
	names := usual
	if patterns, ok := set["select"].([]string); ok {
		names = nil
		for _, pattern := range patterns {
			name, _, _ := strings.Cut(strings.TrimPrefix(pattern, "!"), ".")
			if findStream(name) == nil {
				return ""
			}
			names = append(names, name)
		}
	}
	catalog := &singer.Catalog{}
	for _, name := range names {
		known, err := schemas.StripeStream(name)
		if err != nil {
			t.Fatal(err)
		}
		if catalog.Stream(name) == nil {
			catalog.Streams = append(catalog.Streams, singer.NewStream(name, known.Schema, known.KeyProperties, findStream(name).cursor))
		}
	}
	text, err := json.Marshal(catalog)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "catalog.json", string(text))
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
			Version               int64
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
			messages = append(messages, &singer.Record{Stream: m.Stream, Record: m.Record, Version: m.Version, HasVersion: m.Version != 0})
		case "ACTIVATE_VERSION":
			messages = append(messages, &singer.ActivateVersion{Stream: m.Stream, Version: m.Version})
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
			if w[r.Stream] == nil {
				w[r.Stream] = map[string]string{}
			}
			w[r.Stream][keyOf(t, r.Stream, r.Record)] = withoutColumns(r.Record)
		}
	}
}

// keyOf is the key of a record: its id, or all parts of the key with slashes between them.
func keyOf(t testing.TB, stream string, record []byte) string {
	t.Helper()
	var parts []string
	for _, name := range keysOf()[stream] {
		part, err := stringOf(member(record, name))
		if err != nil || part == "" {
			t.Fatalf("a record of %s without %s: %s", stream, name, record)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// keysOf are the key properties of all streams.
var keysOf = sync.OnceValue(func() map[string][]string {
	all, err := schemas.Stripe()
	if err != nil {
		panic(err)
	}
	keys := map[string][]string{}
	for _, one := range all {
		keys[one.Name] = one.KeyProperties
	}
	return keys
})

var ownColumns = regexp.MustCompile(`(,"updated":[^,]*)?,"updated_by_event_type":.*,"_sdc_source_fetched_at":"[^"]*"(,"account_id":"[^"]*")?}$`)

// withoutColumns is a record without the columns that the tap adds.
func withoutColumns(record []byte) string { return ownColumns.ReplaceAllString(string(record), "}") }

func compacted(t testing.TB, object []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, object); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
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
		if len(names) == 0 && !slices.Contains(usual, st.name) || len(names) > 0 && !slices.Contains(names, st.name) {
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
		objects, err := fake.Objects(kindOf(st), expand...)
		if err != nil {
			t.Fatal(err)
		}
		want[st.name] = map[string]string{}
		for _, object := range objects {
			records, err := maker.make([]found{{object: compacted(t, object)}}, "")
			if err != nil {
				t.Fatal(err)
			}
			want[st.name][keyOf(t, st.name, object)] = withoutColumns(records[0])
		}
	}
	return want
}

// kindOf is what the fake calls the objects of a stream.
func kindOf(st *stream) string {
	switch st.name {
	case "invoice_items":
		return "invoiceitems"
	case "radar_value_lists":
		return "value_lists"
	}
	return st.name
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
