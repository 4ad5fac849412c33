package rechargefake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"tapline/tests/fake/serve"
)

// MutatorOptions say how a [Mutator] changes a store.
type MutatorOptions struct {
	// Seed decides every change. Of two fakes with the same options, two mutators with the same options make the same
	// objects and events.
	Seed uint64
	// Kinds limits the changes to objects of these kinds, and the orders and events that follow from them; empty means
	// every kind.
	Kinds []string
	// Keep deletes nothing: a list by updated_at does not tell of deletions.
	Keep bool
	// Silent also moves dates of subscriptions without moving their updated_at, as Recharge does when it plans anew.
	// Nothing tells of it.
	Silent bool
}

// Mutator is a store at work: it creates, edits, cancels, skips and deletes, charges succeed, fail and are refunded,
// addresses move, and an event tells of each. Its methods may be called while others read and change the fake, but by
// one goroutine at a time.
type Mutator struct {
	s      *Server
	r      *rand.Rand
	o      MutatorOptions
	bursts serve.Bursts
}

// NewMutator makes a mutator. It fails when Kinds names what the fake lacks.
func (s *Server) NewMutator(o MutatorOptions) (*Mutator, error) {
	for _, name := range o.Kinds {
		if s.shelves[name] == nil {
			return nil, fmt.Errorf("the fake has no kind %q", name)
		}
	}
	return &Mutator{s: s, r: rand.New(rand.NewPCG(o.Seed, s.options.Seed)), o: o}, nil
}

// operation is one thing that happens. It returns false when it found nothing to happen to.
type operation struct {
	weight int
	do     func(*Mutator) (Change, bool)
}

var operations = []operation{
	{25, (*Mutator).create},
	{30, (*Mutator).edit},
	{5, (*Mutator).delete},
	{5, (*Mutator).cancel},
	{4, (*Mutator).skip},
	{10, (*Mutator).succeed},
	{8, (*Mutator).fail},
	{3, (*Mutator).refund},
	{7, (*Mutator).move},
	{3, (*Mutator).silence},
}

// Step does n operations and returns what they were. Before each the clock moves by 0 to 2 seconds, but inside a burst
// of up to 30 it stands, and at a pace it moves by itself. Stepping twice by five is stepping by ten.
func (m *Mutator) Step(n int) ([]Change, error) {
	return serve.Steps(n, m.step)
}

func (m *Mutator) step() (Change, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if move := m.bursts.Next(m.r); m.s.options.Pace == 0 {
		m.s.Move(move * second)
	}
	m.s.settle()
	for range 50 {
		one, _ := serve.Pick(m.r, operations, func(o operation) int { return o.weight })
		if c, ok := one.do(m); ok {
			return c, nil
		}
		if c, ok := m.create(); ok {
			return c, nil
		}
	}
	return Change{}, fmt.Errorf("nothing of the kinds %v can be changed", m.o.Kinds)
}

// Run does rate operations a second, in real time, until ctx ends; fewer when the machine is slower. It returns how
// many it did, and an error when one failed.
func (m *Mutator) Run(ctx context.Context, rate float64) (int, error) {
	return serve.Run(ctx, rate, func() error { _, err := m.Step(1); return err })
}

// shelf picks a kind by its share among those that the options and allowed name.
func (m *Mutator) shelf(allowed func(*kind) bool) *shelf {
	kinds := slices.DeleteFunc(slices.Clone(m.s.world.kinds), func(k *kind) bool { return !m.named(k.name) || !allowed(k) })
	k, ok := serve.Pick(m.r, kinds, func(k *kind) int { return k.share })
	if !ok {
		return nil
	}
	return m.s.shelves[k.name]
}

func (m *Mutator) named(kind string) bool {
	return len(m.o.Kinds) == 0 || slices.Contains(m.o.Kinds, kind)
}

// pick draws an object that is there and whose newest version matches, more often a young one. It gives up after a
// number of tries.
func (m *Mutator) pick(kind string, match func(raw []byte) bool) (*shelf, *entry, []byte) {
	sh := m.s.shelves[kind]
	n := len(sh.entries)
	if !m.named(kind) || n == 0 {
		return sh, nil, nil
	}
	for range 20 {
		u := m.r.Float64()
		e := sh.entries[n-1-int(float64(n)*u*u)]
		if newest := e.newest(); e.deleted || newest.gone != 0 && newest.gone < m.s.Ticks() {
			continue
		}
		if raw := m.s.bytes(sh, e, e.newest()); match(raw) {
			return sh, e, raw
		}
	}
	return sh, nil, nil
}

// anything matches every object.
func anything([]byte) bool { return true }

// status matches objects in one of these states, whatever their case.
func status(states ...string) func(raw []byte) bool {
	return func(raw []byte) bool {
		return slices.Contains(states, strings.ToLower(plainText(memberRaw(raw, "status"))))
	}
}

func (m *Mutator) serial() string { return itoa(m.r.Int64N(1_000_000)) }
