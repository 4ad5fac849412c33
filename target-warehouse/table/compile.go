package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tapline/internal/rawjson"
	"tapline/singer"
)

// Options are the settings of a load that shape its tables.
type Options struct {
	// Schema is the schema of the warehouse in which tables are made; "" for the engine's default.
	Schema string
	// Method, HardDelete and Conflict are copied to the [Table].
	Method     Method
	HardDelete bool
	Conflict   Conflict
	// Metadata appends the columns of the list [Metadata] (setting add_record_metadata).
	Metadata bool
}

// Compile makes the Table that holds the records of a SCHEMA message. Its columns are the properties in the order of
// the SCHEMA's text, each with the narrowest [Type] that holds every value the SCHEMA allows without changing it, then
// the metadata. A property whose name is one of Metadata's is the tap's: it takes the place of the column tapline would
// fill. A table that would have no column at all has the column [Extra].
//
// Compile is pure: equal messages and options give equal tables. A failure is a *[singer.RecordError] that says what
// about the SCHEMA cannot be taken.
func Compile(s *singer.Schema, o Options) (*Table, error) {
	fail := func(field string, err error) (*Table, error) {
		return nil, &singer.RecordError{Stream: s.Stream, Field: field, Err: err}
	}
	if s.Stream == "" || strings.Contains(s.Stream, "\x00") {
		return fail("", fmt.Errorf("%q cannot be the name of a stream; the tap must send one without NUL characters", s.Stream))
	}
	properties, err := readProperties(s.Schema)
	if fault := (*propertyError)(nil); errors.As(err, &fault) {
		return fail(fault.property, fault.err)
	}
	if err != nil {
		return fail("", err)
	}
	t := &Table{Stream: s.Stream, Schema: o.Schema, Name: s.Stream, Method: o.Method, HardDelete: o.HardDelete, Conflict: o.Conflict}
	t.addProperties(properties)
	if t.Key, err = t.findKey(s.KeyProperties); err != nil {
		return fail("", err)
	}
	for _, i := range t.Key {
		t.Columns[i].Nullable = false
	}
	if o.Metadata {
		t.addMetadata()
	}
	if len(t.Columns) == 0 {
		return t.WithExtra(), nil
	}
	return t, nil
}

// WithExtra returns t with the column [Extra] behind all others, or t itself if it has that column.
func (t *Table) WithExtra() *Table {
	if n := len(t.Columns); n > 0 && t.Columns[n-1].Name == Extra {
		return t
	}
	wide := *t
	wide.Columns = append(slices.Clone(t.Columns), Column{Name: Extra, Type: JSON, Nullable: true})
	return &wide
}

func (t *Table) addProperties(properties []property) {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	for i, name := range columnNames(names) {
		column := Column{Name: name, Property: names[i], Type: properties[i].values.columnType(), Nullable: true}
		t.Columns = append(t.Columns, column)
	}
}

func (t *Table) addMetadata() {
	declared := t.Columns
	for _, m := range Metadata {
		if !slices.ContainsFunc(declared, func(c Column) bool { return c.Name == m.Name }) {
			t.Columns = append(t.Columns, m)
		}
	}
}

// findKey returns the indexes of the key's columns in the order of the SCHEMA's key_properties, each once.
func (t *Table) findKey(properties []string) ([]int, error) {
	var key []int
	for _, name := range properties {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Property == name })
		if i < 0 {
			return nil, t.noSuchKey(name)
		}
		if !slices.Contains(key, i) {
			key = append(key, i)
		}
	}
	return key, nil
}

func (t *Table) noSuchKey(name string) error {
	hint := "add it to the SCHEMA's properties or take it out of key_properties"
	for _, c := range t.Columns {
		if strings.EqualFold(c.Property, name) {
			hint = fmt.Sprintf("it has %q, and names of properties are told apart by case", c.Property)
		}
	}
	return fmt.Errorf("key_properties names %q, which the SCHEMA does not have as a property; %s", name, hint)
}

// readProperties reads the JSON Schema of a record.
func readProperties(schema []byte) ([]property, error) {
	start := rawjson.SkipSpace(schema, 0)
	end, err := rawjson.Skip(schema, start)
	if err != nil {
		return nil, fmt.Errorf("the SCHEMA's schema is not JSON: %w", err)
	}
	r := &schemaReader{root: schema[start:end]}
	values, err := r.values(r.root)
	if err != nil {
		return nil, err
	}
	if values&object == 0 {
		return nil, errors.New(`the SCHEMA's schema does not describe an object; a record is one, so it needs "type": "object"`)
	}
	properties, err := r.properties(r.root)
	if err == nil && !r.found {
		err = errors.New("the SCHEMA's schema has no properties; list the record's properties in it, or an empty object to keep whole records in " + Extra)
	}
	return properties, err
}
