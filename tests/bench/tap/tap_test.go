package main

import (
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/tests/fake/stripe/stripefake"
)

func TestTheShareOfARateIsThatOfTheTimeInBetween(t *testing.T) {
	start := time.Now()
	var answers []answer
	for i := range 101 { // 100 intervals of 50 ms are 20 a second
		answers = append(answers, answer{start.Add(time.Duration(i) * 50 * time.Millisecond), "/v1/charges", 200})
	}
	answers = append(answers, answer{start.Add(time.Minute), "/v1/charges", 429})
	u := use(answers, 25)
	if u.made != 101 || u.refused != 1 || u.took != 5*time.Second || math.Abs(u.share-0.8) > 1e-9 {
		t.Errorf("%+v, want 101 requests at 80 %% and one refused", u)
	}
	if u := use(nil, 25); u != (usage{}) {
		t.Errorf("no requests make %+v", u)
	}
}

func TestAnswersAreSortedByWhatTheyAreOf(t *testing.T) {
	var answers []answer
	for _, path := range []string{"/v1/events", "/v1/charges", "/v1/charges/ch_1", "/v1/charges", "/v1/invoices/in_1/lines"} {
		answers = append(answers, answer{path: path})
	}
	events, lists, objects := sorted(answers)
	if len(events) != 1 || len(lists) != 2 || len(objects) != 2 || objects[0].path != "/v1/charges/ch_1" {
		t.Errorf("events %v, lists %v, objects %v", events, lists, objects)
	}
}

func TestTheRateOfAListIsThatOfItsOwnRequests(t *testing.T) {
	var answers []answer
	for _, path := range []string{"/v1/account", "/v1/charges", "/v1/charges", "/v1/charges/ch_1", "/v1/refunds", "/v1/events"} {
		answers = append(answers, answer{path: path, status: 200})
	}
	if list := ofLists(answers, map[string]int{"charges": 5}); len(list) != 2 || list[1].path != "/v1/charges" {
		t.Errorf("%v", list)
	}
	if list := ofLists(answers, map[string]int{"charges": 5, "refunds": 1}); len(list) != 3 {
		t.Errorf("%v", list)
	}
}

func TestGoalsAreMetOrMissed(t *testing.T) {
	for _, c := range []struct {
		figure Figure
		want   string
	}{
		{Figure{Value: 3}, ""},
		{Figure{Value: 0.95, AtLeast: 0.95}, "at least 0.95, met"},
		{Figure{Value: 0.94, AtLeast: 0.95}, "at least 0.95, missed"},
		{Figure{Value: 1.05, AtMost: 1.05}, "at most 1.05, met"},
		{Figure{Value: 1.06, AtMost: 1.05}, "at most 1.05, missed"},
	} {
		if got := c.figure.verdict(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.figure, got, c.want)
		}
	}
	var out strings.Builder
	printTable(&out, []Result{{Name: "quick", Figures: []Figure{{Name: "share", Value: 0.97, AtLeast: 0.95}}}, {Name: "slow", Failure: "no tap"}})
	want := "case   figure  value  goal                \n" +
		"quick  share   0.97   at least 0.95, met  \n" +
		"slow could not run: no tap\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnAccountIsLimitedAndWatched(t *testing.T) {
	b := &bench{speed: 100, rate: 1}
	a, err := open(b.limited(stripefake.Options{Bulk: map[string]int{"charges": 950}}))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	start := time.Now()
	page, err := a.walk("/v1/charges", 100)
	if err != nil || page < 3*time.Millisecond || page > time.Since(start)/10+time.Millisecond {
		t.Errorf("a page takes %s: %v", page, err)
	}
	if answers := a.taken(); len(answers) != 10 || answers[9].path != "/v1/charges" || answers[9].status != 200 || len(a.taken()) != 0 {
		t.Errorf("%+v", answers)
	}
	if _, err := a.walk("/v1/refunds", 1); err == nil {
		t.Error("a walk of an empty list says nothing")
	}
	if a.Server.Refused()["global-rate"] != 0 {
		t.Error("so few requests are refused")
	}
}

func TestOwnTimeGrowsByWork(t *testing.T) {
	before, began := ownTime(), time.Now()
	for ownTime()-before < 20*time.Millisecond {
		if time.Since(began) > time.Minute {
			t.Fatal("a minute of work is not seen")
		}
	}
	if took := time.Since(began); took < 5*time.Millisecond {
		t.Errorf("20 ms of one processor are said to be over after %v", took)
	}
}

func TestARunIsCountedAndMeasured(t *testing.T) {
	lines := `{"type":"SCHEMA","stream":"a"}\n{"type":"RECORD","stream":"a","record":{}}\n{"type":"RECORD","stream":"b","record":{}}\n` +
		`{"type":"STATE","value":{"n":1}}\n{"type":"RECORD","stream":"a","record":{}}\n`
	r, err := timed(exec.Command("sh", "-c", "printf '"+lines+"'; sleep 0.05"))
	if err != nil || r.records != 3 || r.state != `{"n":1}` || r.wall < 50*time.Millisecond {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 1}, r.streams); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r.has(map[string]int{"a": 2}) != nil || r.has(map[string]int{"b": 2}) == nil {
		t.Error("missing records are not seen")
	}
	if _, err := timed(exec.Command("sh", "-c", "echo first >&2; echo why >&2; exit 3")); err == nil || err.Error() != "exit status 3: why" {
		t.Errorf("a failure gives %v", err)
	}
}
