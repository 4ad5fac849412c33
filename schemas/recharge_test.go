package schemas_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"

	"tapline/schemas"
)

func TestRechargeStreamDescribesOneStream(t *testing.T) {
	got, err := schemas.RechargeStream("collection_products")
	if err != nil {
		t.Fatal(err)
	}
	want := schemas.Stream{
		Name: "collection_products", KeyProperties: []string{"collection_id", "external_product_id"},
		Schema: []byte(`{"type":"object","required":["collection_id","external_product_id"],"properties":{` +
			`"collection_id":{"type":"integer"},"created_at":{"type":["null","string"],"format":"date-time"},` +
			`"external_product_id":{"type":"string"},"updated_at":{"type":["null","string"],"format":"date-time"}},` +
			`"additionalProperties":true}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestRechargeStreamRefusesAnUnknownName(t *testing.T) {
	for _, name := range []string{"charge", "../stripe/charges", "testdata/charges"} {
		if _, err := schemas.RechargeStream(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error is %v, want one that wraps fs.ErrNotExist", name, err)
		}
	}
}

func TestRechargeNamesAreAllStreams(t *testing.T) {
	names := schemas.RechargeNames()
	if len(names) != 31 || !slices.IsSorted(names) {
		t.Errorf("%d names: %v", len(names), names)
	}
}

func TestRechargeSchemasKeepTheirPromises(t *testing.T) {
	for _, name := range schemas.RechargeNames() {
		t.Run(name, func(t *testing.T) {
			s, root := rechargeShape(t, name)
			if _, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(s.Schema)); err != nil {
				t.Fatalf("not a JSON Schema: %v", err)
			}
			if diff := cmp.Diff(s.KeyProperties, root.Required); diff != "" {
				t.Errorf("required fields (-key +got):\n%s", diff)
			}
			for _, key := range s.KeyProperties {
				if p := root.Properties[key]; p == nil || p.Type != "string" && p.Type != "integer" {
					t.Errorf("the key %s is neither text nor a whole number that is always there", key)
				}
				delete(root.Properties, key)
			}
			if cursor := root.Properties[s.ReplicationKey]; s.ReplicationKey != "" && (cursor == nil || cursor.Format != "date-time") {
				t.Errorf("the replication key %q is not a date-time", s.ReplicationKey)
			}
			for name, property := range root.Properties {
				property.checkOneType(t, name)
			}
		})
	}
}

// checkOneType is for schemas whose every property has one type beside null.
func (s *shape) checkOneType(t *testing.T, path string) {
	types, _ := s.Type.([]any)
	anyValue := s.Type == nil && slices.Contains(untyped, path)
	if !anyValue && (len(types) != 2 || types[0] != "null") {
		t.Errorf("%s: type is %v, not null and one other", path, s.Type)
	}
	if s.Enum != nil || s.Required != nil {
		t.Errorf("%s: has an enum or required fields", path)
	}
	if s.Format != "" && (s.Format != "date-time" && s.Format != "date" || !slices.Contains(types, any("string"))) {
		t.Errorf("%s: format %q with type %v", path, s.Format, types)
	}
	if slices.Contains(types, any("object")) != (string(s.AdditionalProperties) == "true") {
		t.Errorf("%s: type %v with additional properties %s", path, types, s.AdditionalProperties)
	}
	if slices.Contains(types, any("array")) != (s.Items != nil) {
		t.Errorf("%s: type %v with items %v", path, types, s.Items)
	}
	for name, property := range s.Properties {
		property.checkOneType(t, path+"."+name)
	}
	if s.Items != nil {
		s.Items.checkOneType(t, path+"[]")
	}
}

// untyped are the only properties that may hold anything.
var untyped = []string{"custom_attributes[].value", "updated_attributes[].previous_value", "updated_attributes[].value"}

// The samples are typed apart from the tables: a field that only one side has was forgotten or misspelt on the other.
func TestRechargeSamplesHaveTheFieldsOfTheSchemas(t *testing.T) {
	for _, name := range schemas.RechargeNames() {
		text, err := os.ReadFile("recharge/testdata/" + name + ".json")
		if err != nil {
			t.Error(err)
			continue
		}
		var sample any
		if err := json.Unmarshal(text, &sample); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, root := rechargeShape(t, name)
		want, got := map[string]bool{}, map[string]bool{}
		root.fields("", want)
		root.fieldsOf(sample, "", got)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: fields (-schema +sample):\n%s", name, diff)
		}
	}
}

// fields collects the paths of all properties that s names.
func (s *shape) fields(path string, found map[string]bool) {
	if s.Items != nil {
		s.Items.fields(path+"[]", found)
	}
	for name, property := range s.Properties {
		found[path+"."+name] = true
		property.fields(path+"."+name, found)
	}
}

// fieldsOf collects the paths of all members of a value, but for those of objects that s leaves open.
func (s *shape) fieldsOf(value any, path string, found map[string]bool) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			if s.Items != nil {
				s.Items.fieldsOf(item, path+"[]", found)
			}
		}
	case map[string]any:
		for name, member := range value {
			if s.Properties == nil {
				return
			}
			found[path+"."+name] = true
			if property := s.Properties[name]; property != nil {
				property.fieldsOf(member, path+"."+name, found)
			}
		}
	}
}

func rechargeShape(t *testing.T, name string) (schemas.Stream, *shape) {
	t.Helper()
	s, err := schemas.RechargeStream(name)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != name {
		t.Errorf("the file of %s is that of %s", name, s.Name)
	}
	root := &shape{}
	if err := json.Unmarshal(s.Schema, root); err != nil {
		t.Fatal(err)
	}
	return s, root
}
