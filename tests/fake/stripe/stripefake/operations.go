package stripefake

import (
	"fmt"
	"slices"
	"strings"
)

func (m *Mutator) create() (Change, bool, error) {
	sh := m.shelf(func(k *kind) bool { return !k.fixed && (k.name != "accounts" || len(m.s.connected) == 0) })
	if sh == nil {
		return Change{}, false, nil
	}
	return Change{Created, sh.kind.name, m.s.create(sh, "")}, true, nil
}

// edit changes a member of an object. Unless silent edits are wanted, only
// such edits are made that an event tells of.
func (m *Mutator) edit() (Change, bool, error) {
	sh := m.shelf(func(k *kind) bool { return len(m.edits(k)) > 0 })
	if sh == nil {
		return Change{}, false, nil
	}
	at, ok := m.s.drawLive(m.r, sh)
	if !ok {
		return Change{}, false, nil
	}
	choices := m.edits(sh.kind)
	patch := strings.ReplaceAll(choices[m.r.IntN(len(choices))], "%d", m.serial())
	was, is := memberText(m.s.raw(sh, at), "status"), memberText([]byte(patch), "status")
	if is != "" && (was == "canceled" || was == is && !m.o.Silent && len(sh.kind.updated) == 0) {
		return Change{}, false, nil // what is canceled stays so, and no event tells of the status that was
	}
	return Change{Updated, sh.kind.name, sh.entries[at].id}, true, m.s.update(sh, at, []byte(patch))
}

// edits lists the patches that may be made to objects of a kind.
func (m *Mutator) edits(k *kind) []string {
	list := patches[k.name]
	if list == nil && m.s.world.doc.components[k.component].Properties["metadata"] != nil && !k.fixed {
		list = []string{`{"metadata":{"serial":"%d"}}`}
	}
	if k.name == "reviews" {
		list = []string{`{"open":false,"reason":"approved"}`}
	}
	if m.o.Silent || len(k.updated) > 0 {
		return list
	}
	var told []string
	for _, patch := range list {
		if types := k.byStatus[memberText([]byte(patch), "status")]; len(types) > 0 {
			told = append(told, patch)
		}
	}
	return told
}

func (m *Mutator) delete() (Change, bool, error) {
	sh := m.shelf(func(k *kind) bool {
		return len(k.deleted) > 0 && k.name != "subscriptions" || k.deletable && m.o.Silent
	})
	if sh == nil {
		return Change{}, false, nil
	}
	match := func([]member) bool { return true }
	switch sh.kind.name {
	case "invoices":
		match = status("draft")
	case "payment_methods":
		match = func(o []member) bool { return text(find(o, "customer")) != "" }
	}
	sh, at, _, ok := m.pick(sh.kind.name, match)
	if !ok {
		return Change{}, false, nil
	}
	return Change{Deleted, sh.kind.name, sh.entries[at].id}, true, m.s.delete(sh, at)
}

// recreate makes an object under an id that the merchant chose and that was
// deleted before, or is deleted now, in the same second.
func (m *Mutator) recreate() (Change, bool, error) {
	sh := m.shelf(func(k *kind) bool { return k.customID })
	if sh == nil {
		return Change{}, false, nil
	}
	at, ok := youngDeleted(sh)
	if !ok || m.r.IntN(3) == 0 {
		if at, ok = m.s.drawLive(m.r, sh); !ok {
			return Change{}, false, nil
		}
		if err := m.s.delete(sh, at); err != nil {
			return Change{}, false, err
		}
	}
	return Change{Recreated, sh.kind.name, m.s.create(sh, sh.entries[at].id)}, true, nil
}

// cancel ends what can be canceled.
func (m *Mutator) cancel() (Change, bool, error) {
	if m.r.IntN(2) == 0 {
		sh, at, _, ok := m.pick("payment_intents", status("requires_action", "requires_capture", "requires_confirmation", "requires_payment_method"))
		if !ok {
			return Change{}, false, nil
		}
		patch := fmt.Sprintf(`{"status":"canceled","canceled_at":%d,"cancellation_reason":"abandoned"}`, m.s.Ticks())
		return Change{Canceled, sh.kind.name, sh.entries[at].id}, true, m.s.update(sh, at, []byte(patch))
	}
	sh, at, _, ok := m.pick("subscriptions", status("active", "trialing", "past_due", "unpaid", "incomplete", "paused"))
	if !ok {
		return Change{}, false, nil
	}
	return Change{Canceled, sh.kind.name, sh.entries[at].id}, true, m.s.delete(sh, at)
}

// refund gives back a part or all of a charge. The refund has an event of its
// own only half of the time, as older accounts see it.
func (m *Mutator) refund() (Change, bool, error) {
	sh, at, o, ok := m.pick("charges", func(o []member) bool {
		return text(find(o, "status")) == "succeeded" && number(find(o, "amount")) > number(find(o, "amount_refunded"))
	})
	if !ok {
		return Change{}, false, nil
	}
	s, id := m.s, sh.entries[at].id
	amount, before := number(find(o, "amount")), number(find(o, "amount_refunded"))
	back := amount - before
	if m.r.IntN(2) == 0 {
		back = 1 + m.r.Int64N(back)
	}
	currency := find(o, "currency")
	types := s.shelves["refunds"].kind.created
	if m.r.IntN(2) == 0 {
		types = nil
	}
	refund := s.add(s.shelves["refunds"], []member{
		{"charge", []byte(quote(id))}, {"amount", []byte(itoa(back))}, {"currency", currency}, {"status", []byte(`"succeeded"`)},
		{"payment_intent", find(o, "payment_intent")},
	}, types)
	s.add(s.shelves["balance_transactions"], []member{
		{"amount", []byte(itoa(-back))}, {"fee", []byte("0")}, {"net", []byte(itoa(-back))}, {"currency", currency},
		{"type", []byte(`"refund"`)}, {"reporting_category", []byte(`"refund"`)}, {"source", []byte(quote(refund))},
	}, nil)
	s.change(sh, at, []member{{"amount_refunded", []byte(itoa(before + back))}, {"refunded", []byte(boolean(before+back == amount))}}, []string{"charge.refunded"})
	return Change{Refunded, sh.kind.name, id}, true, nil
}

// finalize issues a draft invoice; every second one is paid in the same second.
func (m *Mutator) finalize() (Change, bool, error) {
	sh, at, o, ok := m.pick("invoices", status("draft"))
	if !ok {
		return Change{}, false, nil
	}
	id := sh.entries[at].id
	err := m.s.update(sh, at, []byte(`{"status":"open","attempted":true,"number":"FIN-`+m.serial()+`"}`))
	if err == nil && m.r.IntN(2) == 0 {
		due := itoa(number(find(o, "amount_due")))
		err = m.s.update(sh, at, []byte(`{"status":"paid","paid":true,"amount_remaining":0,"amount_paid":`+due+`}`))
	}
	return Change{Finalized, sh.kind.name, id}, true, err
}

// preview sends invoice.upcoming, whose invoice has no id and cannot be read.
func (m *Mutator) preview() (Change, bool, error) {
	sh, _, o, ok := m.pick("invoices", func([]member) bool { return true })
	if !ok {
		return Change{}, false, nil
	}
	m.s.emit([]string{"invoice.upcoming"}, writeMembers(slices.DeleteFunc(o, func(f member) bool { return f.name == "id" })), nil)
	return Change{Previewed, sh.kind.name, ""}, true, nil
}

// churn adds, edits or removes an element of a list that belongs to an object.
func (m *Mutator) churn() (Change, bool, error) {
	sh := m.shelf(func(k *kind) bool { return len(m.lively(k)) > 0 })
	if sh == nil {
		return Change{}, false, nil
	}
	match := func([]member) bool { return true }
	switch sh.kind.name {
	case "invoices":
		match = status("draft")
	case "subscriptions":
		match = status("active", "trialing", "past_due", "unpaid", "incomplete", "paused")
	}
	sh, at, _, ok := m.pick(sh.kind.name, match)
	if !ok {
		return Change{}, false, nil
	}
	lists := m.lively(sh.kind)
	c := lists[m.r.IntN(len(lists))]
	if c.closed != nil && c.closed(m.s.raw(sh, at)) {
		return Change{}, false, nil
	}
	m.churnList(sh, at, c)
	return Change{Churned, sh.kind.name + "." + c.name, sh.entries[at].id}, true, nil
}

// lively lists the children that come and go.
func (m *Mutator) lively(k *kind) []*child {
	var list []*child
	for i := range k.children {
		if c := &k.children[i]; !c.frozen && (c.tells() || c.shown(k) && (m.o.Silent || len(k.updated) > 0)) {
			list = append(list, c)
		}
	}
	return list
}

// elementEdits are the patches for elements that have no metadata.
var elementEdits = map[string]string{
	"tax_id":     `{"verification":{"status":"verified","verified_address":null,"verified_name":"Name %d"}}`,
	"capability": `{"requested_at":%d}`,
}

// elementEdit is a patch for an element of a list, or "" when it never changes.
func (m *Mutator) elementEdit(component string) string {
	if patch, ok := elementEdits[component]; ok {
		return patch
	}
	if m.s.world.doc.components[component].Properties["metadata"] == nil {
		return ""
	}
	return `{"metadata":{"serial":"%d"}}`
}

// churning is what is done to one list: the list after it, the element that
// went, came or changed, what that was before, and the types of its events.
type churning struct {
	list              [][]byte
	element, previous []byte
	types             []string
}

// churnList does one thing to one list, with its events: those about the
// element first, then those about the object that shows it.
func (m *Mutator) churnList(sh *shelf, at int, c *child) {
	s := m.s
	before, _ := readMembers(s.raw(sh, at)) // the fake holds valid objects only
	old := s.childrenOf(sh, at, c)
	var done churning
	switch choice, own := m.r.IntN(5), c.tells(); {
	case choice == 0 && len(old) > 1 && (!own || len(c.deleted) > 0):
		done = m.removeElement(c, old)
	case choice == 1 && len(old) > 0 && (!own || len(c.updated) > 0) && len(c.parent) == 0 && m.elementEdit(c.components[0]) != "":
		done = m.editElement(c, old)
	default:
		done = m.addElement(sh, at, c, old)
	}
	s.setChildren(sh, at, c, done.list)
	s.emit(done.types, done.element, done.previous)
	after, _ := readMembers(s.raw(sh, at))
	changed := difference(before, after)
	if shown := find(before, c.name); len(changed) == 0 && shown != nil && !c.tells() {
		changed = []member{{c.name, shown}} // of a list that goes on behind what is shown of it
	}
	if len(changed) == 0 {
		return
	}
	types := sh.kind.updated
	if len(c.parent) > 0 {
		types = c.parent
	}
	s.emit(types, writeMembers(after), writeMembers(changed))
}

func (m *Mutator) removeElement(c *child, old [][]byte) churning {
	at := m.r.IntN(len(old))
	return churning{slices.Delete(slices.Clone(old), at, at+1), old[at], nil, c.deleted}
}

func (m *Mutator) editElement(c *child, old [][]byte) churning {
	at := m.r.IntN(len(old))
	was, _ := readMembers(old[at])
	changes, _ := readMembers([]byte(strings.ReplaceAll(m.elementEdit(text(find(was, "object"))), "%d", m.serial())))
	is := merge(was, changes)
	list := slices.Clone(old)
	list[at] = writeMembers(is)
	return churning{list, list[at], writeMembers(difference(was, is)), c.updated}
}

// addElement puts a new element where Stripe does: behind the others in what a
// person writes, before them in what happens by itself.
func (m *Mutator) addElement(sh *shelf, at int, c *child, old [][]byte) churning {
	s := m.s
	d := s.world.draw(sh.kind, at, s.Ticks(), "object")
	d.facts() // it draws the currency, which the elements share
	element := d.element(c, sh.entries[at].id, "added "+m.serial()+" ", len(old))
	list := append([][]byte{element}, old...)
	if c.make != nil {
		list = append(slices.Clone(old), element)
	}
	if c.counts != "" {
		s.count(sh, at, c.counts, memberNumber(element, "amount"))
	}
	if c.latest != "" {
		members, _ := readMembers(s.raw(sh, at)) // the fake holds valid objects only
		sh.entries[at].raw = writeMembers(set(members, c.latest, []byte(quote(memberText(element, "id")))))
	}
	types := c.created
	if len(types) == 0 {
		types = c.updated
	}
	return churning{list, element, nil, types}
}
