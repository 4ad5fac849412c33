package stripefake

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mutator(t *testing.T, s *Server, o MutatorOptions) *Mutator {
	t.Helper()
	m, err := s.NewMutator(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func step(t *testing.T, m *Mutator, n int) []Change {
	t.Helper()
	done, err := m.Step(n)
	if err != nil || len(done) != n {
		t.Fatalf("%d of %d steps: %v", len(done), n, err)
	}
	return done
}

func TestSameStepsMakeTheSameBytes(t *testing.T) {
	a, _ := start(t, everyKind(1))
	b, _ := start(t, everyKind(1))
	other, _ := start(t, everyKind(1))
	changes := step(t, mutator(t, a, MutatorOptions{Seed: 7}), 200)
	m := mutator(t, b, MutatorOptions{Seed: 7})
	if diff := cmp.Diff(changes, append(step(t, m, 137), step(t, m, 63)...)); diff != "" {
		t.Errorf("200 steps are not 137 and 63:\n%s", diff)
	}
	if cmp.Equal(changes, step(t, mutator(t, other, MutatorOptions{Seed: 8}), 200)) {
		t.Error("two seeds do the same")
	}
	for _, kind := range a.Kinds() {
		if diff := cmp.Diff(oracle(t, a, kind), oracle(t, b, kind)); diff != "" {
			t.Errorf("%s differ after the same steps:\n%s", kind, diff)
		}
	}
}

// feed replays the events from a position over a state of objects by
// component and id, and returns the types seen.
func feed(t *testing.T, s *Server, from int, state map[string]string) map[string]int {
	t.Helper()
	types := map[string]int{}
	for _, entry := range s.shelves["events"].entries[from:] {
		var e struct {
			Type string
			Data struct{ Object json.RawMessage }
		}
		if err := json.Unmarshal(entry.raw, &e); err != nil {
			t.Fatal(err)
		}
		types[e.Type]++
		key := memberText(e.Data.Object, "object") + " " + memberText(e.Data.Object, "id")
		if state[key] = string(e.Data.Object); strings.HasSuffix(e.Type, ".deleted") && e.Type != "customer.subscription.deleted" {
			delete(state, key)
		}
	}
	return types
}

func stateOf(t *testing.T, s *Server) map[string]string {
	t.Helper()
	state := map[string]string{}
	for _, k := range s.world.kinds {
		for _, raw := range oracle(t, s, k.name) {
			state[k.component+" "+idOf(t, raw)] = raw
		}
	}
	return state
}

func TestTheFeedTellsOfEveryChangeOfTheMutator(t *testing.T) {
	fake, _ := start(t, everyKind(2))
	state := stateOf(t, fake)
	seeded := len(fake.shelves["events"].entries)
	did := map[Action]int{}
	for _, c := range step(t, mutator(t, fake, MutatorOptions{Seed: 3}), 1500) {
		did[c.Action]++
	}
	for _, kind := range []string{"accounts", "invoices", "transfers", "application_fees", "reviews", "disputes"} {
		for _, c := range step(t, mutator(t, fake, MutatorOptions{Seed: 4, Kinds: []string{kind}}), 100) {
			did[c.Action]++
		}
	}
	for _, a := range []Action{Created, Updated, Deleted, Recreated, Canceled, Refunded, Finalized, Churned, Previewed} {
		if did[a] < 5 {
			t.Errorf("%s was done %d times: %v", a, did[a], did)
		}
	}
	types := feed(t, fake, seeded, state)
	for _, want := range []string{
		"customer.created", "customer.updated", "customer.deleted", "coupon.deleted", "coupon.created", "charge.refunded", "refund.created",
		"invoice.finalized", "invoice.paid", "invoice.deleted", "invoice.upcoming", "payment_intent.canceled", "customer.subscription.deleted",
		"customer.subscription.updated", "customer.source.created", "customer.source.updated", "customer.source.deleted", "customer.tax_id.created",
		"transfer.reversed", "application_fee.refunded", "payment_method.detached", "payment_method.attached", "review.closed", "person.created",
		"account.external_account.deleted", "charge.dispute.created", "customer_cash_balance_transaction.created",
	} {
		if types[want] == 0 {
			t.Errorf("no %s among %v", want, types)
		}
	}
	for _, k := range fake.world.kinds {
		told := len(k.created) > 0 && k.name != "refunds" // some refunds show only in their charge
		for _, raw := range oracle(t, fake, k.name) {
			got, known := state[k.component+" "+idOf(t, raw)]
			if diff := cmp.Diff(raw, got); diff != "" && (known || told) {
				t.Fatalf("%s (-object +feed):\n%s", k.name, diff)
			}
		}
	}
}

func TestMutatedObjectsFitTheirComponent(t *testing.T) {
	fake, _ := start(t, everyKind(3))
	step(t, mutator(t, fake, MutatorOptions{Seed: 4, Silent: true}), 600)
	for _, k := range append(fake.world.kinds, eventsKind) {
		sh := fake.shelves[k.name]
		for at, e := range sh.entries {
			if e.raw != nil && !e.deleted {
				if list := faults(fake.world.doc.components[k.component], decode(t, e.raw), k.component); list != nil {
					t.Fatalf("%s\n%s", strings.Join(list, "\n"), e.raw)
				}
			}
			for i := range k.children {
				if e.children[k.children[i].name] == nil {
					continue
				}
				for _, raw := range fake.childrenOf(sh, at, &k.children[i]) {
					if list := childFaults(fake, &k.children[i], decode(t, raw)); list != nil {
						t.Fatalf("%s\n%s", strings.Join(list, "\n"), raw)
					}
				}
			}
		}
	}
}

func TestAChurnedListAndItsParentAgree(t *testing.T) {
	fake, c := start(t, Options{Objects: 300})
	changes := step(t, mutator(t, fake, MutatorOptions{Seed: 5, Kinds: []string{"subscriptions"}}), 1200)
	grown := 0
	for _, change := range changes {
		if change.Kind != "subscriptions.items" {
			continue
		}
		raw, err := fake.Object("subscriptions", change.ID)
		if err != nil {
			t.Fatal(err)
		}
		url := "/v1/subscription_items?subscription=" + change.ID
		all := whole(t, c, url)
		checkEmbedded(t, raw, "items", url, all)
		seen := map[string]bool{}
		for _, element := range all {
			seen[idOf(t, element)] = true
		}
		if len(seen) != len(all) {
			t.Fatalf("an id appears twice in %s", url)
		}
		if len(all) > 4 {
			grown++
		}
	}
	if grown == 0 {
		t.Error("no list grew")
	}
}

// A list may be longer than what its parent shows of it. An event tells of the parent all the same.
func TestEveryChurnedListOfAParentIsTold(t *testing.T) {
	fake, _ := start(t, Options{Seed: 7, Objects: 100})
	m := mutator(t, fake, MutatorOptions{Seed: 5, Kinds: []string{"subscriptions"}})
	hidden := 0
	for range 1200 {
		from := len(fake.shelves["events"].entries)
		change := step(t, m, 1)[0]
		if change.Kind != "subscriptions.items" {
			continue
		}
		raw, err := fake.Object("subscriptions", change.ID)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), `"has_more":true`) {
			hidden++
		}
		if types := feed(t, fake, from, map[string]string{}); types["customer.subscription.updated"] != 1 {
			t.Fatalf("the items of %s changed, and the events are %v", change.ID, types)
		}
	}
	if hidden == 0 {
		t.Error("no list was longer than what is shown of it")
	}
}

func TestABurstSharesASecond(t *testing.T) {
	fake, _ := start(t, Options{Objects: 300})
	before := len(fake.shelves["events"].entries)
	step(t, mutator(t, fake, MutatorOptions{Seed: 6}), 400)
	most, in := 0, map[int64]int{}
	for _, e := range fake.shelves["events"].entries[before:] {
		in[e.created]++
		most = max(most, in[e.created])
	}
	if most < 20 || len(in) < 50 {
		t.Errorf("at most %d events in one of %d seconds", most, len(in))
	}
}

// A payment intent has no event for an edit.
func TestSilentEditsAreMadeOnDemand(t *testing.T) {
	for _, silent := range []bool{false, true} {
		fake, _ := start(t, Options{Objects: 300})
		state := stateOf(t, fake)
		seeded := len(fake.shelves["events"].entries)
		step(t, mutator(t, fake, MutatorOptions{Seed: 7, Silent: silent, Kinds: []string{"payment_intents"}}), 300)
		feed(t, fake, seeded, state)
		stale := 0
		for _, raw := range oracle(t, fake, "payment_intents") {
			if was, ok := state["payment_intent "+idOf(t, raw)]; ok && was != raw {
				stale++
			}
		}
		if silent != (stale > 0) {
			t.Errorf("silent %v: the feed missed %d changes", silent, stale)
		}
	}
}

func TestKindsLimitTheMutator(t *testing.T) {
	fake, _ := start(t, Options{Objects: 300})
	for _, c := range step(t, mutator(t, fake, MutatorOptions{Seed: 8, Kinds: []string{"coupons", "products"}}), 200) {
		if kind, _, _ := strings.Cut(c.Kind, "."); !slices.Contains([]string{"coupons", "products"}, kind) {
			t.Errorf("%+v", c)
		}
	}
	fake, _ = start(t, Options{Counts: map[string]int{"tax_codes": 3}})
	if _, err := mutator(t, fake, MutatorOptions{Kinds: []string{"tax_codes"}}).Step(1); err == nil || !strings.Contains(err.Error(), "tax_codes") {
		t.Errorf("what only Stripe changes was changed: %v", err)
	}
	if _, err := fake.NewMutator(MutatorOptions{Kinds: []string{"coupon"}}); err == nil || !strings.Contains(err.Error(), `"coupon"`) {
		t.Errorf("an unknown kind gave %v", err)
	}
}

func TestTheMutatorRunsAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := New(Options{Objects: 200, Pace: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer stop()
		n, err := mutator(t, fake, MutatorOptions{}).Run(ctx, 20)
		if n != 200 || err != nil || !fake.Now().Equal(DefaultNow.Add(10*time.Second)) {
			t.Errorf("%d changes in ten seconds (%v), clock at %s", n, err, fake.Now())
		}
		if _, err := mutator(t, fake, MutatorOptions{}).Run(ctx, 0); err == nil {
			t.Error("a rate of 0 was accepted")
		}
	})
}

func TestMutatorAndReadersMayOverlap(t *testing.T) {
	fake, c := start(t, everyKind(9))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	m := mutator(t, fake, MutatorOptions{Seed: 1})
	go func() { _, err := m.Run(ctx, 5000); ended <- err }()
	for range 10 {
		customer := idOf(t, string(c.list("/v1/customers", url.Values{"expand[]": {"data.subscriptions", "data.sources"}}).Data[0]))
		c.do("GET", "/v1/customers/"+customer+"/payment_methods", "") // it may have been deleted meanwhile
		c.do("GET", "/v1/charges?expand[]=data.refunds", "")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
