package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// written counts the records of each object, by stream, with the ids of its parents where they are parts of the key.
func written(messages []singer.Message) map[string]map[string]int {
	count := map[string]map[string]int{}
	for _, m := range messages {
		r, ok := m.(*singer.Record)
		if !ok {
			continue
		}
		if count[r.Stream] == nil {
			count[r.Stream] = map[string]int{}
		}
		id := textOf(member(r.Record, "id"))
		for _, owner := range []string{"invoice", "account", "payout_id", "session"} {
			id += " " + textOf(member(r.Record, owner))
		}
		count[r.Stream][id]++
	}
	return count
}

// doubles are the streams with the objects that have more than one record, and how many more.
func doubles(messages []singer.Message) (lines []string) {
	for name, objects := range written(messages) {
		more := 0
		for _, n := range objects {
			more += n - 1
		}
		if more > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d of %d", name, more, len(objects)))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestEveryObjectIsWrittenOnceByAFirstRun(t *testing.T) {
	names := append(slices.Clone(scenarioStreams), "reviews", "discounts")
	s := newScenario(t, 7, picksOf(t, names...), stripefake.Options{Seed: 7, Objects: 300, AllKinds: true, Span: 240 * time.Hour,
		Counts: map[string]int{"charges": 60, "reviews": 12}})
	messages := s.sync(t, false)
	if twice := doubles(messages); twice != nil {
		t.Errorf("written more than once: %s", strings.Join(twice, ", "))
	}
	if open := len(s.ask(t, "/v1/reviews", "", true)); open == 0 || len(s.rows["reviews"]) <= open {
		t.Errorf("%d reviews are open of %d, too few to show anything", open, len(s.rows["reviews"]))
	}
}

// What is new comes by the list, by its events and below new parents.
func TestWhatIsNewIsWrittenOnce(t *testing.T) {
	kinds := []string{"customers", "invoices", "subscriptions", "charges", "coupons", "payment_intents", "credit_notes", "transfers", "refunds"}
	s := newScenario(t, 8, picksOf(t, append(kinds, "invoice_line_items", "subscription_items", "cards", "tax_ids", "credit_note_line_items", "discounts",
		"transfer_reversals")...), stripefake.Options{Seed: 8, Objects: 200, AllKinds: true, Span: 240 * time.Hour})
	s.sync(t, false)
	for range 2 {
		advance(t, s.fake, time.Hour)
		want := map[string]bool{}
		for _, kind := range kinds {
			ids, err := s.fake.Create(kind, 12)
			s.must(t, err)
			want[ids[11]] = true
		}
		mutator, err := s.fake.NewMutator(stripefake.MutatorOptions{Seed: 3, Kinds: []string{"charges", "refunds"}})
		s.must(t, err)
		_, err = mutator.Step(40) // charges are refunded
		s.must(t, err)
		advance(t, s.fake, 2*time.Minute)
		s.asked = nil
		messages := s.sync(t, false)
		twice := slices.DeleteFunc(doubles(messages), func(line string) bool {
			return strings.HasPrefix(line, "charges") || strings.HasPrefix(line, "refunds")
		})
		if len(twice) > 0 {
			t.Errorf("written more than once: %s", strings.Join(twice, ", "))
		}
		for _, path := range []string{"/v1/customers/cus_", "/v1/coupons/", "/v1/credit_notes/cn_"} {
			if n := s.countAsked(path); n > 6 { // long lists of children
				t.Errorf("%d requests for single objects or their children below %s", n, path)
			}
		}
		for id := range want {
			if recordsOf(messages, id) == nil {
				t.Errorf("%s is not written", id)
			}
		}
		delete(s.rows, "discounts") // which have no list to compare them with
		s.compare(t)
	}
}

func TestANewObjectThatChangesBehindItsListIsWrittenAgain(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after time.Duration // of the change, the reading of the list and the time that passes until events are read
		want          int
	}{
		{"long before", 61 * time.Second, 90 * time.Second, 1},
		{"less than the lag before", 30 * time.Second, 90 * time.Second, 2},
		{"behind it", -5 * time.Second, 90 * time.Second, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := small(t, map[string]int{"coupons": 5}, "coupons")
			s.sync(t, false)
			advance(t, s.fake, time.Hour)
			ids, err := s.fake.Create("coupons", 1)
			s.must(t, err)
			change := func() { s.must(t, s.fake.Update("coupons", ids[0], []byte(`{"name":"Changed"}`))) }
			advance(t, s.fake, time.Minute)
			if c.before >= 0 {
				change()
				advance(t, s.fake, c.before)
			} else {
				advance(t, s.fake, time.Minute)
			}
			listed := false
			s.before = func(r *http.Request) {
				if listed && strings.HasPrefix(r.URL.Path, "/v1/events") {
					listed = false
					if c.before < 0 {
						advance(t, s.fake, -c.before)
						change()
					}
					advance(t, s.fake, c.after)
				}
				listed = listed || r.URL.Path == "/v1/coupons"
			}
			got := recordsOf(s.sync(t, false), ids[0])
			if len(got) != c.want || !strings.Contains(got[len(got)-1], `"Changed"`) {
				t.Errorf("%d records: %v", len(got), got)
			}
			s.before = nil
			s.compare(t)
		})
	}
}

// Stripe's lists should not show what was deleted a minute ago. If one does, its event is believed all the same.
func TestADeletionIsFollowedWhateverTheListHasShown(t *testing.T) {
	f := folding(t, "coupons")
	w, j := newChanges(), f.byName["coupons"]
	f.listed = map[changeKey]sighting{{job: j, id: "X"}: {at: 1000}, {job: j, id: "Y"}: {at: 1000}, {job: j, id: "Z"}: {at: 1000}}
	f.route(w, ev(200, "coupon.deleted", `{"id":"X","object":"coupon","created":150}`))
	f.route(w, ev(200, "coupon.created", `{"id":"Y","object":"coupon","created":150}`))
	f.route(w, ev(1000, "coupon.created", `{"id":"Z","object":"coupon","created":150}`))
	f.dropListed(w)
	want := []string{"coupons X at 200 by coupon.deleted, deleted at 200", "coupons Z at 1000 by coupon.created"}
	if diff := cmp.Diff(want, said(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChildrenThatNoListHasShownKeepTheirParent(t *testing.T) {
	f := folding(t, "invoices", "invoice_line_items", "customers", "cards")
	invoices, lines, customers, cards := f.byName["invoices"], f.byName["invoice_line_items"], f.byName["customers"], f.byName["cards"]
	f.listed = map[changeKey]sighting{{job: invoices, id: "in_1"}: {at: 1000}, {job: invoices, id: "in_2"}: {at: 1000}, {job: lines, parent: "in_1", id: "il_1"}: {at: 1000},
		{job: lines, parent: "in_2", id: "il_2"}: {at: 1000}, {job: customers, id: "cus_1"}: {at: 1000}, {job: cards, parent: "cus_1", id: "card_1"}: {at: 1000},
		{job: cards, parent: "cus_2", id: "card_2"}: {at: 1000}}
	invoice := func(id, line string) string {
		return `{"id":"` + id + `","object":"invoice","created":150,"lines":{"data":[{"id":"` + line + `","object":"line_item"}]}}`
	}
	w := newChanges()
	f.route(w, ev(200, "invoice.created", invoice("in_1", "il_1")))
	f.route(w, ev(201, "invoice.created", invoice("in_2", "il_gone")))
	f.route(w, ev(202, "customer.source.updated", `{"id":"card_1","object":"card","customer":"cus_1"}`))
	f.route(w, ev(203, "customer.source.updated", `{"id":"card_2","object":"card","customer":"cus_2"}`)) // of an old customer
	f.dropListed(w)
	want := []string{"cards cus_2/card_2 at 203 by customer.source.updated", "invoices in_2 at 201 by invoice.created"}
	if diff := cmp.Diff(want, said(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARecordIsTheSameOnlyUntilTheNextChange(t *testing.T) {
	s := &syncer{}
	old, changed := found{object: json.RawMessage(`{"id":"prv_1","open":true}`)}, found{object: json.RawMessage(`{"id":"prv_1","open":false}`)}
	told := changed
	told.updated = 5
	for i, c := range []struct {
		path string
		one  found
		want bool
	}{
		{"/v1/reviews/", old, false}, {"/v1/reviews/", old, true}, {"acct_1/v1/reviews/", old, false}, {"/v1/reviews/", changed, false}, {"/v1/reviews/", changed, true},
		{"/v1/reviews/", told, false}, {"/v1/reviews/", changed, false}, {"/v1/reviews/", told, false}, {"/v1/reviews/", told, false},
	} {
		if got := s.again(c.path, c.one); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	if s.nameOnce("", "/v1/reviews/prv_1") {
		t.Error("a review that was written is asked for")
	}
	if got := namedPath(&job{stream: findStream("reviews"), version: 1}) + namedPath(&job{stream: findStream("charges")}); got != "" {
		t.Errorf("records are compared at %s", got)
	}
}

func TestWhatIsRememberedOfListsIsBounded(t *testing.T) {
	s := &syncer{}
	for i := range maxListed + 10 {
		s.sight(changeKey{id: strconv.Itoa(i)}, sighting{})
	}
	if len(s.listed) != maxListed {
		t.Errorf("%d objects are remembered", len(s.listed))
	}
}

// A transaction that is available at once is in the list of what is new, and among those that are no longer pending.
func TestATransactionThatIsAvailableAtOnceIsWrittenOnce(t *testing.T) {
	s := small(t, map[string]int{"balance_transactions": 20}, "balance_transactions")
	s.sync(t, false)
	advance(t, s.fake, 24*time.Hour)
	s.sync(t, false) // looks who is pending
	advance(t, s.fake, 24*time.Hour)
	ids, err := s.fake.Create("balance_transactions", 2)
	s.must(t, err)
	s.must(t, s.fake.Update("balance_transactions", ids[0], []byte(`{"status":"available"}`)))
	advance(t, s.fake, time.Hour)
	lists := 0
	s.before = func(r *http.Request) {
		if r.URL.Path == "/v1/balance_transactions" {
			if lists++; lists == 3 { // the time, what is new, what was pending
				s.must(t, s.fake.Update("balance_transactions", ids[1], []byte(`{"status":"available"}`)))
			}
		}
	}
	messages := s.sync(t, false)
	once, twice := recordsOf(messages, ids[0]), recordsOf(messages, ids[1])
	if len(once) != 1 || len(twice) != 2 || !strings.Contains(twice[1], `"status":"available"`) || strings.Contains(twice[0], `"status":"available"`) {
		t.Errorf("%d lists; %v and %v", lists, once, twice)
	}
}
