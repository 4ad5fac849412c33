package tests

import (
	"testing"

	"tapline/tests/fake/stripe/stripefake"
)

// streams are those of tap-stripe, each with a table of the same name.
var streams = []string{
	"balance_transactions", "charges", "coupons", "customers", "events", "invoices", "payment_intents", "plans", "prices",
	"products", "refunds", "subscriptions", "tax_rates",
}

// counts asks the fake for n objects of every kind.
func counts(n int) map[string]int {
	all := map[string]int{}
	for _, stream := range streams {
		if stream != "events" {
			all[stream] = n
		}
	}
	return all
}

// TestEveryFieldArrives compares 1,000 objects of each stream, every field to any depth, unknown fields included.
func TestEveryFieldArrives(t *testing.T) {
	fake, url := startFake(t, stripefake.Options{Seed: 11, Counts: counts(1000)})
	p := newProject(t, url, "", "")
	if stderr, err := p.sync(t); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, stream := range streams {
		if n := fake.Counts()[stream]; n < 1000 && stream != "events" {
			t.Errorf("the fake has %d %s, want 1000", n, stream)
		}
	}
	compareAccount(t, fake, p)
}
