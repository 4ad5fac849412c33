package stripefake

import "strings"

// Discounts have no list and no path: other objects show their ids, and the discounts themselves when they are asked to
// expand them. https://docs.stripe.com/api/discounts/object

// discount makes a discount of its id alone, so that it is the same wherever it is shown.
func (w *world) discount(id string) []byte {
	d := &draw{Rand: w.random("discount "+id, 0, "object"), world: w, kind: &kind{name: "discounts", component: "discount"}, created: w.now - 30*day}
	given := fields{"id": quote(id), "start": itoa(d.created - d.Int64N(100*day)), "end": "null", "checkout_session": "null",
		"subscription": "null", "invoice": "null", "invoice_item": "null"}
	return d.object(nil, w.doc.components["discount"], given, 2)
}

func isDiscount(id string) bool { return strings.HasPrefix(id, prefixes["discount"]) }

// discounts draws the discounts of an object that can have several: a list of ids, and beside it the one discount, which is
// not shown if there are more.
func (d *draw) discounts(f fields) fields {
	r := d.world.random(d.kind.name, d.index, "discounts")
	ids := make([]string, max(0, r.IntN(6)-2)) // none for every second object, up to three
	for i := range ids {
		ids[i] = prefixes["discount"] + token(r, 24)
	}
	f["discount"], f["discounts"] = "null", "[]"
	if len(ids) > 0 {
		f["discounts"] = `["` + strings.Join(ids, `","`) + `"]`
	}
	if len(ids) == 1 {
		f["discount"] = string(d.world.discount(ids[0]))
	}
	return f
}
