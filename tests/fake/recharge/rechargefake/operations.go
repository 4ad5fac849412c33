package rechargefake

import (
	"slices"
	"strconv"
	"strings"
)

// derived are kinds whose objects come only from what happens to others, or cannot be found without others.
var derived = []string{"events", "products"}

func (m *Mutator) create() (Change, bool) {
	sh := m.shelf(func(k *kind) bool { return !slices.Contains(derived, k.name) })
	if sh == nil {
		return Change{}, false
	}
	return Change{Created, sh.kind.name, m.s.create(sh, nil).id}, true
}

// edits are the members that edit replaces, as JSON with a serial number for each #.
var edits = map[string][]string{
	"customers":            {`{"email":"changed.#@example.com"}`, `{"first_name":null,"phone":"+1#"}`, `{"has_payment_method_in_dunning":true}`},
	"payment_methods":      {`{"status":"invalid","status_reason":"expired_card"}`, `{"payment_details":{"brand":"visa","exp_month":1,"exp_year":2031,"last4":"0#"}}`},
	"subscriptions":        {`{"price":"#.50"}`, `{"quantity":#}`, `{"properties":[{"name":"note","value":"nr #"}]}`},
	"onetimes":             {`{"quantity":#}`, `{"price":"#.00"}`},
	"credit_accounts":      {`{"available_balance":"#.25"}`},
	"credit_adjustments":   {`{"note":"corrected #"}`},
	"charges":              {`{"note":"note #"}`, `{"tags":"changed, #"}`},
	"orders":               {`{"note":"note #"}`, `{"status":"cancelled","error":"nr #"}`},
	"discounts":            {`{"status":"disabled"}`, `{"value":"#.00"}`},
	"plans":                {`{"title":"Plan #"}`, `{"sort_order":#}`},
	"products":             {`{"title":"Product #"}`},
	"collections":          {`{"title":"Collection #"}`},
	"bundle_selections":    {`{"items":[{"id":#,"collection_id":"1","quantity":2}]}`},
	"metafields_customer":  {`{"value":"tier #","value_type":"string"}`},
	"metafields_order":     {`{"value":#,"value_type":"integer"}`},
	"metafields_store":     {`{"value":"{\"rate\": #.0}","value_type":"json_string"}`},
	"retention_strategies": {`{"prevention_text":"Stay for # more"}`},
	"async_batches":        {`{"status":"completed","success_task_count":#}`},
	"async_batch_tasks":    {`{"status":"success","result":{"id":#}}`},
	"webhooks":             {`{"address":"https://hooks.example.com/#"}`},
}

func (m *Mutator) edit() (Change, bool) {
	sh := m.shelf(func(k *kind) bool { return edits[k.name] != nil })
	if sh == nil {
		return Change{}, false
	}
	_, e, _ := m.pick(sh.kind.name, anything)
	if e == nil {
		return Change{}, false
	}
	choices := edits[sh.kind.name]
	choice, serial := choices[m.r.IntN(len(choices))], itoa(1+m.r.Int64N(999_999))
	patch, _ := readMembers([]byte(strings.ReplaceAll(choice, "#", serial))) // the rows of the table are valid
	m.s.update(sh, e, patch, "updated")
	return Change{Updated, sh.kind.name, e.id}, true
}

// kept are kinds whose objects are not deleted.
var kept = []string{"events", "products", "plans", "orders", "accounts", "customers", "addresses", "credit_adjustments", "async_batch_tasks"}

func (m *Mutator) delete() (Change, bool) {
	if m.o.Keep {
		return Change{}, false
	}
	sh := m.shelf(func(k *kind) bool { return !slices.Contains(kept, k.name) })
	if sh == nil {
		return Change{}, false
	}
	match := anything
	if sh.kind.name == "charges" {
		match = status("queued") // a new plan takes the place of a queued charge
	}
	_, e, _ := m.pick(sh.kind.name, match)
	if e == nil {
		return Change{}, false
	}
	m.s.delete(sh, e)
	return Change{Deleted, sh.kind.name, e.id}, true
}

func (m *Mutator) cancel() (Change, bool) {
	now := m.s.Ticks()
	if m.r.IntN(3) == 0 {
		sh, e, _ := m.pick("onetimes", func(raw []byte) bool { return string(memberRaw(raw, "is_cancelled")) != "true" })
		if e == nil {
			return Change{}, false
		}
		m.s.update(sh, e, changes("is_cancelled", "true", "next_charge_scheduled_at", "null"), "cancelled")
		return Change{Cancelled, sh.kind.name, e.id}, true
	}
	sh, e, _ := m.pick("subscriptions", status("active"))
	if e == nil {
		return Change{}, false
	}
	m.s.update(sh, e, changes("status", `"cancelled"`, "cancelled_at", sh.kind.at(now), "cancellation_reason", `"Moving away"`,
		"next_charge_scheduled_at", "null"), "cancelled")
	return Change{Cancelled, sh.kind.name, e.id}, true
}

func (m *Mutator) skip() (Change, bool) {
	sh, e, _ := m.pick("charges", status("queued"))
	if e == nil {
		return Change{}, false
	}
	m.s.update(sh, e, changes("status", `"skipped"`), "skipped")
	return Change{Skipped, sh.kind.name, e.id}, true
}

// succeed pays a charge and makes the order that it stands for.
func (m *Mutator) succeed() (Change, bool) {
	sh, e, raw := m.pick("charges", status("queued", "error", "pending"))
	if e == nil {
		return Change{}, false
	}
	now := m.s.Ticks()
	m.s.update(sh, e, changes("status", `"success"`, "processed_at", sh.kind.at(now), "total_refunds", `"0.00"`), "paid")
	orders := m.s.shelves["orders"]
	transaction := `{"payment_processor":"ch_fake` + m.serial() + `"}`
	order := changes("status", `"success"`, "processed_at", orders.kind.at(now),
		"charge", `{"id":`+itoa(e.id)+`,"external_transaction_id":`+transaction+`}`)
	for _, name := range []string{"address_id", "customer", "currency", "total_price", "line_items"} {
		order = append(order, member{name, memberRaw(raw, name)})
	}
	m.s.create(orders, order)
	return Change{Succeeded, sh.kind.name, e.id}, true
}

// fail makes one more attempt to collect a charge fail. The log in its error grows.
func (m *Mutator) fail() (Change, bool) {
	sh, e, raw := m.pick("charges", status("queued", "error"))
	if e == nil {
		return Change{}, false
	}
	now := m.s.Ticks()
	attempts := int64(1)
	if n := memberRaw(raw, "charge_attempts"); n != nil {
		before, _ := strconv.ParseInt(string(n), 10, 64) // the fake wrote it
		attempts = before + 1
	}
	log := plainText(memberRaw(raw, "error")) +
		"None\n[" + m.s.Now().Format("2006-01-02 15:04:05") + "] ['Insufficient funds, nr " + m.serial() + "']\n"
	retry := sh.kind.at(now/dayMicros*dayMicros + 6*dayMicros + 4*3600*second)
	if attempts >= 6 {
		retry = "null"
	}
	m.s.update(sh, e, changes("status", `"error"`, "error", quote(log), "error_type", quote(errorTypes[m.r.IntN(len(errorTypes))]),
		"charge_attempts", itoa(attempts), "last_charge_attempt", sh.kind.at(now), "retry_date", retry), "failed")
	return Change{Failed, sh.kind.name, e.id}, true
}

func (m *Mutator) refund() (Change, bool) {
	sh, e, _ := m.pick("charges", status("success", "partially_refunded"))
	if e == nil {
		return Change{}, false
	}
	state := `"refunded"`
	if m.r.IntN(2) == 0 {
		state = `"partially_refunded"`
	}
	m.s.update(sh, e, changes("status", state, "total_refunds", quote(cents(1+m.r.Int64N(9999)))), "refunded")
	return Change{Refunded, sh.kind.name, e.id}, true
}

func (m *Mutator) move() (Change, bool) {
	sh, e, _ := m.pick("addresses", anything)
	if e == nil {
		return Change{}, false
	}
	m.s.update(sh, e, changes("address1", quote(m.serial()+" New Street"), "city", `"Łódź"`, "zip", quote(m.serial())), "updated")
	return Change{Moved, sh.kind.name, e.id}, true
}

// silence plans the next date of a subscription anew.
func (m *Mutator) silence() (Change, bool) {
	if !m.o.Silent {
		return Change{}, false
	}
	sh, e, _ := m.pick("subscriptions", status("active"))
	if e == nil {
		return Change{}, false
	}
	m.s.silence(sh, e, changes("next_charge_scheduled_at", day(m.s.Ticks()+(1+m.r.Int64N(60))*dayMicros)))
	return Change{Silenced, sh.kind.name, e.id}, true
}

// changes makes members of names and JSON text in turns.
func changes(pairs ...string) []member {
	var list []member
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, member{pairs[i], []byte(pairs[i+1])})
	}
	return list
}
