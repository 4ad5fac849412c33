package singer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParseBookmarks(t *testing.T, state string) *Bookmarks {
	t.Helper()
	b, err := ParseBookmarks([]byte(state))
	if err != nil {
		t.Fatalf("ParseBookmarks(%q): %v", state, err)
	}
	return b
}

func TestStateComesBackAsItWas(t *testing.T) {
	for _, c := range []struct{ name, state, want string }{
		{"nothing", "", `{}`},
		{"null", "null\n", `{}`},
		{"empty", `{}`, `{}`},
		{"no bookmarks yet", `{"bookmarks":{}}`, `{"bookmarks":{}}`},
		{"null bookmarks", `{"bookmarks":null,"x":1}`, `{"bookmarks":null,"x":1}`},
		{"singer-io", `{"currently_syncing": "orders", "bookmarks": {"orders": {"since": "2024-01-01", "offset": {"page": 3}}, "a b": {"version": 1700000000000}}}`,
			`{"currently_syncing":"orders","bookmarks":{"orders":{"since":"2024-01-01","offset":{"page":3}},"a b":{"version":1700000000000}}}`},
		{"Meltano SDK", `{"bookmarks":{"s":{"partitions":[{"context":{"id":1},"replication_key_value":"x"}],"starting_replication_value":null}}}`,
			`{"bookmarks":{"s":{"partitions":[{"context":{"id":1},"replication_key_value":"x"}],"starting_replication_value":null}}}`},
		{"digits and escapes", `{"bookmarks":{"s":{"id":123456789012345678901234567890.10,"t":"\u00e9<&>"}},"z":1e400}`,
			`{"bookmarks":{"s":{"id":123456789012345678901234567890.10,"t":"\u00e9<&>"}},"z":1e400}`},
		{"pretty printed", "{\n  \"bookmarks\": {\n    \"s\": { \"k\": 1 }\n  }\n}\n", `{"bookmarks":{"s":{"k":1}}}`},
		{"a STATE message", `{"type":"STATE","value":{"bookmarks":{"s":{"k":1}}}}`, `{"bookmarks":{"s":{"k":1}}}`},
		{"an envelope", `{"value":{"bookmarks":{"s":{"k":1}}}}`, `{"bookmarks":{"s":{"k":1}}}`},
		{"a byte order mark", "\ufeff{\"a\":1}", `{"a":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mustParseBookmarks(t, c.state).State()
			if diff := cmp.Diff(c.want, string(got.Value)); diff != "" {
				t.Errorf("state differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseBookmarksRefuses(t *testing.T) {
	for _, c := range []struct{ state, want string }{
		{`[]`, "not a JSON object"},
		{`"text"`, "not a JSON object"},
		{`{"bookmarks":[]}`, "not an object"},
		{`{"bookmarks":`, "not JSON"},
		{"{\"a\":1}\n{\"a\":2}\n", "the last line alone"},
	} {
		_, err := ParseBookmarks([]byte(c.state))
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseBookmarks(%q) = %v, want a ConfigError with %q", c.state, err, c.want)
		}
	}
}

func TestBookmarksGetKeepsDigits(t *testing.T) {
	b := mustParseBookmarks(t, `{"bookmarks":{"s":{"id":12345678901234567890,"on":true},"none":null,"odd":3}}`)
	var got any
	if ok, err := b.Get("s", &got); !ok || err != nil {
		t.Fatalf("Get = %v, %v", ok, err)
	}
	if diff := cmp.Diff(map[string]any{"id": json.Number("12345678901234567890"), "on": true}, got); diff != "" {
		t.Errorf("bookmark differs (-want +got):\n%s", diff)
	}
	for _, stream := range []string{"none", "other"} {
		if ok, err := b.Get(stream, &got); ok || err != nil {
			t.Errorf("Get(%s) = %v, %v; want none", stream, ok, err)
		}
	}
	var typed struct{ ID int }
	if ok, err := b.Get("odd", &typed); ok || err == nil || !strings.Contains(err.Error(), "stream odd") {
		t.Errorf("Get of a number = %v, %v; want a failure that names the stream", ok, err)
	}
}

func TestBookmarksSetTouchesNothingElse(t *testing.T) {
	b := mustParseBookmarks(t, `{"x":1.0,"bookmarks":{"a":{"v":1e2},"b":{"v":2},"c":{"v":"\u0041"}},"y":[]}`)
	if err := b.Set("b", map[string]string{"v": "<3>"}); err != nil {
		t.Fatal(err)
	}
	if err := b.Set("d", struct{}{}); err != nil {
		t.Fatal(err)
	}
	b.SetCurrentlySyncing("b")
	want := `{"x":1.0,"bookmarks":{"a":{"v":1e2},"b":{"v":"<3>"},"c":{"v":"\u0041"},"d":{}},"y":[],"currently_syncing":"b"}`
	if diff := cmp.Diff(want, string(b.State().Value)); diff != "" {
		t.Errorf("state differs (-want +got):\n%s", diff)
	}
	b.SetCurrentlySyncing("")
	if got := string(b.State().Value); !strings.HasSuffix(got, `"currently_syncing":null}`) {
		t.Errorf("the note is not cleared: %s", got)
	}
	if err := b.Set("e", 3); err == nil {
		t.Error("Set takes a number for a bookmark")
	}
	if err := b.Set("e", func() {}); err == nil {
		t.Error("Set takes what cannot be encoded")
	}
}

func TestAdvanceNeverMovesBackwards(t *testing.T) {
	for _, c := range []struct{ name, old, value, want string }{
		{"first", ``, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"},
		{"later", `"2024-01-01T00:00:00Z"`, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z"},
		{"earlier", `"2024-01-02T00:00:00Z"`, "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"},
		{"the same keeps its spelling", `"2024-01-02T00:00:00.000Z"`, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00.000Z"},
		{"later though smaller as text", `"2024-01-02T00:00:00+10:00"`, "2024-01-01T20:00:00Z", "2024-01-01T20:00:00Z"},
		{"earlier though greater as text", `"2024-01-01T20:00:00Z"`, "2024-01-02T00:00:00+10:00", "2024-01-01T20:00:00Z"},
		{"fractions", `"2024-01-01T00:00:00.5Z"`, "2024-01-01T00:00:00.25Z", "2024-01-01T00:00:00.5Z"},
		{"integers", `"9"`, "10", "10"},
		{"integers backwards", `"10"`, "9", "10"},
		{"integers beyond 64 bits", `"99999999999999999999"`, "100000000000000000000", "100000000000000000000"},
		{"a number in the state", `9`, "10", "10"},
		{"a number in the state, backwards", `10`, "9", "10"},
		{"text", `"b"`, "a", "b"},
		{"null in the state", `null`, "a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := `{"bookmarks":{"s":{"other":1}}}`
			if c.old != "" {
				state = `{"bookmarks":{"s":{"k":` + c.old + `,"other":1}}}`
			}
			b := mustParseBookmarks(t, state)
			if err := b.Advance("s", "k", c.value); err != nil {
				t.Fatal(err)
			}
			if got := b.Value("s", "k"); got != c.want {
				t.Errorf("cursor is %q, want %q", got, c.want)
			}
			if got := b.Value("s", "other"); got != "1" {
				t.Errorf("the other member is %q", got)
			}
		})
	}
}

func TestBookmarksSnapshotsAreWholeWhileOthersWrite(t *testing.T) {
	b := mustParseBookmarks(t, "")
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 100 {
				stream := fmt.Sprintf("s%d", w)
				if err := b.Advance(stream, "n", fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
				if err := b.Set(stream+"-set", map[string]int{"i": i}); err != nil {
					t.Error(err)
				}
				b.SetCurrentlySyncing(stream)
				if state := b.State(); !json.Valid(state.Value) {
					t.Errorf("torn state %s", state.Value)
				}
			}
		})
	}
	writers.Wait()
	for w := range 4 {
		if got := b.Value(fmt.Sprintf("s%d", w), "n"); got != "99" {
			t.Errorf("stream s%d stands at %s", w, got)
		}
	}
}

func TestBookmarksSnapshotDoesNotChange(t *testing.T) {
	b := mustParseBookmarks(t, `{"bookmarks":{"s":{"k":"1"}}}`)
	snapshot := b.State()
	if err := b.Advance("s", "k", "2"); err != nil {
		t.Fatal(err)
	}
	if got := string(snapshot.Value); got != `{"bookmarks":{"s":{"k":"1"}}}` {
		t.Errorf("the snapshot became %s", got)
	}
}

// FuzzParseBookmarks holds that what is accepted comes back with the same meaning, on one line.
func FuzzParseBookmarks(f *testing.F) {
	for _, seed := range []string{"", "null", `{}`, `{"bookmarks":{"s":{"k":1.50}},"x":[null]}`, `{"type":"STATE","value":{}}`, `{"a":1,"a":2}`, `{"\u0061":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseBookmarks(text)
		if err != nil {
			return
		}
		state := b.State().Value
		if !json.Valid(state) || strings.Contains(string(state), "\n") {
			t.Fatalf("%q becomes %q", text, state)
		}
		again, err := ParseBookmarks(state)
		if err != nil {
			t.Fatalf("%q becomes %q, which is refused: %v", text, state, err)
		}
		if err := again.Advance("s", "k", "1"); err == nil && again.Value("s", "k") == "" {
			t.Fatalf("a cursor set in %q cannot be read", state)
		}
	})
}

func TestRemoveLeavesAllElseAsItWas(t *testing.T) {
	const state = `{"currently_syncing":"a","bookmarks":{"a":{"n":1.0},"a b":{"n":12345678901234567890123},"A":{}},"z":1}`
	for _, c := range []struct {
		stream  string
		there   bool
		want    string
		streams []string
	}{
		{"a b", true, `{"currently_syncing":"a","bookmarks":{"a":{"n":1.0},"A":{}},"z":1}`, []string{"a", "A"}},
		{"a", true, `{"currently_syncing":"a","bookmarks":{"a b":{"n":12345678901234567890123},"A":{}},"z":1}`, []string{"a b", "A"}},
		{"b", false, state, []string{"a", "a b", "A"}},
	} {
		b := mustParseBookmarks(t, state)
		there := b.Remove(c.stream)
		if got := string(b.State().Value); there != c.there || got != c.want {
			t.Errorf("without %q, which is there: %t, the state is %s, want %t and %s", c.stream, there, got, c.there, c.want)
		}
		if diff := cmp.Diff(c.streams, b.Streams()); diff != "" {
			t.Errorf("streams without %q (-want +got):\n%s", c.stream, diff)
		}
	}
	only := mustParseBookmarks(t, `{"bookmarks":{"a":{}}}`)
	if only.Remove("a"); string(only.State().Value) != `{"bookmarks":{}}` {
		t.Errorf("without the only bookmark the state is %s", only.State().Value)
	}
}
