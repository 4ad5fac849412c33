package stripefake

import (
	"encoding/json"
	"net/url"
	"testing"
)

// Objects show ids of discounts, and discounts where they are asked to.
func TestDiscountsAreShownOnDemand(t *testing.T) {
	_, c := start(t, Options{Seed: 5, Counts: map[string]int{"invoices": 40, "subscriptions": 40, "customers": 5, "coupons": 2}})
	for _, l := range []struct{ list, below string }{{"invoices", "lines"}, {"subscriptions?status=all", "items"}} {
		plain := whole(t, c, "/v1/"+l.list)
		path, query, _ := cutQuery(l.list)
		query["expand[]"] = []string{"data.discounts", "data." + l.below + ".data.discounts"}
		query.Set("limit", "100")
		shown := c.list("/v1/"+path, query).Data
		several, below := 0, 0
		for i := range shown {
			var ids struct {
				Discount  json.RawMessage
				Discounts []string
			}
			var full struct {
				Discount     json.RawMessage
				Discounts    []json.RawMessage
				Lines, Items struct {
					Data []struct{ Discounts []json.RawMessage }
				}
			}
			if err := json.Unmarshal([]byte(plain[i]), &ids); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(shown[i]), &full); err != nil {
				t.Fatal(err)
			}
			if one := string(ids.Discount) != "null"; one != (len(ids.Discounts) == 1) || one && string(compact(t, full.Discounts[0])) != string(compact(t, full.Discount)) {
				t.Errorf("%s beside %s", ids.Discount, full.Discounts)
			}
			for at, id := range ids.Discounts {
				if memberText(full.Discounts[at], "id") != id || memberText(full.Discounts[at], "object") != "discount" {
					t.Errorf("discount %s is shown as %s", id, full.Discounts[at])
				}
			}
			if len(ids.Discounts) > 1 {
				several++
			}
			for _, element := range append(full.Lines.Data, full.Items.Data...) {
				for _, discount := range element.Discounts {
					if below++; memberText(discount, "object") != "discount" {
						t.Errorf("an element of %s shows the discount %s", l.below, discount)
					}
				}
			}
		}
		if several == 0 || below == 0 {
			t.Errorf("%s: %d with several discounts, %d below", l.list, several, below)
		}
	}
	if status, _, _ := c.do("GET", "/v1/invoices?expand[]=data.lines.data.discounts.coupon", ""); status != 400 {
		t.Errorf("five levels are answered with %d", status)
	}
}

func cutQuery(list string) (path string, query url.Values, err error) {
	u, err := url.Parse(list)
	if err != nil {
		return "", nil, err
	}
	return u.Path, u.Query(), nil
}
