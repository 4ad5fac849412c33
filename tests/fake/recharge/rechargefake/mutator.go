package rechargefake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
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
	s     *Server
	r     *rand.Rand
	o     MutatorOptions
	burst int // how many more changes fall in this second
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
	var done []Change
	for range n {
		c, err := m.step()
		if err != nil {
			return done, fmt.Errorf("change %d of %d: %w", len(done)+1, n, err)
		}
		done = append(done, c)
	}
	return done, nil
}

func (m *Mutator) step() (Change, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	switch {
	case m.burst > 0:
		m.burst--
	case m.r.IntN(40) == 0:
		m.burst = m.r.IntN(30)
		fallthrough
	default:
		if move := m.r.Int64N(3); m.s.options.Pace == 0 {
			m.s.clock.moved.Add(move * second)
		}
	}
	m.s.settle()
	for range 50 {
		if c, ok := m.draw().do(m); ok {
			return c, nil
		}
		if c, ok := m.create(); ok {
			return c, nil
		}
	}
	return Change{}, fmt.Errorf("nothing of the kinds %v can be changed", m.o.Kinds)
}

func (m *Mutator) draw() operation {
	total := 0
	for _, o := range operations {
		total += o.weight
	}
	left := m.r.IntN(total)
	for _, o := range operations {
		if left -= o.weight; left < 0 {
			return o
		}
	}
	panic("unreachable: the weights add up to total")
}

// Run does rate operations a second, in real time, until ctx ends; fewer when the machine is slower. It returns how
// many it did, and an error when one failed.
func (m *Mutator) Run(ctx context.Context, rate float64) (int, error) {
	if rate <= 0 {
		return 0, fmt.Errorf("a rate of %v changes a second: want more than 0", rate)
	}
	tick := time.NewTicker(max(1, time.Duration(float64(time.Second)/rate)))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return n, nil
		case <-tick.C:
			if _, err := m.Step(1); err != nil {
				return n, err
			}
		}
	}
}

// shelf picks a kind by its share among those that the options and allowed name.
func (m *Mutator) shelf(allowed func(*kind) bool) *shelf {
	total := 0
	var list []*kind
	for _, k := range m.s.world.kinds {
		if m.named(k.name) && allowed(k) {
			list = append(list, k)
			total += k.share
		}
	}
	if total == 0 {
		return nil
	}
	left := m.r.IntN(total)
	for _, k := range list {
		if left -= k.share; left < 0 {
			return m.s.shelves[k.name]
		}
	}
	panic("unreachable: the shares add up to total")
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
		if newest := e.newest(); e.deleted || newest.gone != 0 && newest.gone < m.s.clock.now() {
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
