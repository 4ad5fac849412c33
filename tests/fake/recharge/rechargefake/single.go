package rechargefake

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// store is the only store.
func (s *Server) store() []byte {
	k := &kind{name: "store", fields: storeFields}
	d := s.world.draw(k, 0, moments{s.world.now - 900*dayMicros, s.world.now - 30*dayMicros}, "object")
	d.members(k.fields, facts{"id": itoa(s.world.store), "created_at": d.at(d.created), "updated_at": d.at(d.updated)})
	return d.b
}

// tokenInformation is what a token may know of itself.
func tokenInformation(t Token) []byte {
	name := t.Name
	if name == "" {
		name = "fake token"
	}
	scopes, _ := json.Marshal(t.scopes()) // text always encodes
	return []byte(`{"client":{"name":"Fake Store","contact_email":"owner@example.com"},"contact_email":"owner@example.com",` +
		`"name":` + quote(name) + `,"scopes":` + string(scopes) + `}`)
}

// creditSummary is the credit of one customer.
func (s *Server) creditSummary(e *entry) []byte {
	d := s.world.draw(s.world.byName["customers"], s.shelves["customers"].position[e.id], moments{e.created, e.updated}, "credit")
	d.members([]field{{"customer_id", fixed(itoa(e.id))}, {"total_available_balance", money},
		{"currency_code", text("USD")}}, nil)
	return d.b
}

var deliveryLine = object(
	field{"subscription_id", ref("subscriptions")}, field{"external_product_id", ecommerce},
	field{"external_variant_id", ecommerce}, field{"images", images},
	field{"is_prepaid?", truth}, field{"is_skippable", truth}, field{"is_skipped?", truth},
	field{"original_price?", money},
	field{"plan_type", orNull(0.1, text("subscription", "onetime"))}, field{"product_title", phrase},
	field{"properties", properties}, field{"quantity", number(1, 9)},
	field{"subtotal_price", money}, field{"unit_price", money}, field{"variant_title", orNull(0.2, phrase)},
)

var deliveryOrder = object(
	field{"id", orNull(0.5, ref("orders"))}, field{"address_id", ref("addresses")},
	field{"charge_id", orNull(0.5, ref("charges"))},
	field{"line_items", list(1, 2, deliveryLine)}, field{"order_subtotal?", money},
	field{"payment_method", object(field{"id", ref("payment_methods")}, field{"billing_address", address},
		field{"payment_details", fixed(`{"brand":"visa","last4":"4242"}`)})},
	field{"shipping_address", address},
)

// deliverySchedule is what one customer will get, and when: without a wrapper.
func (s *Server) deliverySchedule(e *entry, query url.Values) ([]byte, *apiError) {
	count := 2
	if text, ok := query["delivery_count_future"]; ok {
		n, err := strconv.Atoi(text[0])
		if err != nil || n < 1 {
			return nil, invalid("delivery_count_future", "Not a valid integer.")
		}
		count = n
	}
	until := s.Ticks() + 365*dayMicros
	if text, ok := query["date_max"]; ok {
		t, err := time.Parse(time.DateOnly, text[0])
		if err != nil {
			return nil, invalid("date_max", "Not a valid date.")
		}
		until = t.UnixMicro()
	}
	return s.schedule(e, count, until), nil
}

func (s *Server) schedule(e *entry, count int, until int64) []byte {
	customers := s.shelves["customers"]
	raw := s.raw(customers, e)
	d := s.world.draw(customers.kind, customers.position[e.id], moments{e.created, e.updated}, "deliveries")
	var who []member
	for _, name := range []string{"id", "email", "first_name", "last_name"} {
		who = append(who, member{name, memberRaw(raw, name)})
	}
	d.raw(`{"customer":` + string(writeMembers(who)) + `,"deliveries":[`)
	for i := range d.IntN(3) {
		at := e.updated + int64(i+1)*14*dayMicros
		if i >= count || at > until {
			break
		}
		if i > 0 {
			d.raw(",")
		}
		d.raw(`{"date":` + day(at) + `,"orders":`)
		list(1, 2, deliveryOrder)(d)
		d.raw("}")
	}
	d.raw("]}")
	return d.b
}
