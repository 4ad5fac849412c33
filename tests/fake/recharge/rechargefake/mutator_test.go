package rechargefake

import (
	"context"
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
	o := Options{Seed: 1, Objects: 200, Delay: 5 * time.Minute, TypeDrift: true}
	a, b, other := fakeOf(t, o), fakeOf(t, o), fakeOf(t, o)
	did := step(t, mutator(t, a, MutatorOptions{Seed: 7}), 200)
	m := mutator(t, b, MutatorOptions{Seed: 7})
	if diff := cmp.Diff(did, append(step(t, m, 137), step(t, m, 63)...)); diff != "" {
		t.Errorf("200 steps are not 137 and 63:\n%s", diff)
	}
	if cmp.Equal(did, step(t, mutator(t, other, MutatorOptions{Seed: 8}), 200)) {
		t.Error("two seeds do the same")
	}
	for _, kind := range a.Kinds() {
		if diff := cmp.Diff(oracle(t, a, kind), oracle(t, b, kind)); diff != "" {
			t.Errorf("%s differ after the same steps:\n%.500s", kind, diff)
		}
	}
}

// state is all objects by kind and id.
func state(t *testing.T, s *Server) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, k := range s.world.kinds {
		for _, raw := range oracle(t, s, k.name) {
			id := idOf(raw)
			if k.name == "products" {
				id = plainText(memberRaw([]byte(raw), "external_product_id"))
			}
			all[k.name+" "+id] = raw
		}
	}
	return all
}

func TestEveryChangeMovesUpdatedAtAndHasItsEvent(t *testing.T) {
	fake := fakeOf(t, Options{Seed: 2, Objects: 800})
	before := state(t, fake)
	m := mutator(t, fake, MutatorOptions{Seed: 3})
	count := map[Action]int{}
	told := len(fake.shelves["events"].entries)
	for _, c := range step(t, m, 800) {
		count[c.Action]++
		key := c.Kind + " " + itoa(c.ID)
		_, e, err := fake.changeable(c.Kind, c.ID)
		if (err != nil) != (e == nil) || c.Action == Created && before[key] != "" {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	for _, a := range []Action{Created, Updated, Deleted, Cancelled, Skipped, Succeeded, Failed, Refunded, Moved} {
		if count[a] < 5 {
			t.Errorf("%s was done %d times: %v", a, count[a], count)
		}
	}
	if count[Silenced] > 0 {
		t.Errorf("silent edits without being asked: %v", count)
	}
	events := map[string]bool{}
	for _, e := range fake.shelves["events"].entries[told:] {
		events[plainText(memberRaw(e.raw, "object_type"))+" "+plainText(memberRaw(e.raw, "object_id"))] = true
	}
	after := state(t, fake)
	moved := 0
	for key, raw := range after {
		if raw == before[key] {
			continue
		}
		kind, id, _ := strings.Cut(key, " ")
		k := fake.world.byName[kind]
		if !k.alone && kind != "products" && !events[k.one+" "+id] {
			t.Fatalf("no event tells of %s", key)
		}
		if at, ok := parseTime(plainText(memberRaw([]byte(raw), "updated_at"))); ok && kind != "events" {
			moved++
			if at <= fake.world.now {
				t.Fatalf("%s changed, but its updated_at is %s", key, memberRaw([]byte(raw), "updated_at"))
			}
		}
	}
	if moved < 400 {
		t.Errorf("%d objects changed", moved)
	}
}

func TestBurstsShareOneUpdatedAt(t *testing.T) {
	fake := fakeOf(t, Options{Seed: 4, Objects: 1000})
	step(t, mutator(t, fake, MutatorOptions{Seed: 5, Kinds: []string{"customers"}}), 300)
	shared := map[string]int{}
	most := 0
	for _, raw := range oracle(t, fake, "customers") {
		at := string(memberRaw([]byte(raw), "updated_at"))
		shared[at]++
		if strings.Contains(at, "2025-06-02T12") {
			most = max(most, shared[at])
		}
	}
	if most < 8 {
		t.Errorf("at most %d customers changed in one second", most)
	}
}

func TestChargesSucceedAndFailAsChargesDo(t *testing.T) {
	fake := fakeOf(t, Options{Seed: 6, Objects: 600})
	before := state(t, fake)
	orders := len(oracle(t, fake, "orders"))
	count := map[Action]int{}
	for _, c := range step(t, mutator(t, fake, MutatorOptions{Seed: 7, Kinds: []string{"charges"}, Keep: true}), 250) {
		count[c.Action]++
	}
	if got := len(oracle(t, fake, "orders")); got != orders+count[Succeeded] {
		t.Errorf("%d charges succeeded and %d orders came", count[Succeeded], got-orders)
	}
	grown := 0
	for _, raw := range oracle(t, fake, "charges") {
		r := []byte(raw)
		was := []byte(before["charges "+idOf(raw)])
		switch plainText(memberRaw(r, "status")) {
		case "error":
			if memberRaw(r, "error_type") == nil || memberRaw(r, "charge_attempts") == nil || memberRaw(r, "retry_date") == nil {
				t.Fatalf("a failed charge says too little: %s", raw)
			}
			old := plainText(memberRaw(was, "error"))
			if now := plainText(memberRaw(r, "error")); old != "" && now != old {
				grown++
				if !strings.HasPrefix(now, old) {
					t.Fatalf("the log was not continued: %q, %q", old, now)
				}
			}
		case "success":
			if plainText(memberRaw(r, "processed_at")) == "" || plainText(memberRaw(r, "total_refunds")) != "0.00" {
				t.Fatalf("a paid charge: %s", raw)
			}
		}
	}
	if grown == 0 || count[Deleted] > 0 || count[Failed] < 20 || count[Succeeded] < 20 {
		t.Errorf("%d logs grew, %v", grown, count)
	}
}

func TestSilentEditsLeaveNoTrace(t *testing.T) {
	fake := fakeOf(t, Options{Seed: 8, Objects: 1000})
	before := state(t, fake)
	m := mutator(t, fake, MutatorOptions{Seed: 9, Silent: true, Keep: true, Kinds: []string{"subscriptions"}})
	silent := 0
	for _, c := range step(t, m, 300) {
		key := c.Kind + " " + itoa(c.ID)
		if c.Action != Silenced || before[key] == "" {
			continue
		}
		raw := []byte(get(t, fake, "subscriptions", itoa(c.ID), "updated_at"))
		if string(raw) == string(memberRaw([]byte(before[key]), "updated_at")) {
			silent++
		}
	}
	if silent == 0 {
		t.Error("no subscription changed silently")
	}
}

func TestTheMutatorKeepsToItsKinds(t *testing.T) {
	fake := fakeOf(t, Options{Objects: 500})
	for _, c := range step(t, mutator(t, fake, MutatorOptions{Kinds: []string{"customers", "webhooks"}}), 100) {
		if !slices.Contains([]string{"customers", "webhooks"}, c.Kind) {
			t.Errorf("%+v", c)
		}
	}
	if _, err := fake.NewMutator(MutatorOptions{Kinds: []string{"things"}}); err == nil {
		t.Error("a mutator of things was made")
	}
	if _, err := mutator(t, fakeOf(t, Options{}), MutatorOptions{Kinds: []string{"events"}}).Step(1); err == nil {
		t.Error("events were changed")
	}
}

func TestRunKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := mutator(t, fakeOf(t, Options{Objects: 200}), MutatorOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if n, err := m.Run(ctx, 20); err != nil || n < 195 || n > 200 {
			t.Errorf("%d changes in ten seconds: %v", n, err)
		}
		if _, err := m.Run(ctx, 0); err == nil {
			t.Error("a rate of nothing was accepted")
		}
	})
}

func TestReadersAndTheMutatorDoNotDisturbEachOther(t *testing.T) {
	fake, c := start(t, Options{Seed: 10, Objects: 300, Delay: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	m := mutator(t, fake, MutatorOptions{Keep: true})
	go func() { _, err := m.Run(ctx, 1000); ended <- err }()
	for range 2 {
		for _, path := range []string{"/customers", "/charges", "/subscriptions"} {
			seen := map[string]int{}
			for _, raw := range c.walk(path, "sort_by", "id-asc", "limit", "10") {
				if seen[idOf(raw)]++; seen[idOf(raw)] > 1 {
					t.Errorf("%s %s twice in a walk by id", path, idOf(raw))
				}
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
