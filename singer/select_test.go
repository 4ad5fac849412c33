package singer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shop is a catalog with nested, open and automatic properties.
func shop() *Catalog {
	charges := NewStream("charges", json.RawMessage(`{"properties":{
		"id":{"type":"string"},"created":{"type":"string"},"amount":{"type":"integer"},"customer_id":{"type":"string"},
		"billing_details":{"type":"object","properties":{"email":{"type":"string"},"address":{"type":"object","properties":{"city":{"type":"string"},"zip":{"type":"string"}}}}},
		"outcome":{"type":"object","properties":{"type":{"type":"string"},"reason":{"type":"string"}}},
		"lines":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"},"price":{"type":"integer"}}}},
		"metadata":{"type":"object","additionalProperties":{"type":"string"}}}}`), []string{"id"}, "created")
	customers := NewStream("customers", json.RawMessage(`{"$ref":"#/$defs/customer","$defs":{"customer":{"properties":{
		"id":{"type":"string"},"email":{"type":"string"},"metadata":{"type":"object"},"parent":{"$ref":"#/$defs/customer"}}}}}`), []string{"id"}, "")
	public := NewStream("public.items", json.RawMessage(`{"properties":{"a.b":{},"c":{}}}`), nil, "")
	return &Catalog{Streams: []*Stream{charges, customers, public}}
}

// selected lists what is selected, as stream.path.
func selected(c *Catalog) string {
	paths := map[string][]string{
		"charges": {"id", "created", "amount", "customer_id", "billing_details", "billing_details.email", "billing_details.address.city",
			"outcome", "outcome.type", "outcome.reason", "lines", "lines.sku", "lines.price", "metadata", "metadata.x", "unknown"},
		"customers": {"id", "email", "metadata", "metadata.x", "parent", "parent.email"},
	}
	var list []string
	for _, s := range c.Streams {
		if s.Selected() {
			list = append(list, s.ID)
		}
		for _, path := range paths[s.ID] {
			if s.FieldSelected(strings.Split(path, ".")...) {
				list = append(list, s.ID+"."+path)
			}
		}
	}
	return strings.NewReplacer("charges", "ch", "customers", "cu", "billing_details", "bd", "public.items", "pi").Replace(strings.Join(list, " "))
}

func TestSelectPatterns(t *testing.T) {
	const (
		charges = "ch ch.id ch.created ch.amount ch.customer_id ch.bd ch.bd.email ch.bd.address.city " +
			"ch.outcome ch.outcome.type ch.outcome.reason ch.lines ch.lines.sku ch.lines.price ch.metadata ch.metadata.x ch.unknown"
		customers = "cu cu.id cu.email cu.metadata cu.metadata.x cu.parent cu.parent.email"
		all       = charges + " " + customers + " pi"
	)
	for patterns, want := range map[string]string{
		"":                                  all,
		"*.*":                               all,
		"*":                                 all,
		"charges.*":                         charges,
		"charges":                           charges,
		"ch?rges.*":                         charges,
		"[cd]harges.*":                      charges,
		"[!d]harges.*":                      charges,
		"*s.*,!customers.*":                 charges + " pi",
		"!customers":                        charges + " pi",
		"charges.amount":                    "ch ch.id ch.created ch.amount",
		"charges.id":                        "ch ch.id ch.created",
		"charges.*_id":                      "ch ch.id ch.created ch.customer_id",
		"charges.billing_details":           "ch ch.id ch.created ch.bd ch.bd.email ch.bd.address.city",
		"charges.billing_details.email":     "ch ch.id ch.created ch.bd ch.bd.email",
		"charges.billing_details.*.city":    "ch ch.id ch.created ch.bd ch.bd.address.city",
		"*.*.type":                          "ch ch.id ch.created ch.outcome ch.outcome.type ch.metadata cu cu.id cu.metadata cu.parent pi", // what is open may hold a type
		"charges.lines.sku":                 "ch ch.id ch.created ch.lines ch.lines.sku",
		"charges.metadata.x":                "ch ch.id ch.created ch.metadata ch.metadata.x",
		"charges.amount,!charges.a*":        "",
		"charges.*,!charges.*":              "",
		"!charges.*,charges.amount":         "",
		"charges.outcome,!*.outcome.reason": "ch ch.id ch.created ch.outcome ch.outcome.type",
		"charges.lines,!charges.lines.sku":  "ch ch.id ch.created ch.lines ch.lines.price",
		"charges.lines,!charges.lines":      "",
		"charges.*,!charges.id":             charges,
		"charges.*,!charges.metadata.x":     strings.ReplaceAll(charges, " ch.metadata.x", ""),
		"customers.*,!*.*email*":            "cu cu.id cu.metadata cu.metadata.x cu.parent",
		"*.email":                           "cu cu.id cu.email",
		"!*.metadata":                       strings.NewReplacer(" ch.metadata.x", "", " cu.metadata.x", "", " ch.metadata", "", " cu.metadata", "").Replace(all),
		`public\.items.*`:                   "pi",
		`public\.items.a\.b`:                "pi",
		`public*.c`:                         "pi",
	} {
		c := shop()
		var list []string
		if patterns != "" {
			list = strings.Split(patterns, ",")
		}
		if err := c.Select(list); err != nil {
			t.Errorf("%s: %v", patterns, err)
			continue
		}
		if diff := cmp.Diff(strings.Fields(want), strings.Fields(selected(c))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", patterns, diff)
		}
	}
}

func TestSelectOverridesWhatMetadataSays(t *testing.T) {
	entry := func(name string) string {
		return `{"stream":"` + name + `","schema":{"properties":{"id":{},"a":{},"b":{},"u":{},"o":{"properties":{"x":{},"y":{}}}}},"metadata":[` + strings.Join([]string{
			metadataOf(`[]`, "", "false", ""), metadataOf(`["properties","id"]`, "automatic", "", ""),
			metadataOf(`["properties","a"]`, "available", "false", ""), metadataOf(`["properties","b"]`, "available", "true", ""),
			metadataOf(`["properties","u"]`, "unsupported", "true", ""), metadataOf(`["properties","o"]`, "automatic", "", ""),
		}, ",") + `]}`
	}
	c := catalogOf(t, entry("s"), entry("t"), `{"stream":"u","schema":{"properties":{"a":{}}},"metadata":[`+metadataOf("[]", "unsupported", "true", "")+`]}`)
	if err := c.Select([]string{"s.a", "s.u", "t.u", "u.a", "!s.o.x"}); err != nil {
		t.Fatal(err)
	}
	s := c.Stream("s")
	got := []bool{s.Selected(), s.FieldSelected("id"), s.FieldSelected("a"), s.FieldSelected("b"), s.FieldSelected("u"),
		s.FieldSelected("o"), s.FieldSelected("o", "x"), s.FieldSelected("o", "y"), c.Stream("t").Selected(), c.Stream("u").Selected()}
	want := []bool{true, true, true, false, false, true, false, true, false, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("s, id, a, b, u, o, o.x, o.y, t, u (-want +got):\n%s", diff)
	}
}

func TestSelectOnStreamsWithoutKnownProperties(t *testing.T) {
	for patterns, want := range map[string]bool{"s.*": true, "s.a": true, "!s.a": true, "!s.*": false, "s.a,!s": false, "other.*": false} {
		c := catalogOf(t, `{"stream":"s","schema":{}}`, `{"stream":"other","schema":{}}`)
		if err := c.Select(strings.Split(patterns, ",")); err != nil {
			t.Fatal(err)
		}
		if c.Stream("s").Selected() != want {
			t.Errorf("%s: selected %v", patterns, !want)
		}
	}
}

func TestSelectTakesOnlyWhatCanHoldAProperty(t *testing.T) {
	s := NewStream("s", json.RawMessage(`{"properties":{"o":{"anyOf":[{"type":"object"},{"properties":{"a":{"type":"string"}}}]},"p":{"type":"string"}}}`), nil, "")
	if err := (&Catalog{Streams: []*Stream{s}}).Select([]string{"s.*.*.b"}); err != nil {
		t.Fatal(err)
	}
	if !s.FieldSelected("o") || !s.FieldSelected("o", "unknown", "b") || s.FieldSelected("o", "a") || s.FieldSelected("p") {
		t.Errorf("o %v, o.unknown.b %v, o.a %v, p %v", s.FieldSelected("o"), s.FieldSelected("o", "unknown", "b"), s.FieldSelected("o", "a"), s.FieldSelected("p"))
	}
}

func TestSelectListsAllPatternsThatMatchNothing(t *testing.T) {
	c := shop()
	err := c.Select([]string{
		"charges.*", "charge.*", "invoices.*", "x*.id", "charges.amuont", "charges.billing_details.adress.city", "!*.secret",
		"!charges.nothing", "charges.amount.cents", "charges.zzz*", "", "!", "charges.", ".id", "[z-a].id", "!*.*city", "charges.outcome.*.zip", "charges.*.zip",
	})
	var faults *ConfigError
	if !errors.As(err, &faults) {
		t.Fatalf("failure is %v", err)
	}
	want := []string{
		`The pattern "" lacks a name; write stream.property, as in "charges.amount" or "!*.metadata".`,
		`The pattern "!" lacks a name; write stream.property, as in "charges.amount" or "!*.metadata".`,
		`The pattern "charges." lacks a name; write stream.property, as in "charges.amount" or "!*.metadata".`,
		`The pattern ".id" lacks a name; write stream.property, as in "charges.amount" or "!*.metadata".`,
		`The pattern "charge.*" matches no stream: "charge" is unknown. Did you mean "charges"?`,
		`The pattern "invoices.*" matches no stream: "invoices" is unknown.`,
		`The pattern "x*.id" matches no stream.`,
		`The pattern "charges.amuont" matches no property: "amuont" is unknown. Did you mean "amount"?`,
		`The pattern "charges.billing_details.adress.city" matches no property: "adress" is unknown. Did you mean "address"?`,
		`The pattern "!*.secret" matches no property: "secret" is unknown.`,
		`The pattern "!charges.nothing" matches no property: "nothing" is unknown.`,
		`The pattern "charges.amount.cents" matches no property: "cents" is unknown.`,
		`The pattern "charges.zzz*" matches no property.`,
		`The pattern "[z-a].id" matches no stream: "[z-a]" is unknown.`,
		`The pattern "charges.outcome.*.zip" matches no property: "zip" is unknown.`,
	}
	if diff := cmp.Diff(want, faults.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if !c.Stream("customers").FieldSelected("email") {
		t.Error("patterns with faults change the selection")
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, yes, no string
	}{
		{"a", "a", "A,ab,"}, {"*", "a,,a.b,a\nb", ""}, {"a*", "a,ab,a.b", "ba"}, {"*a*b", "ab,xaxxb", "ba,abc"}, {"?", "a,é", ",ab"},
		{"[a-c]x", "ax,cx", "dx,x"}, {"[!a-c]x", "dx,!x", "ax,x"}, {"[^a]", "^,a", "b"}, {`[\]`, `\`, "a"}, {"[[]", "[", "a"},
		{"[a", "[a", "a"}, {"[]", "[]", "a"}, {"[!]", "[!]", "a"}, {`a\.b`, "a.b", "axb"}, {`\*`, "*", "a"}, {"a+(b)*", "a+(b),a+(b)c", "ab,aab"},
		{"a.b", "a.b", "axb"}, {`a\`, `a\`, "a"},
	} {
		g := newGlob(c.glob)
		for _, name := range strings.Split(c.yes, ",") {
			if !g.match(name) {
				t.Errorf("%q does not match %q", c.glob, name)
			}
		}
		for _, name := range strings.Split(c.no, ",") {
			if c.no != "" && g.match(name) {
				t.Errorf("%q matches %q", c.glob, name)
			}
		}
	}
}
