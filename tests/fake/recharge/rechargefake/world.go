package rechargefake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tapline/tests/fake/serve"
)

// world is what the seed decides: which objects there are at the start and what they say. It is immutable.
type world struct {
	seed   uint64
	drift  bool
	store  int64
	now    int64 // the clock at the start, unix microseconds
	kinds  []*kind
	byName map[string]*kind
	seeded map[string][]moments // by kind, oldest first
}

// start is where the clock stands at the start: between two seconds when times drift.
func (w *world) start() int64 {
	if w.drift {
		return w.now + 250_125
	}
	return w.now
}

// moments are when an object was made and last changed, in unix microseconds.
type moments struct{ created, updated int64 }

// newWorld fails when the options ask for what cannot be seeded.
func newWorld(o Options) (*world, error) {
	w := &world{
		seed: o.Seed, drift: o.TypeDrift, store: o.Store, now: o.Now.UnixMicro(),
		kinds: kindTable(), byName: map[string]*kind{}, seeded: map[string][]moments{},
	}
	for i, k := range w.kinds {
		k.base = int64(i+1) * 100_000_000
		if k.fields[0].name == "id" {
			k.filters = join(k.filters, inNumbers("ids", "id"))
		}
		w.byName[k.name] = k
	}
	if o.Objects < 0 || o.Span < 0 {
		return nil, fmt.Errorf("objects: %d, span: %s: want no negative number", o.Objects, o.Span)
	}
	for name, n := range o.Counts {
		if w.byName[name] == nil || n < 0 {
			return nil, fmt.Errorf("counts: %s: %d: want the name of a kind and a number from 0", name, n)
		}
	}
	for _, k := range w.kinds {
		span := o.Span
		if k.span != 0 {
			span = min(span, k.span)
		}
		w.seeded[k.name] = w.spread(k, o.count(k), span)
	}
	return w, nil
}

// spread draws when n objects were made and last changed: some in the same second, one in ten changed by one great
// migration, so that more objects share one updated_at than a page holds.
func (w *world) spread(k *kind, n int, span time.Duration) []moments {
	r := w.random(k.name, n, "spread")
	all := make([]moments, n)
	for i := range all {
		all[i].created = w.now - r.Int64N(span.Microseconds()/second+1)*second
		if i > 0 && r.Float64() < 0.15 {
			all[i].created = all[i-1].created
		}
		if w.drift {
			all[i].created -= r.Int64N(2) * r.Int64N(second)
		}
	}
	slices.SortFunc(all, func(a, b moments) int { return int(a.created - b.created) })
	migration := w.now - span.Microseconds()/10/second*second
	for i := range all {
		m := &all[i]
		switch chance := r.Float64(); {
		case chance < 0.3:
			m.updated = m.created
		case chance < 0.4 && m.created <= migration:
			m.updated = migration
		case chance < 0.5 && i > 0 && all[i-1].updated >= m.created:
			m.updated = all[i-1].updated
		default:
			m.updated = m.created + r.Int64N((w.now-m.created)/second+1)*second
		}
	}
	return all
}

// random is the randomness that belongs to one purpose of one object.
func (w *world) random(kind string, index int, purpose string) *rand.Rand {
	return serve.Random(w.seed, kind, index, purpose)
}

// id is the number of an object. Numbers grow with the index and leave gaps.
func (w *world) id(k *kind, index int) int64 {
	return k.base + int64(index)*3 + int64((w.seed+uint64(index)*2654435761)>>7%3)
}

// draw begins an object.
func (w *world) draw(k *kind, index int, m moments, purpose string) *draw {
	return &draw{
		Rand: w.random(k.name, index, purpose), world: w, kind: k, index: index,
		created: m.created, updated: m.updated, b: make([]byte, 0, 1024),
	}
}

// object makes the bytes of an object as the API sends them.
func (w *world) object(k *kind, index int, m moments) []byte {
	d := w.draw(k, index, m, "object")
	given := d.facts()
	given["id"] = itoa(w.id(k, index))
	given["created_at"] = d.at(m.created)
	given["updated_at"] = d.at(m.updated)
	d.members(k.fields, given)
	if d.drifts() && d.chance(0.2) {
		d.b = append(d.b[:len(d.b)-1], `,"beta_flags":{"new_portal":true,"weights":[1,2.50]}}`...)
	}
	return d.b
}

// facts are the members of an object that are not drawn alone.
func (d *draw) facts() facts {
	if d.kind.facts == nil {
		return facts{}
	}
	return d.kind.facts(d)
}

// address draws a seeded address and returns its id and that of its customer, and the customer's index; without one
// both ids are null.
func (d *draw) address() (address, customer string, index int) {
	n := len(d.world.seeded["addresses"])
	if n == 0 {
		return "null", "null", -1
	}
	at := d.IntN(n)
	customer, index = d.world.owner(at)
	return itoa(d.world.id(d.world.byName["addresses"], at)), customer, index
}

// owner is the customer of a seeded address.
func (w *world) owner(address int) (id string, index int) {
	n := len(w.seeded["customers"])
	if n == 0 {
		return "null", -1
	}
	index = w.random("addresses", address, "owner").IntN(n)
	return itoa(w.id(w.byName["customers"], index)), index
}
