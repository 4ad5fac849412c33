package rechargefake

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Action is a kind of change.
type Action string

// The actions. The last ones only a [Mutator] does.
const (
	Created   Action = "create"
	Updated   Action = "update"
	Deleted   Action = "delete"
	Cancelled Action = "cancel"  // a subscription or a onetime
	Skipped   Action = "skip"    // a queued charge
	Succeeded Action = "succeed" // a queued or failed charge, with an order of its own
	Failed    Action = "fail"    // a queued charge, or one more attempt of a failed one
	Refunded  Action = "refund"  // a paid charge
	Moved     Action = "move"    // an address
	Silenced  Action = "silence" // a subscription's next date changed, and its updated_at did not
)

// Change says what was done to which object.
type Change struct {
	Action Action `json:"action"`
	Kind   string `json:"kind"`
	ID     int64  `json:"id"`
}

// Create makes n new objects of a kind, stamped with the clock, and returns their ids.
func (s *Server) Create(kind string, n int) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shelves[kind]
	if sh == nil {
		return nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	var ids []int64
	for range n {
		ids = append(ids, s.create(sh, nil).id)
	}
	return ids, nil
}

// Update replaces members of an object by those of a JSON object and moves its updated_at to the clock. An event tells
// of it. id, created_at and updated_at cannot be given.
func (s *Server) Update(kind string, id int64, patch []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, e, err := s.changeable(kind, id)
	if err != nil {
		return err
	}
	changes, err := readMembers(patch)
	if err != nil {
		return fmt.Errorf("the body of an update: %w", err)
	}
	for _, c := range changes {
		if slices.Contains([]string{"id", "created_at", "updated_at"}, c.name) {
			return fmt.Errorf("%s of %s cannot be updated", c.name, kind)
		}
	}
	s.update(sh, e, changes, "updated")
	return nil
}

// Delete takes an object away. Nothing but an event tells of it; the products of a collection and the tasks of a batch
// go with it.
func (s *Server) Delete(kind string, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, e, err := s.changeable(kind, id)
	if err != nil {
		return err
	}
	s.delete(sh, e)
	return nil
}

func (s *Server) changeable(kind string, id int64) (*shelf, *entry, error) {
	sh := s.shelves[kind]
	if sh == nil {
		return nil, nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	at, ok := sh.position[id]
	if !ok || sh.entries[at].deleted {
		return nil, nil, fmt.Errorf("there is no %s %d", kind, id)
	}
	return sh, sh.entries[at], nil
}

// create puts a new object on its shelf. decided are members that it does not draw.
func (s *Server) create(sh *shelf, decided []member) *entry {
	now := s.Ticks()
	e := &entry{id: s.world.id(sh.kind, len(sh.entries)), created: now, version: version{updated: now, shown: now}}
	at := sh.add(e)
	members, _ := readMembers(s.raw(sh, e)) // what the fake holds is valid
	for _, m := range decided {
		members = set(members, m.name, string(m.raw))
	}
	e.raw = writeMembers(members)
	e.gone = sh.kind.goneOf(e.created, e.raw)
	if delay := s.delay(sh, at); delay > 0 {
		e.shown = now + delay
	}
	s.tell(sh, e, "created", nil)
	return e
}

// update merges members into the newest version of an object and stamps it.
func (s *Server) update(sh *shelf, e *entry, changes []member, verb string) {
	before, _ := readMembers(s.bytes(sh, e, e.newest())) // what the fake holds is valid
	after := slices.Clone(before)
	for _, c := range changes {
		after = set(after, c.name, string(c.raw))
	}
	now := s.Ticks()
	if slices.ContainsFunc(before, func(m member) bool { return m.name == "updated_at" }) {
		after = set(after, "updated_at", sh.kind.at(now))
	}
	s.show(sh, e, version{raw: writeMembers(after), updated: now})
	s.tell(sh, e, verb, difference(before, changes))
}

// silence changes an object without moving its updated_at and without an event.
func (s *Server) silence(sh *shelf, e *entry, changes []member) {
	members, _ := readMembers(s.bytes(sh, e, e.newest())) // what the fake holds is valid
	for _, c := range changes {
		members = set(members, c.name, string(c.raw))
	}
	s.show(sh, e, version{raw: writeMembers(members), updated: e.newest().updated})
}

// show makes a version of an object, which readers see at once or later.
func (s *Server) show(sh *shelf, e *entry, v version) {
	at := sh.position[e.id]
	v.gone = sh.kind.goneOf(e.created, v.raw)
	v.shown = s.Ticks() + s.delay(sh, at) // one that was made before it still comes first
	if v.shown <= s.Ticks() {
		e.version, e.coming = v, nil
		sh.orders = nil
		return
	}
	e.coming = append(e.coming, v)
	if !slices.Contains(sh.late, at) {
		sh.late = append(sh.late, at)
	}
}

// Settle lets everything appear that cannot be read yet.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.shelves {
		sh.settle(math.MaxInt64)
		for _, e := range sh.entries {
			e.shown = min(e.shown, s.Ticks())
		}
	}
}

// delay draws for how long a change cannot be read: from a third of the option to the whole of it, in whole seconds.
func (s *Server) delay(sh *shelf, at int) int64 {
	longest := int64(s.options.Delay / time.Second)
	if longest < 1 {
		return 0
	}
	s.changes++
	shortest := max(1, longest/3)
	return (shortest + s.world.random(sh.kind.name, at, "delay "+strconv.Itoa(s.changes)).Int64N(longest-shortest+1)) * second
}

func (s *Server) delete(sh *shelf, e *entry) {
	s.tell(sh, e, "deleted", nil)
	e.deleted = true
	below := map[string][2]string{"collections": {"collection_products", "collection_id"}, "async_batches": {"async_batch_tasks", "batch_id"}}
	if child, ok := below[sh.kind.name]; ok {
		children := s.shelves[child[0]]
		for _, c := range children.entries {
			if plainText(memberRaw(s.bytes(children, c, c.newest()), child[1])) == itoa(e.id) {
				c.deleted = true
			}
		}
	}
}

// tell writes the event of a change, about the kinds that have such.
func (s *Server) tell(sh *shelf, e *entry, verb string, changed []byte) {
	events := s.shelves["events"]
	if sh == events || sh.kind.alone {
		return
	}
	raw := s.bytes(sh, e, e.newest())
	customer := append(reach(raw, "customer_id"), reach(raw, "customer.id")...)
	if sh.kind.name == "customers" {
		customer = reach(raw, "id")
	}
	if changed == nil {
		changed = []byte("null")
	}
	decided := []member{
		{"object_id", []byte(itoa(e.id))}, {"object_type", []byte(quote(sh.kind.one))}, {"verb", []byte(quote(verb))},
		{"customer_id", []byte("null")}, {"updated_attributes", changed},
	}
	if len(customer) > 0 {
		decided[3].raw = customer[0]
	}
	s.create(events, decided)
}

// difference lists what changes replace, as an event tells it.
func difference(before, changes []member) []byte {
	list := [][]byte{}
	for _, c := range changes {
		previous := []byte("null")
		if i := slices.IndexFunc(before, func(m member) bool { return m.name == c.name }); i >= 0 {
			previous = before[i].raw
		}
		list = append(list, fmt.Appendf(nil, `{"attribute":%s,"previous_value":%s,"value":%s}`, quote(c.name), previous, c.raw))
	}
	return append(append([]byte{'['}, bytes.Join(list, []byte{','})...), ']')
}
