package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

func TestPendingTransactionsAreReadAgainUntilTheyAreAvailable(t *testing.T) {
	s := newScenario(t, 2, picksOf(t, "balance_transactions"), stripefake.Options{Seed: 2, Counts: map[string]int{"balance_transactions": 300}, Span: 60 * 24 * time.Hour})
	s.sync(t, false)
	s.sync(t, false) // it looks for those that are pending
	s.asked = nil
	s.sync(t, false)
	if n := s.countAsked("/v1/balance_transactions?"); n > 3 {
		t.Errorf("%d requests while none is due: %v", n, s.asked)
	}
	for range 10 {
		advance(t, s.fake, 24*time.Hour)
		s.fake.Settle()
		_, err := s.fake.Create("balance_transactions", 3)
		s.must(t, err)
		s.sync(t, false)
		s.compare(t)
	}
	advance(t, s.fake, 90*24*time.Hour) // nobody looks for a season
	s.fake.Settle()
	s.sync(t, false)
	s.compare(t)
}

// The run that read the transactions was killed before it took note of those that are pending.
func TestWhatACutRunReadAsPendingIsReadAgain(t *testing.T) {
	for _, later := range []time.Duration{time.Hour, 44 * 24 * time.Hour, 300 * 24 * time.Hour} {
		s := newScenario(t, 2, picksOf(t, "balance_transactions"), stripefake.Options{Seed: 2, Counts: map[string]int{"balance_transactions": 300}, Span: 60 * 24 * time.Hour})
		messages, err := s.run(t)
		s.must(t, err)
		cut := slices.IndexFunc(messages, func(m singer.Message) bool {
			state, ok := m.(*singer.State)
			return ok && strings.Contains(string(state.Value), "settle")
		})
		s.take(t, messages[:cut])
		advance(t, s.fake, later)
		s.fake.Settle()
		s.sync(t, false)
		s.compare(t)
	}
}

func TestAListIsReadWholeAgainWhenItIsDue(t *testing.T) {
	for _, c := range []struct {
		days     any
		due, not time.Duration
	}{{nil, 7 * 24 * time.Hour, 6 * 24 * time.Hour}, {int64(2), 48 * time.Hour, 47 * time.Hour}, {int64(0), 0, 20 * 24 * time.Hour}} {
		s := small(t, map[string]int{"payment_intents": 30}, "payment_intents")
		if days, ok := c.days.(int64); ok {
			s.settings.ReconcileDays = &days
		}
		s.sync(t, false)
		id := s.anID(t, "payment_intents", 0)
		s.must(t, s.fake.Update("payment_intents", id, []byte(`{"description":"Without a word"}`)))
		advance(t, s.fake, c.not)
		if got := recordsOf(s.sync(t, false), id); got != nil {
			t.Errorf("%v: it is read after %s", c.days, c.not)
		}
		if c.due == 0 {
			continue
		}
		advance(t, s.fake, c.due-c.not)
		s.sync(t, false)
		s.compare(t)
		advance(t, s.fake, time.Hour)
		if got := recordsOf(s.sync(t, false), id); got != nil {
			t.Errorf("%v: it is read again an hour later", c.days)
		}
	}
}

func TestAKeyThatMayNotReadEventsIsTold(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "coupons"), stripefake.Options{Seed: 1, Counts: map[string]int{"coupons": 9},
		Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"coupons"}}}})
	s.settings.APIKey = singer.Secret("rk_test_narrow")
	s.sync(t, false)
	if !strings.Contains(s.log.String(), "rak_event_read") {
		t.Errorf("the log says\n%s", s.log.String())
	}
	s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", 2), []byte(`{"name":"New"}`)))
	advance(t, s.fake, 8*24*time.Hour)
	s.sync(t, false) // at last by the list
	s.compare(t)
}

func TestYoungObjectsAreReadByPages(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "charges"), stripefake.Options{Seed: 1, Counts: map[string]int{"charges": 400}, Span: 200 * 24 * time.Hour})
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	for at := range 150 {
		s.must(t, s.fake.Update("charges", s.anID(t, "charges", 399-at), []byte(`{"description":"New"}`)))
	}
	old := []int{3, 60, 120}
	for _, at := range old {
		s.must(t, s.fake.Update("charges", s.anID(t, "charges", at), []byte(`{"description":"New"}`)))
	}
	advance(t, s.fake, 2*time.Minute)
	s.asked = nil
	s.sync(t, false)
	if pages, single := s.countAsked("/v1/charges?"), s.countAsked("/v1/charges/"); pages > 6 || single > len(old) {
		t.Errorf("%d pages and %d single charges are read", pages, single)
	}
	s.compare(t)
}

func TestProductsAreReadByTheirIDs(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "products"), stripefake.Options{Seed: 1, Counts: map[string]int{"products": 300}, Span: 2000 * 24 * time.Hour})
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	for at := 0; at < 300; at += 10 {
		s.must(t, s.fake.Update("products", s.anID(t, "products", at), []byte(`{"name":"New"}`)))
	}
	s.must(t, s.fake.Delete("products", s.anID(t, "products", 15)))
	advance(t, s.fake, 2*time.Minute)
	s.asked = nil
	s.sync(t, false)
	if named, single := s.countAsked("/v1/products?limit=100&ids[]="), s.countAsked("/v1/products/"); named != 1 || single != 1 {
		t.Errorf("%d lists of ids and %d single products are read: %v", named, single, s.asked)
	}
	s.compare(t)
}

func TestAutoTakesFinalObjectsFromTheirEvents(t *testing.T) {
	for hydrate, want := range map[string]int{"always": 1, "auto": 0} {
		s := small(t, map[string]int{"payment_intents": 12}, "payment_intents")
		s.settings.Hydrate = hydrate
		s.sync(t, false)
		advance(t, s.fake, time.Hour)
		objects, err := s.fake.Objects("payment_intents")
		s.must(t, err)
		open := slices.IndexFunc(objects, func(o []byte) bool { return textOf(member(o, "status")) != "canceled" })
		id := s.anID(t, "payment_intents", open)
		s.must(t, s.fake.Update("payment_intents", id, []byte(`{"status":"canceled"}`)))
		advance(t, s.fake, 2*time.Minute)
		s.asked = nil
		got := recordsOf(s.sync(t, false), id)
		if n := s.countAsked("/v1/payment_intents/"); n != want || len(got) != 1 {
			t.Errorf("%s: %d objects are read, %d records are written", hydrate, n, len(got))
		}
		s.compare(t)
	}
}

func TestFewStreamsAskForTheirEventsByName(t *testing.T) {
	for _, c := range []struct {
		streams []string
		want    int // groups of names; 0: all events
	}{
		{[]string{"coupons"}, 1}, {[]string{"refunds"}, 1}, {[]string{"charges"}, 1}, {[]string{"invoices", "charges", "customers"}, 2},
		{[]string{"invoices", "charges", "customers", "coupons"}, 0}, {[]string{"customers", "cards"}, 0}, {[]string{"invoices", "invoice_line_items"}, 1},
	} {
		f := folding(t, c.streams...)
		groups := eventTypesOf(f.told)
		all := slices.Concat(groups...)
		switch {
		case c.want == 0 && (len(groups) != 1 || groups[0] != nil):
			t.Errorf("%v ask for %v, want all", c.streams, groups)
		case c.want > 0 && (len(groups) != c.want || len(all) == 0):
			t.Errorf("%v ask for %v, want %d groups", c.streams, groups, c.want)
		}
		for _, group := range groups {
			if len(group) > namesAtOnce {
				t.Errorf("%v ask for %d names at once", c.streams, len(group))
			}
		}
	}
}
