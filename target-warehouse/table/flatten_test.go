package table

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nested = `{"properties":{
	"id":{"type":"object","properties":{"n":{"type":"integer"}}},
	"address":{"type":["null","object"],"required":["city"],"properties":{
		"city":{"type":"string"},
		"geo":{"type":"object","properties":{"lat":{"type":"number"},"at":{"type":"string","format":"date-time"}}},
		"tags":{"type":"array","items":{"type":"string"}},
		"more":{"type":"object"}}},
	"either":{"anyOf":[{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}}},{"type":"null"},{"type":"object","properties":{"a":{"type":"string"}}}]},
	"mixed":{"type":["object","string"],"properties":{"a":{}}},
	"untyped":{"properties":{"a":{}}},
	"empty":{"type":"object","properties":{}}}}`

func TestFlattenDissolvesObjectsDownToItsDepth(t *testing.T) {
	const above, rest = "id id json", "mixed mixed json null\nuntyped untyped json null\nempty empty json null"
	for depth, want := range []string{
		"address address json null\neither either json null",
		"address__city address.city text null\naddress__geo address.geo json null\naddress__tags address.tags json null\naddress__more address.more json null\n" +
			"either__a either.a text null\neither__b either.b text null",
		"address__city address.city text null\naddress__geo__lat address.geo.lat number null\naddress__geo__at address.geo.at timestamp null\n" +
			"address__tags address.tags json null\naddress__more address.more json null\neither__a either.a text null\neither__b either.b text null",
	} {
		got, err := Compile(message(nested, "id"), Options{Flatten: Flatten{Enabled: true, MaxDepth: depth}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(above+"\n"+want+"\n"+rest, "\n"), describe(got)); diff != "" {
			t.Errorf("%d levels (-want +got):\n%s", depth, diff)
		}
		if len(got.Rules) != len(got.Columns) {
			t.Errorf("%d levels: %d rules for %d columns", depth, len(got.Rules), len(got.Columns))
		}
	}
	off, _ := Compile(message(nested, "id"), Options{Flatten: Flatten{MaxDepth: 9}})
	if len(off.Columns) != 6 {
		t.Errorf("switched off, it gives %v", describe(off))
	}
}

func TestFlattenKeepsTheRulesOfWhatLiesBelow(t *testing.T) {
	got, err := Compile(message(nested, "id"), Options{Flatten: Flatten{Enabled: true, MaxDepth: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{Kinds: StringKind, Required: true}, {Kinds: ObjectKind}}
	if diff := cmp.Diff(want, got.Rules[1:3]); diff != "" {
		t.Errorf("rules differ (-want +got):\n%s", diff)
	}
}

func TestFlattenMakesCollidingNamesUnique(t *testing.T) {
	got, err := Compile(message(`{"properties":{"a":{"type":"object","properties":{"b__c":{},"B":{},"b":{"type":"object","properties":{"c":{}}}}},
		"a__b__c":{"type":"integer"},"_sdc":{"type":"object","properties":{"sequence":{"type":"integer"}}}}}`, "a__b__c"),
		Options{Metadata: true, Flatten: Flatten{Enabled: true, MaxDepth: 5, Separator: "__"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a__b__c__8386fb61 a.b__c json null", "a__B a.B json null", "a__b__c__5818a909 a.b.c json null", "a__b__c a__b__c integer", "_sdc__sequence _sdc.sequence integer null"}
	if diff := cmp.Diff(want, describe(got)[:5]); diff != "" {
		t.Errorf("columns differ (-want +got):\n%s", diff)
	}
}

func TestFlattenLeavesMetadataNamesToProperties(t *testing.T) {
	got, err := Compile(message(`{"properties":{"":{"type":"object","properties":{"sdc_sequence":{"type":"integer"}}}}}`),
		Options{Metadata: true, Flatten: Flatten{Enabled: true, MaxDepth: 1, Separator: "_"}})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Columns[0]; c.Name == "_sdc_sequence" || len(got.Columns) != 8 {
		t.Errorf("columns are %v", describe(got))
	}
}

func TestFlattenAbbreviatesNamesThatAreTooLong(t *testing.T) {
	for _, c := range []struct {
		most int
		path string
		want string
	}{
		{255, "shipping_address.geoLocation.lat", "shipping_address__geoLocation__lat"},
		{34, "shipping_address.geoLocation.lat", "sa__geoLocation__lat"},
		{35, "shipping_address.geoLocation.lat", "shipping_address__geoLocation__lat"},
		{20, "shipping_address.geoLocation.lat", "sa__gl__lat"},
		{5, "shipping_address.geoLocation.lat", "sa__gl__lat"},
		{5, "shipping_address.geoLocation.latitude", "sa__gl__lat"},
		{5, "HTTPServer.id2", "https__i2"},
		{5, "über.x", "übe__x"},
		{5, "a_very_long_property", "a_very_long_property"},
	} {
		if got := (Flatten{MaxKeyLength: c.most}).name(strings.Split(c.path, ".")); got != c.want {
			t.Errorf("%s in %d characters is %s, want %s", c.path, c.most, got, c.want)
		}
	}
	if got := (Flatten{Separator: "."}).name([]string{"a", "b"}); got != "a.b" {
		t.Errorf("with a dot between them a and b are %s", got)
	}
}

func TestFlattenEndsOnSchemasThatContainThemselves(t *testing.T) {
	got, err := Compile(message(`{"properties":{"node":{"$ref":"#/d/node"}},"d":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#/d/node"}}}}}`),
		Options{Flatten: Flatten{Enabled: true, MaxDepth: 100}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"node__v node.v integer null", "node__next node.next json null"}, describe(got)); diff != "" {
		t.Errorf("columns differ (-want +got):\n%s", diff)
	}
}

func TestFlattenTellsTheWholePathOfAFault(t *testing.T) {
	_, err := Compile(message(`{"properties":{"a":{"type":"object","properties":{"b":{"type":"datetime"}}}}}`), Options{Flatten: Flatten{Enabled: true, MaxDepth: 1}})
	if err == nil || !strings.Contains(err.Error(), `a.b`) {
		t.Errorf("the fault is told as %v", err)
	}
}
