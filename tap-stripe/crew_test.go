package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/schemas"
	"tapline/singer"
)

// A lister is a list in memory that answers as Stripe does. Objects may vanish while it is read.
type lister struct {
	mu       sync.Mutex
	random   *rand.Rand
	now      time.Time
	list     []entry // newest first
	gone     map[string]bool
	deletes  float64 // share of requests before which an object is deleted, half of the time that of the cursor
	requests int
	pages    int // that were not empty
}

// newLister makes a list of up to size objects over a span of seconds, with crowded seconds.
func newLister(random *rand.Rand, size int, span int64) *lister {
	now := time.Unix(1_700_000_000, 0)
	l := &lister{random: random, now: now, gone: map[string]bool{}}
	for i := range random.IntN(size + 1) {
		created := now.Unix() - random.Int64N(span)
		if random.IntN(4) == 0 {
			created = now.Unix() - span/2 // one second with very many
		}
		l.list = append(l.list, entry{fmt.Sprint("c", i), created})
	}
	slices.SortStableFunc(l.list, func(a, b entry) int { return int(b.created - a.created) })
	return l
}

func (l *lister) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	late := l.random.IntN(3) == 0
	l.mu.Unlock()
	if late {
		time.Sleep(50 * time.Microsecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	query := req.URL.Query()
	if len(l.list) > 0 && l.random.Float64() < l.deletes {
		victim := l.list[l.random.IntN(len(l.list))].id
		if after := query.Get("starting_after"); after != "" && l.random.IntN(2) == 0 {
			victim = after
		}
		l.gone[victim] = true
	}
	status, body := l.answer(query)
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: req,
		Header: http.Header{"Date": {l.now.UTC().Format(http.TimeFormat)}}}, nil
}

func (l *lister) answer(query url.Values) (status int, body string) {
	limit, _ := strconv.Atoi(query.Get("limit"))
	bound := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	from, until, after := bound("created[gte]", 0), bound("created[lt]", 1<<40), query.Get("starting_after")
	if l.gone[after] {
		return http.StatusNotFound, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such coupon"}}`
	}
	begun, more := after == "", false
	var shown []string
	for _, e := range l.list {
		switch {
		case !begun:
			begun = e.id == after
		case l.gone[e.id] || e.created < from || e.created >= until:
		case len(shown) == limit:
			more = true
		default:
			shown = append(shown, fmt.Sprintf(`{"id":%q,"object":"coupon","created":%d}`, e.id, e.created))
		}
	}
	if len(shown) > 0 {
		l.pages++
	}
	return http.StatusOK, fmt.Sprintf(`{"object":"list","data":[%s],"has_more":%t}`, strings.Join(shown, ","), more)
}

// readCoupons reads a list from a state, without a limit, and returns what was written.
func readCoupons(t *testing.T, l *lister, state string, pageSize int) []singer.Message {
	t.Helper()
	return readCouponsFrom(t, l, state, pageSize, 1e6)
}

func readCouponsFrom(t *testing.T, from http.RoundTripper, state string, pageSize int, rate float64) []singer.Message {
	t.Helper()
	known, err := schemas.StripeStream("coupons")
	if err != nil {
		t.Fatal(err)
	}
	marks, err := singer.ParseBookmarks([]byte(state))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	writer := singer.NewWriter(&out)
	log := slog.New(slog.DiscardHandler)
	s := &settings{APIKey: "sk_test_1", BaseURL: "https://stripe.example", RequestRate: rate, PageSize: pageSize, RequestTimeout: 80, MaxRetries: 1}
	run := &singer.Run{
		Catalog:   &singer.Catalog{Streams: []*singer.Stream{singer.NewStream("coupons", known.Schema, known.KeyProperties, "created")}},
		Bookmarks: marks, Out: writer, Log: log, Metrics: &singer.Metrics{},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := (&syncer{run: run, settings: s, client: newClient(s, from, log, run.Metrics)}).sync(ctx); err != nil {
		t.Fatal(err)
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	return parse(t, out.Bytes())
}

// ids counts the records of messages by id.
func ids(t *testing.T, messages []singer.Message, into map[string]int) map[string]int {
	t.Helper()
	for _, m := range messages {
		if r, ok := m.(*singer.Record); ok {
			into[keyOf(t, r.Stream, r.Record)]++
		}
	}
	return into
}

// However a list is shared by workers, each object comes once, and few requests are made in vain.
func TestWorkersShareAListWithoutLossOrRepetition(t *testing.T) {
	shared := 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		l := newLister(random, 400, 1+random.Int64N(5000))
		pageSize := 1 + random.IntN(9)
		messages := readCoupons(t, l, "", pageSize)
		got := ids(t, messages, map[string]int{})
		for _, e := range l.list {
			if got[e.id] != 1 {
				t.Fatalf("seed %d: %s of second %d comes %d times", seed, e.id, e.created, got[e.id])
			}
		}
		if len(got) != len(l.list) {
			t.Fatalf("seed %d: %d objects of %d", seed, len(got), len(l.list))
		}
		if whole := (len(l.list) + pageSize - 1) / pageSize; l.requests > 2+aheadOfPages+2*l.pages || l.pages > 2*whole+2 {
			t.Errorf("seed %d: %d requests, %d pages, where %d would do", seed, l.requests, l.pages, whole)
		}
		for _, m := range messages {
			if s, ok := m.(*singer.State); ok && strings.Count(string(s.Value), `"gte"`) > 1 {
				shared++
				break
			}
		}
	}
	if shared < 30 {
		t.Errorf("only %d lists were shared", shared)
	}
}

// Whatever is deleted meanwhile, and wherever runs are cut, in the end every object is there that still exists.
func TestSharedListsSurviveDeletionsAndKills(t *testing.T) {
	cuts, deleted := 0, 0
	for seed := range uint64(120) {
		random := rand.New(rand.NewPCG(seed, 2))
		l := newLister(random, 300, 1+random.Int64N(3000))
		l.deletes = 0.3 * random.Float64()
		got, state := map[string]int{}, ""
		for runs := 0; ; runs++ {
			messages := readCoupons(t, l, state, 1+random.IntN(6))
			end := len(messages)
			if runs < 4 {
				end = random.IntN(end + 1)
			}
			ids(t, messages[:end], got)
			if s := lastState(messages[:end]); s != "" {
				state = s
			}
			if runs >= 4 {
				break
			}
			cuts++
			if runs == 2 {
				l.deletes = 0
			}
		}
		for _, e := range l.list {
			if got[e.id] == 0 && !l.gone[e.id] {
				t.Fatalf("seed %d: %s of second %d is lost; the state is %s", seed, e.id, e.created, state)
			}
		}
		deleted += len(l.gone)
	}
	if cuts < 400 || deleted < 300 {
		t.Errorf("%d cuts and %d deletions show little", cuts, deleted)
	}
}

func TestASplitDividesWhatIsUnreadAtASecond(t *testing.T) {
	w := newWalk(findStream("coupons"), &slice{GTE: 1_700_000_000, LT: 1_700_001_000})
	if left := w.pagesLeft(10); left != 0 {
		t.Errorf("%v pages are left of what nobody has seen", left)
	}
	if _, err := read(w, []entry{{"a", 1_700_000_999}, {"b", 1_700_000_900}}, true); err != nil {
		t.Fatal(err)
	}
	if left := w.pagesLeft(1); left < 17 || left > 19 {
		t.Errorf("%v pages of one object are left, want two in 100 s for 900 s", left)
	}
	older := w.split()
	if got, want := [2]slice{*older.slice, *w.slice}, [2]slice{{GTE: 1_700_000_000, LT: 1_700_000_450}, {GTE: 1_700_000_450, LT: 1_700_000_901}}; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	// The filter stays, so the page that was on its way shows objects of the other half.
	if query := w.query().Encode(); !strings.Contains(query, "created[gte]=1700000000&") {
		t.Errorf("the filter moved: %s", query)
	}
	keep, done, err := w.take([]entry{{"c", 1_700_000_450}, {"d", 1_700_000_449}, {"e", 1_700_000_448}}, true)
	if keep != 1 || !done || err != nil {
		t.Errorf("%d of the page are kept, done %v, %v", keep, done, err)
	}
	if w.pagesLeft(1) != 0 {
		t.Error("something is left of a slice that was read")
	}
}

func TestNoTimeBeforeStripeIsSharedOut(t *testing.T) {
	w := newWalk(findStream("coupons"), &slice{LT: 1_700_000_000})
	if _, err := read(w, []entry{{"a", 1_699_999_990}}, true); err != nil {
		t.Fatal(err)
	}
	older := w.split()
	if older.slice.GTE != 0 || w.slice.GTE != noObjects+(1_699_999_990-noObjects)/2 {
		t.Errorf("%+v and %+v", older.slice, w.slice)
	}
}

// A slice that is found out of order is not shared, for what is unread of it is no range.
func TestAListOutOfOrderIsNotShared(t *testing.T) {
	w := newWalk(findStream("coupons"), &slice{LT: 1000})
	if _, err := read(w, []entry{{"a", 500}, {"b", 600}}, true); err != nil {
		t.Fatal(err)
	}
	if left := w.pagesLeft(1); left != 0 {
		t.Errorf("%v pages may be shared", left)
	}
}

func TestSlicesThatTouchAreOne(t *testing.T) {
	parts := []*slice{{GTE: 10, LT: 20}, {GTE: 0, LT: 5}, {GTE: 20, LT: 31}, {GTE: 30, LT: 40, List: "x=1"}, {GTE: 5, LT: 9}, {GTE: 35, LT: 50, List: "x=1"}}
	var got []string
	for _, s := range united(parts) {
		got = append(got, fmt.Sprintf("%s[%d,%d)", s.List, s.GTE, s.LT))
	}
	if want := []string{"x=1[30,50)", "[10,31)", "[0,9)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestObjectsWithoutATimeKeepTheirPlace(t *testing.T) {
	got, err := identifyAll(findStream("accounts"), []json.RawMessage{[]byte(`{"id":"acct_1","created":5}`), []byte(`{"id":"acct_2","created":null}`), []byte(`{"id":"acct_3"}`)})
	if diff := cmp.Diff([]entry{{"acct_1", 5}, {"acct_2", unknown}, {"acct_3", unknown}}, got, cmp.AllowUnexported(entry{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	s := &slice{GTE: 1, LT: 100}
	w := newWalk(findStream("accounts"), s)
	keep, done, err := w.take([]entry{{"a", 90}, {"b", unknown}, {"c", 80}, {"d", unknown}}, true)
	if w.settle(); keep != 4 || done || err != nil || s.LT != 81 || !strings.Contains(w.query().Encode(), "starting_after=d") {
		t.Errorf("keeps %d, done %v, %v, %+v, %s", keep, done, err, *s, w.query().Encode())
	}
}
