package stripefake

import (
	"bytes"
	"fmt"
	"slices"
)

// Action is a kind of change.
type Action string

// The actions that the control half can do.
const (
	Created Action = "create"
	Updated Action = "update"
	Deleted Action = "delete" // for a subscription: canceled

	// What else a Mutator does.
	Recreated Action = "recreate" // a deleted id that the merchant chose came back
	Canceled  Action = "cancel"
	Refunded  Action = "refund"   // a charge; a refund and a balance transaction were created
	Finalized Action = "finalize" // an invoice, which may also be paid
	Churned   Action = "churn"    // an element of a list of the object came, went or changed
	Previewed Action = "preview"  // an event told of an invoice that does not exist yet
)

// Change says what was done to which object.
type Change struct {
	Action Action `json:"action"`
	Kind   string `json:"kind"`
	ID     string `json:"id"`
}

// Create makes n new objects of a kind, stamped with the clock, and returns
// their ids. Their events are in the feed at once.
func (s *Server) Create(kind string, n int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, err := s.changeable(kind)
	if err != nil {
		return nil, err
	}
	var ids []string
	for range n {
		ids = append(ids, s.create(sh, ""))
	}
	return ids, nil
}

// Recreate makes a new object under the id of a deleted one, as merchants do
// with coupons.
func (s *Server) Recreate(kind, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, err := s.changeable(kind)
	if err != nil {
		return err
	}
	if at, ok := sh.position[id]; !ok || !sh.entries[at].deleted {
		return fmt.Errorf("%s %s was not deleted, so it cannot be made again", kind, id)
	}
	s.create(sh, id)
	return nil
}

// changeable finds the shelf of a kind; events follow from other changes only.
func (s *Server) changeable(kind string) (*shelf, error) {
	sh := s.shelves[kind]
	if sh == nil || sh.kind == eventsKind {
		return nil, fmt.Errorf("the fake has no kind %q that can be changed", kind)
	}
	return sh, nil
}

// create appends an object, under the id given or one of its own, with its events.
func (s *Server) create(sh *shelf, id string) string {
	at := s.place(sh, id, nil)
	raw := s.raw(sh, at)
	s.emit(sh.kind.eventTypes(Created, memberText(raw, "status")), raw, nil)
	return sh.entries[at].id
}

// add appends an object with members that are decided, and emits events of
// those types.
func (s *Server) add(sh *shelf, decided []member, types []string) string {
	at := s.place(sh, "", decided)
	s.emit(types, s.raw(sh, at), nil)
	return sh.entries[at].id
}

// place puts a new object on its shelf.
func (s *Server) place(sh *shelf, id string, decided []member) (at int) {
	at = len(sh.entries)
	e := entry{id: s.world.id(sh.kind, at), created: s.Ticks()}
	if id != "" {
		e.id = id
	}
	if id != "" || decided != nil {
		members, _ := readMembers(s.world.objectAs(e.id, sh.kind, at, e.created)) // the fake makes valid objects only
		e.raw = writeMembers(merge(members, decided))
	}
	return sh.add(e)
}

// change merges decided members into an object and emits events of those types.
func (s *Server) change(sh *shelf, at int, decided []member, types []string) {
	before, _ := readMembers(s.raw(sh, at)) // the fake holds valid objects only
	after := merge(before, decided)
	sh.entries[at].raw = writeMembers(after)
	s.emit(types, sh.entries[at].raw, writeMembers(difference(before, after)))
}

// Update merges a JSON object into an object: the members of objects are
// merged, everything else replaced, and null is stored as null. Events tell
// of it as Stripe does, which for some kinds is not at all. An update that
// changes nothing leaves no trace.
func (s *Server) Update(kind, id string, patch []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, err := s.changeable(kind)
	if err != nil {
		return err
	}
	at, ok := sh.live(id)
	if !ok {
		return fmt.Errorf("there is no %s %s to update", kind, id)
	}
	return s.update(sh, at, patch)
}

func (s *Server) update(sh *shelf, at int, patch []byte) error {
	changes, err := readMembers(patch)
	if err != nil {
		return fmt.Errorf("the body of an update: %w", err)
	}
	fixed := append([]string{"id", "object", sh.kind.stampName()}, sh.kind.expandOnly...)
	for _, c := range changes {
		if slices.Contains(fixed, c.name) || sh.kind.hasList(c.name) {
			return fmt.Errorf("%s of %s cannot be updated", c.name, sh.kind.name)
		}
	}
	before, err := readMembers(s.raw(sh, at))
	if err != nil {
		return err
	}
	if find(before, "updated") != nil {
		changes = set(changes, "updated", []byte(itoa(s.Ticks())))
	}
	after := merge(before, changes)
	previous := difference(before, after)
	if !slices.ContainsFunc(previous, func(m member) bool { return m.name != "updated" }) {
		return nil
	}
	raw := writeMembers(after)
	sh.entries[at].raw = raw
	types := sh.kind.updated
	if find(previous, "status") != nil {
		types = append(types[:len(types):len(types)], sh.kind.byStatus[text(find(after, "status"))]...)
	}
	s.emit(types, raw, writeMembers(previous))
	return nil
}

// merge applies changes to a copy of members.
func merge(members, changes []member) []member {
	merged := slices.Clone(members)
	for _, c := range changes {
		old := find(merged, c.name)
		if isObject(old) && isObject(c.raw) {
			inner, err := readMembers(old)
			below, err2 := readMembers(c.raw)
			if err == nil && err2 == nil {
				c.raw = writeMembers(merge(inner, below))
			}
		}
		merged = set(merged, c.name, c.raw)
	}
	return merged
}

// difference lists the old values of what changed, inside objects too, and
// null for what was not there: Stripe's previous_attributes.
func difference(before, after []member) []member {
	var list []member
	for _, m := range after {
		old := find(before, m.name)
		switch {
		case bytes.Equal(old, m.raw):
		case old == nil:
			list = append(list, member{m.name, []byte("null")})
		case isObject(old) && isObject(m.raw):
			was, _ := readMembers(old) // both were read before
			is, _ := readMembers(m.raw)
			if inner := difference(was, is); inner != nil {
				list = append(list, member{m.name, writeMembers(inner)})
			}
		default:
			list = append(list, member{m.name, old})
		}
	}
	return list
}

// Delete deletes an object, or cancels a subscription. Only kinds that can be
// deleted at Stripe can be deleted here; of invoices only drafts.
func (s *Server) Delete(kind, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, err := s.changeable(kind)
	if err != nil {
		return err
	}
	at, ok := sh.live(id)
	if !ok {
		return fmt.Errorf("there is no %s %s to delete", kind, id)
	}
	return s.delete(sh, at)
}

func (s *Server) delete(sh *shelf, at int) error {
	raw := s.raw(sh, at)
	e := &sh.entries[at]
	status := memberText(raw, "status")
	switch {
	case sh.kind.name == "subscriptions":
		if status == "canceled" {
			return fmt.Errorf("subscription %s is canceled already", e.id)
		}
		members, err := readMembers(raw)
		if err != nil {
			return err
		}
		now := []byte(itoa(s.Ticks()))
		e.raw = writeMembers(merge(members, []member{{"status", []byte(`"canceled"`)}, {"canceled_at", now}, {"ended_at", now}}))
		raw = e.raw
	case sh.kind.name == "payment_methods": // it is detached, and stays
		if memberText(raw, "customer") == "" {
			return fmt.Errorf("payment method %s is detached already", e.id)
		}
		s.change(sh, at, []member{{"customer", []byte("null")}}, sh.kind.deleted)
		return nil
	case sh.kind.deletable, sh.kind.name == "invoices" && status == "draft":
		e.raw, e.deleted = raw, true
		if s.options.ShortDeletes && (sh.kind.name == "customers" || sh.kind.name == "plans") {
			raw = deletedBody(sh.kind, e.id)
		}
	default:
		return fmt.Errorf("%s %s cannot be deleted at Stripe", sh.kind.component, e.id)
	}
	s.emit(sh.kind.deleted, raw, nil)
	return nil
}

// Settle turns the balance transactions that are due by the clock from pending
// to available and returns how many. No event tells of it.
func (s *Server) Settle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shelves["balance_transactions"]
	n := 0
	for at := sh.since(s.world.now - 8*day); at < len(sh.entries); at++ {
		members, err := readMembers(s.raw(sh, at))
		if err != nil || text(find(members, "status")) != "pending" || number(find(members, "available_on")) > s.Ticks() {
			continue
		}
		sh.entries[at].raw = writeMembers(set(members, "status", []byte(`"available"`)))
		n++
	}
	return n
}
