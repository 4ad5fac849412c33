package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func entries(text string) (list []entry) {
	for field := range strings.FieldsSeq(text) {
		id, created, _ := strings.Cut(field, "@")
		n, _ := strconv.ParseInt(created, 10, 64)
		list = append(list, entry{id, n})
	}
	return list
}

// read takes a page and writes it at once.
func read(w *walk, page []entry, more bool) (done bool, err error) {
	_, done, err = w.take(page, more)
	w.settle()
	return done, err
}

func TestAWalkAsksForOnePageAfterTheOther(t *testing.T) {
	s := &slice{GTE: 10, LT: 100, List: "active=false"}
	w := newWalk(findStream("prices"), s)
	expand := "&expand[]=data.tiers&expand[]=data.currency_options"
	for _, step := range []struct {
		page, query string
		more        bool
		unread      slice
	}{
		{"a@99 b@90", "active=false&created[gte]=10&created[lt]=100" + expand, true, slice{10, 91, "active=false"}},
		{"c@90 d@90", "active=false&created[gte]=10&created[lt]=100" + expand + "&starting_after=b", true, slice{10, 91, "active=false"}},
		{"e@80 f@10", "active=false&created[gte]=10&created[lt]=100" + expand + "&starting_after=d", true, slice{10, 11, "active=false"}},
		{"g@10", "active=false&created[gte]=10&created[lt]=100" + expand + "&starting_after=f", false, slice{10, 11, "active=false"}},
	} {
		if got := w.query().Encode(); got != step.query {
			t.Errorf("query before %s\n got %s\nwant %s", step.page, got, step.query)
		}
		done, err := read(w, entries(step.page), step.more)
		if err != nil || done == step.more {
			t.Errorf("page %s: done %v, %v", step.page, done, err)
		}
		if diff := cmp.Diff(step.unread, *s); diff != "" {
			t.Errorf("unread after %s (-want +got):\n%s", step.page, diff)
		}
	}
}

func TestAWalkFromTheBeginningOfTimeNamesNoLowerBound(t *testing.T) {
	w := newWalk(findStream("charges"), &slice{LT: 100})
	if got, want := w.query().Encode(), "created[lt]=100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheWindowIsWhatHasBeenRead(t *testing.T) {
	const day = 24 * 3600
	for _, c := range []struct {
		slice slice
		page  string
		more  bool
		want  string
	}{
		{slice{LT: 9 * day}, "", false, "1970-01-09 .. 1970-01-09"},
		{slice{LT: 9 * day}, "a@432000 b@259200", true, "1970-01-04 .. 1970-01-09"},
		{slice{LT: 9 * day}, "a@432000 b@259200", false, "1970-01-04 .. 1970-01-09"},
		{slice{GTE: day, LT: 9 * day}, "a@432000", false, "1970-01-02 .. 1970-01-09"}, // there is nothing older
	} {
		w := newWalk(&streams[0], &c.slice)
		if _, err := read(w, entries(c.page), c.more); err != nil {
			t.Fatal(err)
		}
		if got := w.window(); got != c.want {
			t.Errorf("%+v behind %q: %s, want %s", c.slice, c.page, got, c.want)
		}
	}
}

func TestAWalkRefusesAListThatNeverEnds(t *testing.T) {
	for _, c := range []struct{ name, page string }{
		{"no object", ""}, {"the same page", "a@9 b@8"}, {"the end of it", "b@8"}, {"newer objects", "x@50 y@40"},
	} {
		w := newWalk(findStream("charges"), &slice{LT: 100})
		if _, err := read(w, entries("a@9 b@8"), true); err != nil {
			t.Fatal(err)
		}
		_, err := read(w, entries(c.page), true)
		var list *listError
		if !errors.As(err, &list) || !strings.Contains(err.Error(), "/v1/charges") {
			t.Errorf("%s again: %v, want a list's failure", c.name, err)
		}
		if _, err := read(w, entries(c.page), false); err != nil {
			t.Errorf("%s as the last page: %v", c.name, err)
		}
	}
}

func TestAPageOutOfOrderFreezesWhatIsUnread(t *testing.T) {
	s := &slice{LT: 100}
	w := newWalk(findStream("charges"), s)
	for _, page := range []string{"a@50 b@40", "c@45 d@30", "e@20 f@10"} {
		if _, err := read(w, entries(page), true); err != nil {
			t.Fatal(err)
		}
	}
	if s.LT != 41 {
		t.Errorf("unread below %d, want 41, which c@45 lies beyond already", s.LT)
	}
}

func TestAWalkRestartsAtTheSecondItReached(t *testing.T) {
	s := &slice{GTE: 1, LT: 100}
	w := newWalk(findStream("coupons"), s)
	if w.restart() {
		t.Error("a walk without a cursor restarts")
	}
	if _, err := read(w, entries("a@50 b@40"), true); err != nil {
		t.Fatal(err)
	}
	if !w.restart() || !strings.HasPrefix(w.query().Encode(), "created[gte]=1&created[lt]=41") || strings.Contains(w.query().Encode(), "starting_after") {
		t.Errorf("after a restart: %s", w.query().Encode())
	}
	if _, err := read(w, entries("b@40"), true); err != nil {
		t.Errorf("the second that is read again is refused: %v", err)
	}
	n := 0
	for w.restart() {
		if _, err := read(w, entries("b@40"), true); err != nil {
			t.Fatal(err)
		}
		if n++; n > 100 {
			t.Fatal("a walk that does not move restarts without end")
		}
	}
}

// A cut after any page must leave all that was not read in the slice, however objects share seconds.
func TestWhatIsUnreadIsNeverLost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		list := make([]entry, r.IntN(60))
		created := int64(1000)
		for i := range list {
			created -= max(0, r.Int64N(4)-1)
			list[i] = entry{fmt.Sprint("id", i), created}
		}
		s := &slice{GTE: 0, LT: 1001}
		w := newWalk(&streams[0], s)
		size := 1 + r.IntN(7)
		for at := 0; at < len(list); at += size {
			end := min(at+size, len(list))
			done, err := read(w, list[at:end], end < len(list))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list[end:] {
				if !done && (e.created < s.GTE || e.created >= s.LT) {
					t.Fatalf("object %s of second %d is lost: unread is [%d, %d)", e.id, e.created, s.GTE, s.LT)
				}
			}
		}
	}
}
