package stripefake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faults compares a value with its schema and lists what does not fit.
func faults(s *schema, value any, at string) []string {
	if s.target != nil {
		return faults(s.target, value, at)
	}
	if value == nil {
		if s.Nullable {
			return nil
		}
		return []string{at + ": null"}
	}
	if len(s.AnyOf) > 0 {
		var all []string
		for _, option := range s.AnyOf {
			list := faults(option, value, at)
			if len(list) == 0 {
				return nil
			}
			all = append(all, list...)
		}
		return all
	}
	switch v := value.(type) {
	case map[string]any:
		if s.Type == "object" {
			return memberFaults(s, v, at)
		}
	case []any:
		if s.Type == "array" {
			var list []string
			for i, e := range v {
				list = append(list, faults(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
			}
			return list
		}
	case string:
		if s.Type == "string" && (len(s.Enum) == 0 || slices.Contains(s.Enum, v)) && (s.MaxLength == 0 || len([]rune(v)) <= s.MaxLength) {
			return nil
		}
	case bool:
		if s.Type == "boolean" {
			return nil
		}
	case json.Number:
		if s.Type == "number" || s.Type == "integer" && !strings.ContainsAny(v.String(), ".eE") {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %v is no %s", at, value, s.Type)}
}

func memberFaults(s *schema, v map[string]any, at string) []string {
	var list []string
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			list = append(list, at+"."+name+": missing")
		}
	}
	for name, value := range v {
		p := s.Properties[name]
		switch {
		case p != nil:
			list = append(list, faults(p, value, at+"."+name)...)
		case s.members != nil:
			list = append(list, faults(s.members, value, at+"."+name)...)
		case len(s.Properties) > 0 && !strings.HasPrefix(name, "x_"):
			list = append(list, at+"."+name+": not in the document")
		}
	}
	return list
}

func decode(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

func TestObjectsFitTheirComponent(t *testing.T) {
	fake, _ := start(t, Options{Seed: 5, Objects: 1200, AllKinds: true})
	if _, err := fake.Mutate(100, 1); err != nil {
		t.Fatal(err)
	}
	for _, k := range append(fake.world.kinds, eventsKind) {
		t.Run(k.name, func(t *testing.T) {
			raws, err := fake.Objects(k.name, k.expandOnly...)
			if err != nil {
				t.Fatal(err)
			}
			component := fake.world.doc.components[k.component]
			for _, raw := range raws {
				if list := faults(component, decode(t, raw), k.component); list != nil {
					t.Fatalf("%s\n%s", strings.Join(list, "\n"), raw)
				}
			}
		})
	}
}

func TestSingletonsFitTheirComponent(t *testing.T) {
	_, c := start(t, Options{Seed: 6, Objects: 50})
	for name, component := range singletons {
		status, _, body := c.do("GET", "/v1/"+name, "")
		if list := faults(must(loadDocument()).components[component], decode(t, body), name); status != 200 || list != nil {
			t.Errorf("%d %s\n%s", status, strings.Join(list, "\n"), body)
		}
	}
}

func TestEveryMemberOfTheDocumentAppears(t *testing.T) {
	counts := map[string]int{}
	for _, k := range allKinds() {
		counts[k.name] = 150
	}
	fake, _ := start(t, Options{Counts: counts})
	for _, k := range fake.world.kinds {
		raws, err := fake.Objects(k.name, k.expandOnly...)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, raw := range raws {
			for name := range decode(t, raw) {
				got[name] = true
			}
		}
		want := map[string]bool{"x_new_field": true, "x_new_empty": true}
		for name := range fake.world.doc.components[k.component].Properties {
			want[name] = true
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s (-document +objects):\n%s", k.name, diff)
		}
	}
}

// The members that facts decide are left out: an invoice always has a customer.
func TestBothNullAndValueOfEveryNullableMemberAppear(t *testing.T) {
	counts := map[string]int{}
	for _, k := range allKinds() {
		counts[k.name] = 120
	}
	fake, _ := start(t, Options{Counts: counts})
	for _, k := range fake.world.kinds {
		seen := map[string][2]bool{}
		decided := fake.world.draw(k, 0, fake.world.now, "object").facts()
		decided["test_clock"] = "null"
		raws, err := fake.Objects(k.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range raws {
			for name, v := range decode(t, raw) {
				both := seen[name]
				both[0], both[1] = both[0] || v == nil, both[1] || v != nil
				seen[name] = both
			}
		}
		for name, p := range fake.world.doc.components[k.component].Properties {
			_, fixed := decided[name]
			if p.Nullable && !fixed && !slices.Contains(k.expandOnly, name) && seen[name] != [2]bool{true, true} {
				t.Errorf("%s.%s: null and value seen: %v", k.component, name, seen[name])
			}
		}
	}
}

func TestDigitsThatAFloatLosesAppear(t *testing.T) {
	fake, _ := start(t, Options{Objects: 2000})
	all := strings.Join(oracle(t, fake, "charges"), "\n") + strings.Join(oracle(t, fake, "balance_transactions"), "\n") + strings.Join(oracle(t, fake, "tax_rates"), "\n")
	for _, digits := range []string{":90071992547", `"percentage":20.0`, `2.50`, `\ud83d\ude80`, "🚀", `\u00e9`} {
		if !strings.Contains(all, digits) {
			t.Errorf("%s appears nowhere", digits)
		}
	}
}

func TestIDsOfOurKindsInsideObjectsExist(t *testing.T) {
	fake, _ := start(t, Options{Objects: 600})
	for _, kind := range []string{"subscriptions", "invoices", "charges", "payment_intents", "refunds", "prices"} {
		for _, raw := range oracle(t, fake, kind) {
			o := decode(t, []byte(raw))
			for member, of := range map[string]string{"customer": "customers", "invoice": "invoices", "charge": "charges",
				"payment_intent": "payment_intents", "balance_transaction": "balance_transactions", "product": "products"} {
				if id, ok := o[member].(string); ok {
					if _, err := fake.Object(of, id); err != nil {
						t.Fatalf("%s.%s: %v", kind, member, err)
					}
				}
			}
		}
	}
}

func TestLongEmbeddedListsAreCutAndContinued(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	for kind, member := range map[string]string{"invoices": "lines", "subscriptions": "items"} {
		long := 0
		for _, raw := range oracle(t, fake, kind) {
			var o map[string]json.RawMessage
			var shown page
			if json.Unmarshal([]byte(raw), &o) != nil || json.Unmarshal(o[member], &shown) != nil {
				t.Fatalf("%s has no list %s: %s", kind, member, raw)
			}
			if !shown.HasMore {
				continue
			}
			long++
			sep := "?"
			if strings.Contains(shown.URL, "?") {
				sep = "&"
			}
			status, _, body := c.do("GET", shown.URL+sep+"limit=100", "")
			var rest page
			if err := json.Unmarshal(body, &rest); err != nil || status != 200 {
				t.Fatalf("%s: %d %s", shown.URL, status, body)
			}
			if len(shown.Data) != 10 || len(rest.Data) <= 10 || rest.HasMore {
				t.Fatalf("%s: %d shown, %d at %s", kind, len(shown.Data), len(rest.Data), shown.URL)
			}
			for i := range shown.Data {
				if compact(t, shown.Data[i]) != compact(t, rest.Data[i]) {
					t.Fatalf("element %d differs", i)
				}
			}
		}
		if long == 0 {
			t.Errorf("no %s has more than ten %s", kind, member)
		}
	}
}
