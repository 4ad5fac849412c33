package table

import "testing"

func TestPlaceOfAStream(t *testing.T) {
	mapping := map[string]string{"src": "raw", "src-eu": "raw_eu", "a.b": "ab"}
	for _, c := range []struct {
		name, stream string
		options      Options
		want         string
	}{
		{"by itself", "orders", Options{}, ".orders"},
		{"in a schema", "orders", Options{Schema: "main"}, "main.orders"},
		{"with a prefix", "orders", Options{Schema: "main", Integration: "shop"}, "main.shop_orders"},
		{"with a prefix by name", "orders", Options{Integration: "shop", IntegrationAs: "prefix"}, ".shop_orders"},
		{"with a schema of its own", "orders", Options{Schema: "main", Integration: "shop", IntegrationAs: "schema"}, "shop.orders"},
		{"without an integration there is no other schema", "orders", Options{Schema: "main", IntegrationAs: "schema"}, "main.orders"},
		{"mapped", "src-orders", Options{Schema: "main", SchemaMapping: mapping}, "raw.orders"},
		{"the longest source counts", "src-eu-orders", Options{SchemaMapping: mapping}, "raw_eu.orders"},
		{"the rest keeps its hyphens", "src-big-orders", Options{SchemaMapping: mapping}, "raw.big-orders"},
		{"a source with a dot", "a.b-c", Options{SchemaMapping: mapping}, "ab.c"},
		{"another source", "sources-orders", Options{Schema: "main", SchemaMapping: mapping}, "main.sources-orders"},
		{"nothing behind the source", "src-", Options{Schema: "main", SchemaMapping: mapping}, "main.src-"},
		{"the source alone", "src", Options{SchemaMapping: mapping}, ".src"},
		{"mapped, of an integration with a schema", "src-orders", Options{Integration: "shop", IntegrationAs: "schema", SchemaMapping: mapping}, "raw.orders"},
		{"mapped, with a prefix", "src-orders", Options{Integration: "shop", SchemaMapping: mapping}, "raw.shop_orders"},
	} {
		s := message(`{"properties":{"a":{}}}`)
		s.Stream = c.stream
		got, err := Compile(s, c.options)
		if err != nil || got.Schema+"."+got.Name != c.want || got.Stream != c.stream {
			t.Errorf("%s: %+v, %v; want %s", c.name, got, err, c.want)
		}
	}
}

// TestHazardStreamNamesWithDotsDashesAndSlashes: a name is taken apart only where the config says so.
func TestHazardStreamNamesWithDotsDashesAndSlashes(t *testing.T) {
	for _, stream := range []string{"public-users", "a.b.c", "x/y", `quote"d`, "é", "test:SpecialChars!in?attributes"} {
		s := message(`{"properties":{}}`)
		s.Stream = stream
		got, err := Compile(s, Options{})
		if err != nil || got.Name != stream || got.Schema != "" {
			t.Errorf("%q becomes %+v, %v", stream, got, err)
		}
	}
}
