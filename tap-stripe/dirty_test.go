package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
)

// folding is a follower of streams that were read before the events of a test, which begin at 100.
func folding(t *testing.T, names ...string) *follower {
	t.Helper()
	s := &syncer{settings: &settings{Overlap: 600}, run: &singer.Run{Bookmarks: &singer.Bookmarks{}}}
	jobs, err := s.jobsOf("", withBranches(picksOf(t, names...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		j.mark.EventFrom = 100
	}
	f := newFollower(s, "", jobs)
	f.mark = &feedMark{}
	f.takePlaces()
	return f
}

// ev is an event; its id follows from its time and its type.
func ev(created int64, typ, object string, previous ...string) *event {
	e := &event{id: fmt.Sprintf("evt_%d_%s", created, typ), typ: typ, created: created, version: "2023-10-16", object: json.RawMessage(object)}
	e.kind, e.objectID = textOf(member(e.object, "object")), textOf(member(e.object, "id"))
	if previous != nil {
		e.previous = json.RawMessage(previous[0])
	}
	return e
}

// said is what the changes of a window come to, one line for each.
func said(w *changes) (lines []string) {
	for key, c := range w.objects {
		line := fmt.Sprintf("%s %s%s at %d by %s", key.job.stream.name, strings.TrimPrefix(key.parent+"/", "/"), key.id, c.newest, c.by)
		if c.deleted > 0 {
			line += fmt.Sprintf(", deleted at %d", c.deleted)
		}
		lines = append(lines, line)
	}
	for key, c := range w.lists {
		lines = append(lines, fmt.Sprintf("%s?%s at %d by %s", key.job.stream.name, key.query, c.newest, c.by))
	}
	slices.Sort(lines)
	return lines
}

func TestEventsComeToObjectsToReadAnew(t *testing.T) {
	const charge, coupon = `{"id":"ch_1","object":"charge","created":5}`, `{"id":"X","object":"coupon","created":5}`
	for _, c := range []struct {
		name    string
		streams []string
		events  []*event
		want    []string
	}{
		{"the newest event counts", []string{"charges"}, []*event{ev(100, "charge.succeeded", charge), ev(102, "charge.updated", charge), ev(101, "charge.captured", charge)},
			[]string{"charges ch_1 at 102 by charge.updated"}},
		{"what was before the stream's place is done", []string{"charges"}, []*event{ev(99, "charge.succeeded", charge)}, nil},
		{"streams that are not selected do not matter", []string{"coupons"}, []*event{ev(100, "charge.succeeded", charge)}, nil},
		{"the object decides, not the event's name", []string{"charges", "refunds", "disputes"},
			[]*event{ev(100, "charge.refund.updated", `{"id":"re_1","object":"refund"}`), ev(101, "charge.dispute.created", `{"id":"dp_1","object":"dispute","charge":"ch_2"}`)},
			[]string{"charges ch_2 at 101 by charge.dispute.created", "disputes dp_1 at 101 by charge.dispute.created", "refunds re_1 at 100 by charge.refund.updated"}},
		{"a deletion is remembered behind a new creation", []string{"coupons"}, []*event{ev(105, "coupon.created", coupon), ev(104, "coupon.deleted", coupon)},
			[]string{"coupons X at 105 by coupon.created, deleted at 104"}},
		{"objects without an id, and previews, do not exist", []string{"invoices", "invoice_line_items"},
			[]*event{ev(100, "invoice.upcoming", `{"object":"invoice"}`), ev(100, "x", `{"id":"il_tmp_1","object":"invoice"}`)}, nil},
		{"a refunded charge has refunds to list", []string{"refunds"}, []*event{ev(100, "charge.refunded", charge)}, []string{"refunds?charge=ch_1 at 100 by charge.refunded"}},
		{"children that are not told of are read with their parent", []string{"customer_balance_transactions"},
			[]*event{ev(100, "invoice.paid", `{"id":"in_1","object":"invoice","customer":"cus_1"}`), ev(101, "credit_note.created", `{"id":"cn_1","object":"credit_note","customer":{"id":"cus_2"}}`),
				ev(102, "invoice.paid", `{"id":"in_2","object":"invoice","customer":null}`)},
			[]string{"customers cus_1 at 100 by invoice.paid", "customers cus_2 at 101 by credit_note.created"}},
		{"a card is a customer's or an account's", []string{"cards", "external_account_cards"},
			[]*event{ev(100, "customer.source.created", `{"id":"card_1","object":"card","customer":"cus_1"}`), ev(101, "account.external_account.created", `{"id":"card_2","object":"card","account":"acct_1"}`)},
			[]string{"cards cus_1/card_1 at 100 by customer.source.created", "external_account_cards acct_1/card_2 at 101 by account.external_account.created"}},
		{"names of one parent are not those of another", []string{"capabilities"},
			[]*event{ev(100, "capability.updated", `{"id":"card_payments","object":"capability","account":"acct_1"}`), ev(100, "capability.updated", `{"id":"card_payments","object":"capability","account":"acct_2"}`)},
			[]string{"capabilities acct_1/card_payments at 100 by capability.updated", "capabilities acct_2/card_payments at 100 by capability.updated"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, w := folding(t, c.streams...), newChanges()
			for _, e := range c.events {
				f.route(w, e)
			}
			if diff := cmp.Diff(c.want, said(w)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Pages come in any order, and events of one second have none.
func TestTheOrderOfEventsDoesNotMatter(t *testing.T) {
	f := folding(t, "subscriptions", "subscription_items")
	var events []*event
	for i := range 12 {
		typ := []string{"customer.subscription.updated", "customer.subscription.deleted"}[i%2]
		events = append(events, ev(100+int64(i/3), typ, fmt.Sprintf(`{"id":"sub_1","object":"subscription","created":5,"n":%d}`, i),
			fmt.Sprintf(`{"items":{"data":[{"id":"si_%d","object":"subscription_item"}]}}`, i)))
	}
	fold := func() string {
		w := newChanges()
		for _, e := range events {
			f.route(w, e)
		}
		c := w.objects[changeKey{job: f.byName["subscriptions"], id: "sub_1"}]
		return fmt.Sprint(said(w), c.shownAt, len(c.children[f.byName["subscription_items"]]), c.alone)
	}
	want := fold()
	for seed := range uint64(50) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
		if got := fold(); got != want {
			t.Fatalf("%s\n%s", got, want)
		}
	}
}

func TestEventsThatWereReadBeforeCountForStreamsThatLagBehind(t *testing.T) {
	f := folding(t, "coupons", "tax_rates")
	coupon, rate := ev(150, "coupon.updated", `{"id":"X","object":"coupon"}`), ev(150, "tax_rate.updated", `{"id":"txr","object":"tax_rate"}`)
	f.byName["coupons"].mark.EventFrom = 120
	f.mark = &feedMark{Cursor: 720, Recent: map[string]int64{coupon.id: 150, rate.id: 150}}
	f.takePlaces()
	w := newChanges()
	f.route(w, coupon)
	f.route(w, rate)
	if diff := cmp.Diff([]string{"tax_rates txr at 150 by tax_rate.updated"}, said(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheFullestViewOfAnObjectIsKept(t *testing.T) {
	f := folding(t, "customers")
	full, short := `{"id":"cus_1","object":"customer","created":5,"name":"A"}`, `{"id":"cus_1","object":"customer","deleted":true}`
	for name, events := range map[string][]*event{
		"short last":  {ev(100, "customer.updated", full), ev(101, "customer.deleted", short)},
		"short first": {ev(101, "customer.deleted", short), ev(100, "customer.updated", full)},
	} {
		w := newChanges()
		for _, e := range events {
			f.route(w, e)
		}
		for _, c := range w.objects {
			if string(c.shown) != full || c.deleted != 101 {
				t.Errorf("%s: %s, deleted at %d", name, c.shown, c.deleted)
			}
		}
	}
}

// Lines of old versions have ids that no line has today.
func TestLinesOfOldVersionsAreNoChildren(t *testing.T) {
	f := folding(t, "invoices", "invoice_line_items")
	for version, want := range map[string]int{"2018-01-01": 0, "2023-10-16": 2} {
		e := ev(100, "invoice.updated", `{"id":"in_1","object":"invoice","lines":{"data":[{"id":"il_1"}]}}`, `{"lines":{"data":[{"id":"il_2"},{"id":"il_tmp_3"}]}}`)
		e.version = version
		w := newChanges()
		f.route(w, e)
		for _, c := range w.objects {
			if got := len(c.children[f.byName["invoice_line_items"]]); got != want {
				t.Errorf("%s shows %d lines, want %d", version, got, want)
			}
		}
	}
}
