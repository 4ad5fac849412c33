package stripefake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"tapline/tests/fake/serve"
)

// MutatorOptions say how a [Mutator] changes an account.
type MutatorOptions struct {
	// Seed decides every change. Of two fakes with the same options, two
	// mutators with the same options make the same objects and events.
	Seed uint64
	// Kinds limits the changes to objects of these kinds, and the balance
	// transactions and refunds that follow from them; empty means every kind
	// that was there at the start.
	Kinds []string
	// Silent also edits objects in ways that no event tells of, as a merchant
	// can (the metadata of a payment intent). Such edits show up in lists only.
	Silent bool
}

// Mutator is a merchant at work: it creates, edits, deletes and makes again,
// cancels, refunds, finalizes, and adds and removes what belongs to other
// objects, with the events that Stripe sends for each. Its methods may be
// called while others read and change the fake, but by one goroutine at a time.
type Mutator struct {
	s      *Server
	r      *rand.Rand
	o      MutatorOptions
	bursts serve.Bursts
}

// NewMutator makes a mutator. It fails when Kinds names what the fake lacks.
func (s *Server) NewMutator(o MutatorOptions) (*Mutator, error) {
	for _, name := range o.Kinds {
		if _, err := s.changeable(name); err != nil {
			return nil, err
		}
	}
	return &Mutator{s: s, r: rand.New(rand.NewPCG(o.Seed, s.options.Seed)), o: o}, nil
}

// operation is one thing that a merchant does. It returns false when it found
// nothing to do it to.
type operation struct {
	weight int
	do     func(*Mutator) (Change, bool, error)
}

var operations = []operation{
	{24, (*Mutator).create},
	{28, (*Mutator).edit},
	{8, (*Mutator).delete},
	{5, (*Mutator).recreate},
	{5, (*Mutator).cancel},
	{7, (*Mutator).refund},
	{4, (*Mutator).finalize},
	{18, (*Mutator).churn},
	{1, (*Mutator).preview},
}

// Step does n operations and returns what they were. Before each the clock
// moves by 0 to 2 seconds, but inside a burst of up to 30 it stands, and at a
// pace it moves by itself. Stepping twice by five is stepping by ten.
func (m *Mutator) Step(n int) ([]Change, error) {
	return serve.Steps(n, m.step)
}

func (m *Mutator) step() (Change, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if move := m.bursts.Next(m.r); m.s.options.Pace == 0 {
		m.s.Move(move)
	}
	for range 50 {
		one, _ := serve.Pick(m.r, operations, func(o operation) int { return o.weight })
		if c, ok, err := one.do(m); ok || err != nil {
			return c, err
		}
		if c, ok, err := m.create(); ok || err != nil {
			return c, err
		}
	}
	return Change{}, fmt.Errorf("nothing of the kinds %v can be changed", m.o.Kinds)
}

// Run does rate operations a second, in real time, until ctx ends; fewer when
// the machine is slower. It returns how many it did, and an error when one failed.
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
	if len(m.o.Kinds) > 0 {
		return slices.Contains(m.o.Kinds, kind)
	}
	return !m.s.world.byName[kind].optional
}

// pick draws a live object of a kind that matches, more often a young one. It
// gives up after a number of tries.
func (m *Mutator) pick(kind string, match func([]member) bool) (sh *shelf, at int, o []member, ok bool) {
	if !m.named(kind) {
		return nil, 0, nil, false
	}
	sh = m.s.shelves[kind]
	for range 12 {
		at, ok = m.s.drawLive(m.r, sh)
		if !ok {
			return sh, 0, nil, false
		}
		if o, _ = readMembers(m.s.raw(sh, at)); match(o) {
			return sh, at, o, true
		}
	}
	return sh, 0, nil, false
}

func status(list ...string) func([]member) bool {
	return func(o []member) bool { return slices.Contains(list, text(find(o, "status"))) }
}

func (m *Mutator) serial() string { return itoa(m.r.Int64N(1_000_000)) }
