package table

import (
	"bytes"
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
	// Integration, if not "", keeps the tables of several sources apart: with IntegrationAs "schema" it is the schema in
	// the place of Schema, with "prefix" or "" it stands with an underscore ahead of every table's name.
	Integration, IntegrationAs string
	// SchemaMapping gives streams whose name begins with one of its keys and a hyphen a schema of their own, before all
	// other settings: with src -> raw, the stream src-orders goes to the table orders in the schema raw. The longest key
	// counts.
	SchemaMapping map[string]string
	// Names are the names that columns of the stream have, by their [Column.Path]: they are kept, and no other column gets
	// one of them. Names of paths that the SCHEMA does not have count too; that of [OwnPath] does not.
	Names map[string]string
	// Flatten makes columns of what lies below properties.
	Flatten Flatten
	// Method, HardDelete and Conflict are copied to the [Table].
	Method     Method
	HardDelete bool
	Conflict   Conflict
	// Metadata appends the columns of the list [Metadata] (setting add_record_metadata). Without it, the table has those
	// of them that its load method needs: [DeletedAt] and [TableVersion] for HardDelete and [History], and [ExtractedAt]
	// for History.
	Metadata bool
}

// Compile makes the Table that holds the records of a SCHEMA message. Its columns are the properties in the order of
// the SCHEMA's text, each with the narrowest [Type] that holds every value the SCHEMA allows without changing it, then
// the metadata, and for [History] then [ValidFrom] and [ValidTo]. A property that has the name of one of Metadata's
// columns and may have values of its type is the tap's word on it: it takes the place of the column tapline would fill,
// with that column's type. A table that would have no column at all has the column [Extra].
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
	record, err := readRecord(s.Schema, o.Flatten.levels())
	if fault := (*propertyError)(nil); errors.As(err, &fault) {
		return fail(fault.property, fault.err)
	}
	if err != nil {
		return fail("", err)
	}
	t := &Table{Stream: s.Stream, Method: o.Method, HardDelete: o.HardDelete, Conflict: o.Conflict}
	t.Schema, t.Name = o.Place(s.Stream)
	t.addLeaves(record.leaves(nil, s.KeyProperties), o)
	if t.Key, err = t.findKey(s.KeyProperties); err != nil {
		return fail("", err)
	}
	for _, i := range t.Key {
		t.Columns[i].Nullable = false
	}
	t.addOwn(o)
	if len(t.Columns) == 0 {
		return t.WithExtra(), nil
	}
	return t, nil
}

// WithExtra returns t with the column [Extra] behind all others but those of [History], or t itself if it has that
// column.
func (t *Table) WithExtra() *Table {
	at := len(t.Columns)
	if t.Method == History && at >= 2 && t.Columns[at-1].Name == ValidTo {
		at -= 2
	}
	if at > 0 && t.Columns[at-1].Name == Extra {
		return t
	}
	wide := *t
	wide.Columns = slices.Insert(slices.Clone(t.Columns), at, Column{Name: Extra, Type: JSON, Nullable: true})
	return &wide
}

// WithType returns t with the type of one of its columns, given by its index, replaced by that of c, of which only Type,
// Precision and Scale count.
func (t *Table) WithType(column int, c Column) *Table {
	other := *t
	other.Columns = slices.Clone(t.Columns)
	at := &other.Columns[column]
	at.Type, at.Precision, at.Scale = c.Type, c.Precision, c.Scale
	return &other
}

func (t *Table) addLeaves(leaves []leaf, o Options) {
	wishes := make([]wish, len(leaves))
	for i, l := range leaves {
		wishes[i] = wish{path: pathOf(l.path), depth: len(l.path), name: o.Flatten.name(l.path), own: len(l.path) == 1 && l.mayBeOwn()}
	}
	for i, name := range columnNames(wishes, o.Names) {
		l := leaves[i]
		column := l.column()
		for _, m := range Metadata {
			if m.Name == name {
				column = Column{Type: m.Type}
			}
		}
		column.Name, column.Property, column.Nullable = name, l.path[0], true
		if len(l.path) > 1 {
			column.Below = l.path[1:]
		}
		t.Columns = append(t.Columns, column)
		t.Rules = append(t.Rules, l.rule(l.required))
	}
}

// findKey returns the indexes of the key's columns in the order of the SCHEMA's key_properties, each once.
func (t *Table) findKey(properties []string) ([]int, error) {
	var key []int
	for _, name := range properties {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Property == name && c.Below == nil })
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

// readRecord reads the JSON Schema of a record, and as many levels below its properties as levels says.
func readRecord(schema []byte, levels int) (object, error) {
	start := rawjson.SkipSpace(schema, 0)
	end, err := rawjson.Skip(schema, start)
	if err != nil {
		return object{}, fmt.Errorf("the SCHEMA's schema is not JSON: %w", err)
	}
	r := &schemaReader{root: bytes.Clone(schema[start:end]), resolved: map[string][]byte{}}
	a, err := r.allowed(r.root)
	if err != nil {
		return object{}, err
	}
	if a.kinds&ObjectKind == 0 {
		return object{}, errors.New(`the SCHEMA's schema does not describe an object; a record is one, so it needs "type": "object"`)
	}
	record, err := r.object(r.root, levels)
	if err == nil && !r.found {
		err = errors.New("the SCHEMA's schema has no properties; list the record's properties in it, or an empty object to keep whole records in " + Extra)
	}
	return record, err
}
