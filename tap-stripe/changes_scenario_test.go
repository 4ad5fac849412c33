package main

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// scenarioStreams are what scenarios read: roots whose changes are all told by events, and what follows from them.
var scenarioStreams = []string{"charges", "customers", "invoices", "coupons", "refunds", "prices", "plans", "products",
	"subscriptions", "payment_intents", "tax_rates", "balance_transactions", "subscription_items", "invoice_line_items", "cards",
	"bank_accounts", "sources", "tax_ids", "transfers", "transfer_reversals", "application_fees", "application_fee_refunds", "payouts",
	"disputes", "setup_intents", "setup_attempts", "credit_notes", "credit_note_line_items", "topups", "invoice_items", "accounts", "persons",
	"external_account_cards", "capabilities", "payment_methods", "customer_balance_transactions", "checkout_sessions", "checkout_session_line_items",
	"promotion_codes", "subscription_schedules", "customer_cash_balance_transactions", "early_fraud_warnings", "report_runs"}

func numberFrom(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAfterTheLastSyncEveryTableEqualsTheAccount(t *testing.T) {
	first, last := uint64(1), numberFrom(t, "TAPLINE_SOAK", scenarioSeeds)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	picks := picksOf(t, scenarioStreams...)
	for seed := first; seed <= last && !t.Failed(); seed++ {
		followScenario(t, seed, picks)
	}
}

func followScenario(t *testing.T, seed uint64, picks []pick) {
	r := rand.New(rand.NewPCG(seed, 99))
	some := slices.DeleteFunc(slices.Clone(picks), func(pick) bool { return r.IntN(6) > 0 })
	if len(some) == 0 {
		some = picks[:1]
	}
	o := stripefake.Options{Seed: seed, Objects: 20 + r.IntN(40), AllKinds: r.IntN(2) == 0, Span: time.Duration(1+r.IntN(400)) * time.Hour, ShortDeletes: r.IntN(3) == 0}
	if r.IntN(3) > 0 {
		o.EventDelay = time.Duration(1+r.IntN(50)) * time.Second
	}
	if r.IntN(3) == 0 {
		o.EventVersions = []string{"2018-01-01", "2020-08-27", stripefake.Version, "2025-03-31"}
	}
	s := newScenario(t, seed, some, o)
	s.settings.PageSize = 3 + r.IntN(98)
	s.settings.Overlap = []int64{60, 100, 600}[r.IntN(3)]
	s.settings.Hydrate = []string{"always", "auto"}[r.IntN(2)]
	s.settings.window = []int{20, windowEvents}[r.IntN(2)]
	s.resting = false
	for range 2 + r.IntN(3) {
		s.work(r.IntN(40))
		advance(t, s.fake, []time.Duration{0, time.Second, time.Hour, 40 * time.Hour, 5 * 24 * time.Hour}[r.IntN(5)])
		s.sync(t, r.IntN(2) == 0)
	}
	s.resting = true
	advance(t, s.fake, 150*time.Second) // all that happened has been told by then
	s.fake.Settle()
	s.sync(t, false)
	s.compare(t)
}
