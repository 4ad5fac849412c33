package tests

import (
	"testing"

	"tapline/tests/fake/stripe/stripefake"
)

// many are the kinds of which an account has most.
var many = []string{
	"balance_transactions", "charges", "coupons", "customers", "invoices", "payment_intents", "plans", "prices", "products", "refunds",
	"subscriptions", "tax_rates",
}

// counts asks the fake for n objects of each of those.
func counts(n int) map[string]int {
	all := map[string]int{}
	for _, kind := range many {
		all[kind] = n
	}
	return all
}

// TestEveryFieldArrives compares 1,000 objects of the largest streams and some of every other one, every field to any depth,
// unknown fields included.
func TestEveryFieldArrives(t *testing.T) {
	fake, url := startFake(t, stripefake.Options{Seed: 11, Objects: 2000, AllKinds: true, Counts: counts(1000)})
	p := newProject(t, url, "", "")
	if stderr, err := p.sync(t); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, kind := range many {
		if n := fake.Counts()[kind]; n < 1000 {
			t.Errorf("the fake has %d %s, want 1000", n, kind)
		}
	}
	compareAccount(t, fake, p)
}
