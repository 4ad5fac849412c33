package schemas_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"

	"tapline/schemas"
)

func TestStripeReturnsEveryStreamSortedByName(t *testing.T) {
	streams, err := schemas.Stripe()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range streams {
		names = append(names, s.Name)
	}
	if !slices.IsSorted(names) {
		t.Errorf("the names are not sorted: %v", names)
	}
	if diff := cmp.Diff(names, schemas.StripeNames()); diff != "" {
		t.Errorf("names (-streams +names):\n%s", diff)
	}
	for _, name := range []string{"balance_transactions", "charges", "invoice_line_items", "payout_transactions", "tax_rates"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no stream %s", name)
		}
	}
}

func TestNoAliasIsAmbiguous(t *testing.T) {
	streams, err := schemas.Stripe()
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	for _, s := range streams {
		owner[s.Name] = s.Name
	}
	aliases := 0
	for _, s := range streams {
		for _, alias := range s.Aliases {
			aliases++
			if other := owner[alias]; other != "" {
				t.Errorf("%s is another name of %s and of %s", alias, s.Name, other)
			}
			owner[alias] = s.Name
		}
	}
	if aliases == 0 {
		t.Error("no stream has an alias, so this test shows nothing")
	}
}

func TestStripeStreamDescribesOneStream(t *testing.T) {
	got, err := schemas.StripeStream("checkout_session_line_items")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(got.Schema) || slices.Contains(got.Schema, '\n') {
		t.Errorf("schema is not compact JSON: %s", got.Schema)
	}
	got.Schema = nil
	want := schemas.Stream{
		Name: "checkout_session_line_items", Object: "item", Aliases: []string{"checkout_sessions_line_items"},
		KeyProperties: []string{"session", "id"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestStripeStreamRefusesAnUnknownName(t *testing.T) {
	_, err := schemas.StripeStream("../config/tap-stripe")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want one that wraps fs.ErrNotExist", err)
	}
}

func TestStripeSchemasKeepTheirPromises(t *testing.T) {
	streams, err := schemas.Stripe()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		t.Run(s.Name, func(t *testing.T) {
			if _, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(s.Schema)); err != nil {
				t.Fatalf("not a JSON Schema: %v", err)
			}
			var root shape
			if err := json.Unmarshal(s.Schema, &root); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.KeyProperties, root.Required); diff != "" {
				t.Errorf("required fields (-key +got):\n%s", diff)
			}
			for _, key := range s.KeyProperties {
				if root.Properties[key] == nil || root.Properties[key].Type != "string" {
					t.Errorf("the key %s is not a string that is always there", key)
				}
			}
			if cursor := root.Properties[s.ReplicationKey]; s.ReplicationKey != "" && (cursor == nil || cursor.Format != "date-time") {
				t.Errorf("the replication key %q is not a date-time", s.ReplicationKey)
			}
			for _, key := range s.KeyProperties {
				delete(root.Properties, key)
			}
			for name, property := range root.Properties {
				property.check(t, name)
			}
		})
	}
}

// shape is a part of a generated schema as a reader of the file sees it.
type shape struct {
	Type                 any
	Format               string
	Required             []string
	Enum                 []any
	Properties           map[string]*shape
	Items                *shape
	AdditionalProperties json.RawMessage
}

func (s *shape) check(t *testing.T, path string) {
	types, _ := s.Type.([]any)
	if len(types) < 2 || types[0] != "null" {
		t.Errorf("%s: type is %v, not a list that begins with null", path, s.Type)
	}
	if s.Enum != nil || s.Required != nil {
		t.Errorf("%s: has an enum or required fields", path)
	}
	if s.Format != "" && (s.Format != "date-time" || !slices.Contains(types, any("string"))) {
		t.Errorf("%s: format %q with type %v", path, s.Format, types)
	}
	if slices.Contains(types, any("object")) && (s.AdditionalProperties == nil || string(s.AdditionalProperties) == "false") {
		t.Errorf("%s: an object that admits no field without a name", path)
	}
	if slices.Contains(types, any("array")) != (s.Items != nil) {
		t.Errorf("%s: type %v with items %v", path, types, s.Items)
	}
	for name, property := range s.Properties {
		property.check(t, path+"."+name)
	}
	if s.Items != nil {
		s.Items.check(t, path+"[]")
	}
}
