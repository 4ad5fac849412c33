package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

func TestPagesShrinkAndGrowBack(t *testing.T) {
	p := pageSize{now: 250, most: 250}
	var sizes []int
	for p.shrink() {
		sizes = append(sizes, p.now)
	}
	if diff := cmp.Diff([]int{125, 62, 31, 25}, sizes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sizes = nil
	for range 5 * goodToGrow {
		p.worked()
		sizes = append(sizes, p.now)
	}
	if diff := cmp.Diff([]int{25, 50, 100, 200, 250}, slices.Compact(sizes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	small := pageSize{now: 10, most: 10}
	if small.shrink() || small.now != 10 {
		t.Errorf("a page of 10 shrinks to %d", small.now)
	}
}

func TestPagesThatTimeOutAreAskedForInSmallerOnes(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 41, Counts: map[string]int{"subscriptions": 200}})
	var limits []int
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/subscriptions" {
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			limits = append(limits, limit)
			if limit > 50 {
				w.WriteHeader(http.StatusGatewayTimeout)
				return
			}
		}
		fake.ServeHTTP(w, r)
	})
	r := mustRun(t, address, "", map[string]any{"select": patterns("subscriptions"), "page_size": 100, "max_retries": 3})
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "subscriptions"), got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{100, 50}, slices.Compact(limits)); diff != "" {
		t.Errorf("pages asked for (-want +got):\n%s", diff)
	}
}

func TestAListThatNeverEndsStopsItsStreamOnly(t *testing.T) {
	page := func(id int, next string) string {
		return fmt.Sprintf(`{"next_cursor":%q,"collections":[{"id":%d}]}`, next, id)
	}
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{"": page(1, "a"), "a": page(2, "b"), "b": page(3, "a")}[r.URL.Query().Get("cursor")]
		answers(map[string]string{"/collections": body, "/webhooks": `{"next_cursor":"","webhooks":[{"id":1}]}`})(w, r)
	})
	r := runTap(t, address, "", map[string]any{"select": patterns("collections", "webhooks")})
	if r.code != singer.ExitFailure || !strings.Contains(lastLine(r.log), "stream collections: the list /collections leads back to a page that was read before") {
		t.Errorf("the run ends with %d and %q", r.code, lastLine(r.log))
	}
	if count[*singer.ActivateVersion](r.messages) != 1 || len(recordsOfStream(r.messages, "webhooks")) != 1 {
		t.Errorf("it writes %s", r.out)
	}
}

func TestAListInNoOrderMovesItsBookmarkAtTheEnd(t *testing.T) {
	items := func(ids ...int) (text string) {
		for _, id := range ids {
			text += fmt.Sprintf(`,{"id":%d,"updated_at":"2025-05-%02dT00:00:00Z"}`, id, id)
		}
		return strings.TrimPrefix(text, ",")
	}
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.Format(http.TimeFormat))
		body := map[string]string{
			"":  `{"next_cursor":"b","orders":[` + items(3, 4) + `]}`,
			"b": `{"next_cursor":"c","orders":[` + items(2, 9) + `]}`,
			"c": `{"next_cursor":"d","orders":[` + items(11, 12) + `]}`,
			"d": `{"next_cursor":null,"orders":[]}`,
		}[r.URL.Query().Get("cursor")]
		answers(map[string]string{"/orders": body})(w, r)
	})
	r := mustRun(t, address, "", map[string]any{"select": patterns("orders")})
	var marks []string
	for _, m := range r.messages {
		if s, ok := m.(*singer.State); ok {
			marks = append(marks, bookmarkOf(t, string(s.Value), "orders"))
		}
	}
	want := []string{`{"updated_at":"2025-05-04T00:00:00Z"}`, `{"updated_at":"2025-06-01T00:00:00Z"}`}
	if diff := cmp.Diff(want, slices.Compact(marks)); diff != "" {
		t.Errorf("bookmarks (-want +got):\n%s", diff)
	}
	if n := strings.Count(r.log, "not in the order that was asked for"); n != 1 {
		t.Errorf("told %d times:\n%s", n, r.log)
	}
}

// Wherever a walk through a window is cut, what was not read lies at or behind what it calls safe.
func TestWhatIsUnreadIsNeverLost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	start := at("2025-01-01")
	for range 300 {
		moment := start
		var records []record
		for range r.IntN(60) {
			moment = moment.Add(time.Duration(max(0, r.IntN(5)-2)) * time.Second)
			records = append(records, record{at: moment})
		}
		if r.IntN(3) == 0 && len(records) > 0 { // some record is out of order, or has no time
			records[r.IntN(len(records))].at = []time.Time{start, {}, moment.Add(time.Hour)}[r.IntN(3)]
		}
		name := []string{"charges", "bundle_selections", "events"}[r.IntN(3)]
		turn := newTurn(findStream(name), window{to: start.Add(time.Duration(r.IntN(60)) * time.Second)})
		size := 1 + r.IntN(7)
		for from := 0; from < len(records); from += size {
			end := min(from+size, len(records))
			turn.list.cursor = "more"
			if end == len(records) {
				turn.list.cursor = ""
			}
			belong, done := turn.advance(records[from:end])
			safe := turn.safe(done)
			if safe.After(turn.window.to) {
				t.Fatalf("%s: the bookmark %v lies beyond the window, which ends at %v", name, safe, turn.window.to)
			}
			for _, one := range records[from:end] {
				if !slices.Contains(moments(belong), one.at) && !one.at.After(turn.window.to) {
					t.Fatalf("%s: a record of %v is left out", name, one.at)
				}
			}
			if done {
				break
			}
			for _, one := range records[end:] {
				if turn.sorted && one.at.Before(safe) && !outOfOrder(records) {
					t.Fatalf("%s: the bookmark %v promises the record of %v, which was not read", name, safe, one.at)
				}
			}
		}
	}
}

// A list without an upper bound ends where its order says that nothing of the window follows.
func TestAListWithoutAnEndIsLeftBehindTheWindow(t *testing.T) {
	for _, c := range []struct {
		name, times string
		belong      int
		done        bool
	}{
		{"in order", "1 2 9 9", 2, true},
		{"within the window", "1 2 3", 3, false},
		{"in no order", "2 1 9", 2, false},
	} {
		turn := newTurn(findStream("bundle_selections"), window{to: at("2025-05-05")})
		turn.list.cursor = "more"
		var records []record
		for day := range strings.FieldsSeq(c.times) {
			records = append(records, record{at: at("2025-05-0" + day)})
		}
		if belong, done := turn.advance(records); len(belong) != c.belong || done != c.done {
			t.Errorf("%s: %d records belong to the window, done %t", c.name, len(belong), done)
		}
	}
}

func moments(records []record) (list []time.Time) {
	for _, r := range records {
		list = append(list, r.at)
	}
	return list
}

func outOfOrder(records []record) bool {
	return !slices.IsSortedFunc(records, func(a, b record) int { return a.at.Compare(b.at) })
}

func TestStreamsThatForgetSoonAreReadFirst(t *testing.T) {
	now := at("2025-06-01")
	s := &syncer{now: now}
	order := func(age time.Duration) (names []string) {
		for _, name := range []string{"customers", "charges", "events"} {
			s.jobs = append(s.jobs, &job{stream: findStream(name), mark: mark{now.Add(-age)}})
		}
		slices.SortStableFunc(s.jobs, s.byHurry)
		for _, j := range s.jobs {
			names = append(names, j.stream.name)
		}
		s.jobs = nil
		return names
	}
	for age, want := range map[time.Duration][]string{
		24 * time.Hour:       {"customers", "charges", "events"},
		5 * 24 * time.Hour:   {"events", "customers", "charges"},
		100 * 24 * time.Hour: {"charges", "events", "customers"},
	} {
		if diff := cmp.Diff(want, order(age)); diff != "" {
			t.Errorf("bookmarks %v old (-want +got):\n%s", age, diff)
		}
	}
}
