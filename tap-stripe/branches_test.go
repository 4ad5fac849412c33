package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// expectedDiscounts are the discounts that objects of some kinds show, by id.
func expectedDiscounts(t *testing.T, s *scenario, kinds ...string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, kind := range kinds {
		objects, err := s.fake.Objects(kind)
		s.must(t, err)
		for _, object := range objects {
			if id := textOf(member(member(object, "discount"), "id")); id != "" {
				ids[id] = true
			}
			for _, id := range discountIDs(t, object) {
				ids[id] = true
			}
		}
	}
	return ids
}

// discountIDs are the discounts that an object can have several of.
func discountIDs(t *testing.T, object []byte) (ids []string) {
	t.Helper()
	if list := member(object, "discounts"); list != nil {
		if err := json.Unmarshal(list, &ids); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func (s *scenario) mustHaveDiscounts(t *testing.T, kinds ...string) {
	t.Helper()
	want := expectedDiscounts(t, s, kinds...)
	for id := range want {
		if s.rows["discounts"][id] == "" {
			t.Errorf("discount %s is missing (%d of %d are there)", id, len(s.rows["discounts"]), len(want))
			return
		}
	}
	for id := range s.rows["discounts"] {
		if !want[id] {
			t.Errorf("discount %s should not be there", id)
			return
		}
	}
	if len(want) == 0 {
		t.Error("there are no discounts")
	}
}

// newDiscount is a discount as customers show it.
func newDiscount(id, customer, subscription string) string {
	text := `{"id":"` + id + `","object":"discount","coupon":null,"customer":"` + customer + `","start":1700000000,"end":null,"subscription":null}`
	if subscription != "" {
		text = strings.Replace(text, `"subscription":null`, `"subscription":"`+subscription+`"`, 1)
	}
	return text
}

func TestDiscountsAreThoseThatOtherObjectsShow(t *testing.T) {
	o := stripefake.Options{Seed: 81, Counts: map[string]int{"customers": 20, "subscriptions": 15, "invoices": 12, "coupons": 3}}
	for _, c := range []struct{ streams, kinds []string }{
		{[]string{"discounts"}, []string{"customers"}},
		{[]string{"discounts", "customers"}, []string{"customers"}},
		{[]string{"discounts", "subscriptions"}, []string{"customers", "subscriptions"}},
		{[]string{"discounts", "invoices", "subscriptions", "customers"}, []string{"customers", "subscriptions", "invoices"}},
	} {
		s := newScenario(t, 81, picksOf(t, c.streams...), o)
		s.sync(t, false)
		s.mustHaveDiscounts(t, c.kinds...)
		for _, id := range []int{2, 5} {
			customer := s.anID(t, "customers", id)
			s.must(t, s.fake.Update("customers", customer, []byte(`{"discount":`+newDiscount("di_new"+customer, customer, "")+`}`)))
		}
		s.must(t, s.fake.Update("customers", s.anID(t, "customers", 7), []byte(`{"discount":null}`)))
		subscription := s.anID(t, "subscriptions", 3)
		s.must(t, s.fake.Update("subscriptions", subscription, []byte(`{"discounts":["di_sub"],"discount":`+newDiscount("di_sub", "cus_1", subscription)+`}`)))
		advance(t, s.fake, 10*time.Minute)
		for _, m := range s.sync(t, false) {
			if r, ok := m.(*singer.Record); ok && r.Stream != "discounts" && strings.Contains(r.Stream, "discounts") {
				t.Fatalf("a record of %s", r.Stream)
			}
		}
		s.mustHaveDiscounts(t, c.kinds...)
	}
}

// Of several discounts objects show ids, and no discount beside them. Records show ids all the same.
func TestAllOfSeveralDiscountsAreFound(t *testing.T) {
	o := stripefake.Options{Seed: 83, Counts: map[string]int{"customers": 9, "subscriptions": 30, "invoices": 40, "invoiceitems": 30, "coupons": 3}}
	s := newScenario(t, 83, picksOf(t, "discounts", "invoices", "invoice_line_items", "subscriptions", "subscription_items", "invoice_items"), o)
	s.settings.PageSize = 10
	below := func() (ids []string) {
		for _, name := range []string{"invoice_line_items", "subscription_items"} {
			for _, object := range s.childrenOf(t, findStream(name)) {
				ids = append(ids, discountIDs(t, object)...)
			}
		}
		return ids
	}
	check := func() {
		t.Helper()
		rows := s.rows["discounts"]
		want := expectedDiscounts(t, s, "customers", "invoices", "subscriptions", "invoiceitems")
		for _, id := range below() {
			want[id] = true
		}
		for id := range want {
			if rows[id] == "" {
				t.Errorf("discount %s is missing", id)
			} else if textOf(member(json.RawMessage(rows[id]), "object")) != "discount" || member(json.RawMessage(rows[id]), "start") == nil {
				t.Errorf("discount %s is %s", id, rows[id])
			}
		}
		if len(rows) != len(want) {
			t.Errorf("%d rows for %d discounts", len(rows), len(want))
		}
		delete(s.rows, "discounts") // which have no list to compare them with
		s.compare(t)
		s.rows["discounts"] = rows
	}
	s.sync(t, false)
	check()
	if n := len(below()); n < 50 {
		t.Errorf("%d discounts of parts, too few to show anything", n)
	}
	advance(t, s.fake, time.Hour)
	gone := 0
	for _, kind := range []string{"invoices", "subscriptions"} {
		objects, err := s.fake.Objects(kind)
		s.must(t, err)
		for _, object := range objects {
			if ids := discountIDs(t, object); len(ids) > 2 && gone < 4 {
				gone++
				s.must(t, s.fake.Update(kind, textOf(member(object, "id")), []byte(`{"discounts":["`+ids[1]+`","di_more`+ids[0][3:]+`"]}`)))
			}
		}
	}
	if gone == 0 {
		t.Error("no object has three discounts")
	}
	advance(t, s.fake, 10*time.Minute)
	s.sync(t, false)
	check()
}

func TestIDsInThePlaceOfObjects(t *testing.T) {
	for _, c := range []struct{ object, path, want string }{
		{`{"a":[{"id":"x","b":1},"y",{"id":"z"}],"c":1}`, "a", `{"a":["x","y","z"],"c":1}`},
		{`{"l":{"data":[{"d":[{"id":"x"}]},{"d":[]},{"e":1},{"d":null}],"url":"/"}}`, "l data d", `{"l":{"data":[{"d":["x"]},{"d":[]},{"e":1},{"d":null}],"url":"/"}}`},
		{`{"a":{"id":"x"}}`, "a", `{"a":"x"}`},
		{`{"a":[{"no":"id"}]}`, "a", `{"a":[{"no":"id"}]}`},
		{`{"b":1.50}`, "a", `{"b":1.50}`},
		{`{}`, "a b", `{}`},
	} {
		if got := string(withIDs(json.RawMessage(c.object), strings.Fields(c.path))); got != c.want {
			t.Errorf("%s at %s is %s", c.object, c.path, got)
		}
	}
}

func TestExpansionsGoDownToThePartsOfParts(t *testing.T) {
	f := folding(t, "discounts", "invoices", "invoice_line_items", "customers")
	for name, want := range map[string]string{
		"invoices":           "data.lines.data.discounts data.discounts",
		"invoice_line_items": "data.discounts",
		"customers":          "",
	} {
		if got := strings.Join(f.byName[name].expand(), " "); got != want {
			t.Errorf("%s are asked for with %q, want %q", name, got, want)
		}
	}
}

// Who selects more later gets the discounts of that, too, and who leaves something out for a while misses none.
func TestDiscountsOfWhatIsSelectedLater(t *testing.T) {
	o := stripefake.Options{Seed: 82, Counts: map[string]int{"customers": 20, "subscriptions": 15, "invoices": 12, "coupons": 3}}
	s := newScenario(t, 82, picksOf(t, "customers", "invoices", "subscriptions"), o)
	s.sync(t, false)
	s.picks = picksOf(t, "discounts", "customers", "invoices")
	s.sync(t, false)
	s.mustHaveDiscounts(t, "customers", "invoices")
	s.picks = picksOf(t, "customers", "invoices", "subscriptions")
	for _, id := range []int{1, 4} {
		invoice := s.anID(t, "invoices", id)
		s.must(t, s.fake.Update("invoices", invoice, []byte(`{"discounts":["di_new`+invoice+`"],"discount":`+newDiscount("di_new"+invoice, "cus_1", "")+`}`)))
	}
	advance(t, s.fake, 10*time.Minute)
	s.sync(t, false)
	s.picks = picksOf(t, "customers", "invoices", "subscriptions", "discounts")
	advance(t, s.fake, 10*time.Minute)
	s.sync(t, false)
	for id := range expectedDiscounts(t, s, "customers", "subscriptions", "invoices") {
		if s.rows["discounts"][id] == "" {
			t.Fatalf("discount %s is missing", id)
		}
	}
}

func TestEventsOfDiscountsLeadToTheirOwners(t *testing.T) {
	f := folding(t, "discounts", "customers", "subscriptions", "invoices")
	for _, c := range []struct{ discount, stream, id string }{
		{newDiscount("di_1", "cus_1", ""), "customers", "cus_1"},
		{newDiscount("di_2", "cus_1", "sub_1"), "subscriptions", "sub_1"},
		{`{"id":"di_3","object":"discount","customer":"cus_1","invoice":"in_1"}`, "invoices", "in_1"},
		{`{"id":"di_4","object":"discount"}`, "", ""},
	} {
		w := newChanges()
		e, err := parseEvent([]byte(`{"id":"evt_1","type":"customer.discount.deleted","created":1700000000,"data":{"object":` + c.discount + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		f.route(w, &e)
		if c.stream == "" {
			if len(w.objects) > 0 {
				t.Errorf("%s leads to %v", c.discount, w.objects)
			}
			continue
		}
		change := w.objects[changeKey{job: f.byName[c.stream], id: c.id}]
		if len(w.objects) != 1 || change == nil || len(change.children) != 1 || change.deleted != 0 {
			t.Errorf("%s leads to %v", c.discount, w.objects)
		}
	}
}

func TestClosedReviewsAreFoundByWhatNamesThem(t *testing.T) {
	o := stripefake.Options{Seed: 84, Counts: map[string]int{"charges": 40, "payment_intents": 30, "reviews": 12}}
	named := func(s *scenario, kinds ...string) map[string]bool {
		ids := map[string]bool{}
		for _, kind := range kinds {
			objects, err := s.fake.Objects(kind)
			s.must(t, err)
			for _, object := range objects {
				if id := textOf(member(object, "review")); id != "" {
					ids[id] = true
				}
			}
		}
		reviews, err := s.fake.Objects("reviews")
		s.must(t, err)
		for _, review := range reviews {
			if string(member(review, "open")) == "true" {
				ids[textOf(member(review, "id"))] = true
			}
		}
		return ids
	}
	for _, c := range []struct{ streams, kinds []string }{
		{[]string{"reviews"}, nil},
		{[]string{"reviews", "charges"}, []string{"charges"}},
		{[]string{"reviews", "charges", "payment_intents"}, []string{"charges", "payment_intents"}},
	} {
		s := newScenario(t, 84, picksOf(t, c.streams...), o)
		s.sync(t, false)
		want := named(s, c.kinds...)
		if len(s.rows["reviews"]) != len(want) {
			t.Errorf("%v: %d of %d reviews", c.streams, len(s.rows["reviews"]), len(want))
		}
		for id, row := range s.rows["reviews"] {
			review, err := s.fake.Object("reviews", id)
			s.must(t, err)
			if !want[id] || string(member(json.RawMessage(row), "open")) != string(member(review, "open")) {
				t.Errorf("%v: review %s is %s", c.streams, id, row)
			}
		}
		if c.kinds != nil && len(want) <= len(named(s)) {
			t.Errorf("%v: no review is closed", c.streams)
		}
	}
}

// Runs that are cut find them all the same, and a key that may not read reviews reads charges.
func TestReviewsOfCutAndRefusedRuns(t *testing.T) {
	for seed := uint64(1); seed < 6; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		s := newScenario(t, seed, picksOf(t, "reviews", "charges", "discounts", "customers"), stripefake.Options{Seed: seed,
			Counts: map[string]int{"charges": 60, "payment_intents": 5, "reviews": 9, "customers": 30, "coupons": 2}})
		s.settings.PageSize = 5 + r.IntN(10)
		for range 3 {
			s.sync(t, true)
		}
		s.sync(t, false)
		s.mustHaveDiscounts(t, "customers")
		charges, err := s.fake.Objects("charges")
		s.must(t, err)
		for _, charge := range charges {
			if id := textOf(member(charge, "review")); id != "" && s.rows["reviews"][id] == "" {
				t.Fatalf("seed %d: review %s is missing", seed, id)
			}
		}
	}
	fake, _ := newFake(t, stripefake.Options{Seed: 85, Counts: map[string]int{"charges": 60, "reviews": 9}})
	refuse := true
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !refuse || !strings.HasPrefix(r.URL.Path, "/v1/reviews") {
			fake.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Date", fake.Now().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","message":"The key lacks 'rak_review_read'."}}`))
	})
	set := map[string]any{"select": []string{"charges.*", "reviews.*"}}
	first := runTap(t, url, "", set)
	got := table{}
	got.load(t, first.messages)
	if first.code != singer.ExitCredentials || len(got["charges"]) != 60 || !strings.Contains(lastLine(first.log), "stream reviews: ") {
		t.Errorf("it ends with %d and %d charges: %q", first.code, len(got["charges"]), lastLine(first.log))
	}
	refuse = false
	got.load(t, mustRun(t, url, lastState(first.messages), set).messages)
	charges, err := fake.Objects("charges")
	if err != nil {
		t.Fatal(err)
	}
	for _, charge := range charges {
		if id := textOf(member(charge, "review")); id != "" && got["reviews"][id] == "" {
			t.Fatalf("review %s is missing when the key was granted it", id)
		}
	}
}

func TestADiscountAsItWasBefore(t *testing.T) {
	const now = `{"id":"di_2","object":"discount","start":2,"end":null,"coupon":{"id":"B"}}`
	for _, c := range []struct{ now, old, want string }{
		{now, `{"id":"di_1","start":1}`, `{"object":"discount","end":null,"coupon":{"id":"B"},"id":"di_1","start":1}`},
		{now, `{"end":5}`, `{"id":"di_2","object":"discount","start":2,"coupon":{"id":"B"},"end":5}`},
		{"", `{"id":"di_1","object":"discount"}`, `{"id":"di_1","object":"discount"}`},
		{now, "", ""},
	} {
		if got := string(overlaid(json.RawMessage(c.now), json.RawMessage(c.old))); got != c.want {
			t.Errorf("%s over %s is %s, want %s", c.old, c.now, got, c.want)
		}
	}
}

// Prices that no list shows are read by what was sold for them, each once in a run.
func TestInlinePricesAreFoundByWhatNamesThem(t *testing.T) {
	o := stripefake.Options{Seed: 86, InlinePrices: true, Counts: map[string]int{"prices": 60, "products": 3, "subscriptions": 50, "invoices": 40, "customers": 5}}
	for _, names := range [][]string{{"prices"}, {"prices", "subscription_items"}, {"prices", "invoice_line_items", "subscriptions", "subscription_items"}} {
		s := newScenario(t, 86, picksOf(t, names...), o)
		s.settings.PageSize = 10
		s.sync(t, false)
		if n := s.countAsked("/v1/prices/"); n > 60 {
			t.Errorf("%v: %d single prices are asked for", names, n)
		}
		prices := picksOf(t, "prices")[0]
		maker, err := prices.records.take(prices.stream)
		s.must(t, err)
		all, err := s.fake.Objects("prices", "tiers", "currency_options")
		s.must(t, err)
		hidden, harvested := 0, 0
		listed := map[string]bool{}
		for _, active := range []string{"true", "false"} {
			for _, price := range s.ask(t, "/v1/prices", "active="+active, true) {
				listed[textOf(member(price, "id"))] = true
			}
		}
		for _, price := range all {
			id := textOf(member(price, "id"))
			row, ok := s.rows["prices"][id]
			if !listed[id] {
				hidden++
			}
			if !ok {
				continue
			}
			records, err := maker.make([]found{{object: price}}, "")
			s.must(t, err)
			if plainRecord(records[0]) != row {
				t.Errorf("price %s is\n%s\nwant\n%s", id, row, records[0])
			}
			if !listed[id] {
				harvested++
			}
		}
		if hidden == 0 || len(listed) == 0 || (harvested > 0) != (len(names) > 1) {
			t.Errorf("%v: %d of %d hidden prices are found, %d are listed", names, harvested, hidden, len(listed))
		}
		for _, name := range names[1:] {
			for _, object := range s.rows[name] {
				if id := textOf(member(member(json.RawMessage(object), "price"), "id")); id != "" && s.rows["prices"][id] == "" {
					if _, err := s.fake.Object("prices", id); err == nil {
						t.Fatalf("price %s of a row of %s is missing", id, name)
					}
				}
			}
		}
	}
}
