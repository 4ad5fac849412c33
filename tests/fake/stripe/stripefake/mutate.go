package stripefake

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// patches are the members that Mutate changes, with a serial number in them.
// A kind without a row is never updated.
var patches = map[string][]string{
	"customers":       {`{"balance":%d}`, `{"email":"changed.%d@example.com"}`, `{"name":null,"metadata":{"serial":"%d"}}`},
	"products":        {`{"name":"Renamed %d"}`, `{"active":false,"metadata":{"serial":"%d"}}`},
	"prices":          {`{"active":false,"nickname":"Old %d"}`, `{"metadata":{"serial":"%d"}}`},
	"plans":           {`{"nickname":"Plan %d"}`},
	"coupons":         {`{"times_redeemed":%d}`, `{"name":"Coupon %d"}`},
	"tax_rates":       {`{"active":false,"description":"Since %d"}`},
	"subscriptions":   {`{"cancel_at_period_end":true,"metadata":{"serial":"%d"}}`, `{"status":"past_due","description":"Attempt %d"}`},
	"invoices":        {`{"attempt_count":%d}`, `{"status":"paid","paid":true,"metadata":{"serial":"%d"}}`},
	"charges":         {`{"description":"Order %d"}`, `{"metadata":{"serial":"%d"}}`},
	"payment_intents": {`{"description":"Order %d"}`, `{"status":"succeeded","metadata":{"serial":"%d"}}`},
	"refunds":         {`{"metadata":{"serial":"%d"}}`, `{"status":"failed","metadata":{"serial":"%d"}}`},

	"checkout_sessions":      {`{"status":"complete","metadata":{"serial":"%d"}}`, `{"status":"expired","metadata":{"serial":"%d"}}`},
	"credit_notes":           {`{"memo":"Note %d"}`, `{"status":"void","metadata":{"serial":"%d"}}`},
	"disputes":               {`{"status":"won","metadata":{"serial":"%d"}}`, `{"metadata":{"serial":"%d"}}`},
	"payouts":                {`{"status":"failed","metadata":{"serial":"%d"}}`, `{"metadata":{"serial":"%d"}}`},
	"promotion_codes":        {`{"active":false,"metadata":{"serial":"%d"}}`, `{"times_redeemed":%d}`},
	"quotes":                 {`{"status":"accepted","metadata":{"serial":"%d"}}`, `{"status":"canceled","metadata":{"serial":"%d"}}`},
	"setup_intents":          {`{"status":"succeeded","metadata":{"serial":"%d"}}`, `{"status":"canceled","metadata":{"serial":"%d"}}`},
	"subscription_schedules": {`{"status":"released","metadata":{"serial":"%d"}}`, `{"metadata":{"serial":"%d"}}`},
	"topups":                 {`{"status":"reversed","metadata":{"serial":"%d"}}`, `{"metadata":{"serial":"%d"}}`},
}

// Mutate does n changes drawn from seed: creations, updates, deletions,
// canceled subscriptions, coupons that come back under their old id. Before
// each the clock moves by 0 to 2 seconds, so some share a second. It returns
// what it did.
func (s *Server) Mutate(n int, seed uint64) ([]Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := rand.New(rand.NewPCG(seed, s.options.Seed))
	var done []Change
	for range n {
		s.Move(r.Int64N(3))
		c, err := s.mutate(r)
		if err != nil {
			return done, fmt.Errorf("change %d of %d: %w", len(done)+1, n, err)
		}
		done = append(done, c)
	}
	return done, nil
}

// mutate does one change. Where the draw finds nothing to change, it creates.
func (s *Server) mutate(r *rand.Rand) (Change, error) {
	chance := r.Float64()
	switch {
	case chance < 0.40:
		sh := s.drawShelf(r, func(*kind) bool { return true })
		if at, ok := youngDeleted(sh); ok && sh.kind.name == "coupons" {
			return Change{Created, sh.kind.name, s.create(sh, sh.entries[at].id)}, nil
		}
		return Change{Created, sh.kind.name, s.create(sh, "")}, nil
	case chance < 0.80:
		sh := s.drawShelf(r, func(k *kind) bool { return patches[k.name] != nil })
		at, ok := s.drawLive(r, sh)
		if !ok {
			return Change{Created, sh.kind.name, s.create(sh, "")}, nil
		}
		choices := patches[sh.kind.name]
		patch := fmt.Sprintf(choices[r.IntN(len(choices))], r.IntN(1_000_000))
		return Change{Updated, sh.kind.name, sh.entries[at].id}, s.update(sh, at, []byte(patch))
	case chance < 0.92:
		sh := s.drawShelf(r, func(k *kind) bool { return k.deletable })
		at, ok := s.drawLive(r, sh)
		if !ok {
			return Change{Created, sh.kind.name, s.create(sh, "")}, nil
		}
		return Change{Deleted, sh.kind.name, sh.entries[at].id}, s.delete(sh, at)
	default:
		sh := s.shelves["subscriptions"]
		at, ok := s.drawLive(r, sh)
		if !ok || memberText(s.raw(sh, at), "status") == "canceled" {
			return Change{Created, sh.kind.name, s.create(sh, "")}, nil
		}
		return Change{Deleted, sh.kind.name, sh.entries[at].id}, s.delete(sh, at)
	}
}

// drawShelf picks a kind by its share among those allowed.
func (s *Server) drawShelf(r *rand.Rand, wanted func(*kind) bool) *shelf {
	allowed := func(k *kind) bool { return !k.optional && wanted(k) }
	total := 0
	for _, k := range s.world.kinds {
		if allowed(k) {
			total += k.share
		}
	}
	left := r.IntN(total)
	for _, k := range s.world.kinds {
		if !allowed(k) {
			continue
		}
		if left -= k.share; left < 0 {
			return s.shelves[k.name]
		}
	}
	panic("unreachable: the shares add up to total")
}

// drawLive picks an object that exists, more often a young one.
func (s *Server) drawLive(r *rand.Rand, sh *shelf) (int, bool) {
	n := len(sh.entries)
	for range 20 {
		u := r.Float64()
		if n > 0 {
			if at := n - 1 - int(float64(n)*u*u); !sh.entries[at].deleted {
				return at, true
			}
		}
	}
	return 0, false
}

// youngDeleted finds the newest id whose last object was deleted.
func youngDeleted(sh *shelf) (int, bool) {
	for at, e := range slices.Backward(sh.entries) {
		if e.deleted && sh.position[e.id] == at {
			return at, true
		}
	}
	return 0, false
}
