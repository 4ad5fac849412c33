package serve

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func anything(string) bool { return true }

// taken asks for paths one after the other and returns what failed.
func taken(q *Queue[string], concerns func(string) bool, paths ...string) []string {
	var got []string
	for i, path := range paths {
		failure, _ := q.Take(path, concerns, func(place int) *rand.Rand { return Random(1, "failure", i, string(rune('a'+place))) })
		got = append(got, failure)
	}
	return got
}

func TestFailuresComeWhenTheyAreDue(t *testing.T) {
	for _, c := range []struct {
		name  string
		due   []Due
		paths []string
		want  []string
	}{
		{"once", []Due{{}}, []string{"/a", "/a"}, []string{"0", ""}},
		{"several times, after some", []Due{{Skip: 1, Times: 2}}, []string{"/a", "/a", "/a", "/a"}, []string{"", "0", "0", ""}},
		{"of a path", []Due{{Path: "/a/*"}}, []string{"/a", "/a/b/c", "/a/b", "/a/b"}, []string{"", "", "0", ""}},
		{"the first of several", []Due{{Path: "/b"}, {}, {}}, []string{"/a", "/b", "/a", "/a"}, []string{"1", "0", "2", ""}},
		{"always", []Due{{Share: 1}}, []string{"/a", "/a", "/a"}, []string{"0", "0", "0"}},
		{"a share, so many times", []Due{{Share: 1, Times: 2}}, []string{"/a", "/a", "/a"}, []string{"0", "0", ""}},
	} {
		var q Queue[string]
		for i, due := range c.due {
			if err := q.Add(string(rune('0'+i)), due); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(c.want, taken(&q, anything, c.paths...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestOnlyFailuresThatConcernARequestAreUsedUp(t *testing.T) {
	var q Queue[string]
	for _, f := range []string{"reads", "writes"} {
		if err := q.Add(f, Due{}); err != nil {
			t.Fatal(err)
		}
	}
	got := taken(&q, func(f string) bool { return f == "writes" }, "/a", "/a")
	if diff := cmp.Diff([]string{"writes", ""}, got); diff != "" || q.Len() != 1 {
		t.Errorf("%d are left (-want +got):\n%s", q.Len(), diff)
	}
}

func TestAShareFailsAsOftenAsItSays(t *testing.T) {
	var q Queue[string]
	if err := q.Add("f", Due{Share: 0.25}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, f := range taken(&q, anything, make([]string, 4000)...) {
		if f != "" {
			failed++
		}
	}
	if failed < 900 || failed > 1100 {
		t.Errorf("%d of 4000 failed, want a quarter", failed)
	}
}

func TestWrongFailuresAreRefused(t *testing.T) {
	for _, due := range []Due{{Path: "[a-"}, {Share: 1.5}, {Share: -1}} {
		var q Queue[string]
		if q.Add("f", due) == nil || q.Len() != 0 {
			t.Errorf("%+v was accepted", due)
		}
	}
}

func TestBrokenConnectionsSendHalfOrNothing(t *testing.T) {
	for way, want := range map[string]string{Cut: `{"a":`, Reset: `{"a":`, Dropped: ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Break(w, way, []byte(`{"a":1234}`)) }))
		answer, err := http.Get(server.URL)
		if err != nil && way != Dropped {
			t.Errorf("%s: %v", way, err)
		}
		if err == nil {
			got, err := io.ReadAll(answer.Body)
			if err == nil || way == Cut && string(got) != want { // a reset may take away what was sent
				t.Errorf("%s: %q, %v", way, got, err)
			}
			answer.Body.Close()
		}
		server.Close()
	}
}

func TestLatencyHasTheMedianAndTheTailThatWereAskedFor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	above, far := 0, 0
	for range 20_000 {
		switch d := Latency(r, 100*time.Millisecond, 400*time.Millisecond); {
		case d > 400*time.Millisecond:
			above, far = above+1, far+1
		case d > 100*time.Millisecond:
			above++
		}
	}
	if above < 9_600 || above > 10_400 || far < 130 || far > 270 {
		t.Errorf("of 20,000 answers %d take more than the median and %d more than the tail", above, far)
	}
	if d := Latency(r, time.Second, 0); d != time.Second {
		t.Errorf("without a tail %s", d)
	}
}
