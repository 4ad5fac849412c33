package batch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// node is a field of a parquet schema and writes the values of it, row after row, as JSON. It follows the definition and
// repetition levels of its columns (https://parquet.apache.org/docs/file-format/nestedencoding/), which tell for every
// entry down to which field it has a value, and in which list it goes on. All columns below a node stand at the same row
// and list entry before and after each call.
type node struct {
	kind     kind
	name     string // `"name":` for a member of an object
	defined  int16  // entries of a lower definition level are NULL here; 0 for a field that is never NULL
	present  int16  // entries of a lower definition level are an empty list; for lists and maps
	repeated int16  // entries of this repetition level are the list's next element; for lists and maps
	children []*node
	columns  []*column // all that are below, at least one
}

type kind uint8

const (
	scalar  kind = iota
	record       // of its children
	list         // of its child
	mapping      // of its first child, the key, to its second
)

// compiler numbers the columns in the order of the schema.
type compiler struct {
	schema *schema.Schema
	next   int
}

// levels are those of a field's parent.
type levels struct{ definition, repetition int16 }

// compile makes the node of a file's rows.
func compile(s *schema.Schema) (*node, error) {
	c := &compiler{schema: s}
	n, err := c.object(s.Root(), levels{})
	if err == nil && len(n.columns) == 0 {
		err = errors.New("the parquet file has no columns")
	}
	return n, err
}

// field makes the node of a field, below what its own repetition makes of it.
func (c *compiler) field(n schema.Node, at levels) (*node, error) {
	if n.RepetitionType() == parquet.Repetitions.Repeated {
		// A list that is not marked as one.
		at.definition++
		at.repetition++
		element, err := c.value(n, at)
		return listOf(at, element), err
	}
	if n.RepetitionType() == parquet.Repetitions.Optional {
		at.definition++
	}
	out, err := c.value(n, at)
	if err == nil && n.RepetitionType() == parquet.Repetitions.Optional {
		out.defined = at.definition
	}
	return out, err
}

func (c *compiler) value(n schema.Node, at levels) (*node, error) {
	group, ok := n.(*schema.GroupNode)
	if !ok {
		leaf, err := newColumn(c.schema.Column(c.next), c.next)
		c.next++
		return &node{columns: []*column{leaf}}, err
	}
	switch group.LogicalType().(type) {
	case schema.ListLogicalType:
		return c.list(group, at)
	case schema.MapLogicalType:
		return c.mapping(group, at)
	}
	return c.object(group, at)
}

func (c *compiler) object(group *schema.GroupNode, at levels) (*node, error) {
	out := &node{kind: record}
	names := map[string]bool{}
	for i := range group.NumFields() {
		field := group.Field(i)
		if names[field.Name()] {
			return nil, fmt.Errorf("the parquet file has two columns %q in one place, of which a record could keep only one", field.Name())
		}
		names[field.Name()] = true
		child, err := c.field(field, at)
		if err != nil {
			return nil, err
		}
		child.name = string(appendText(nil, []byte(field.Name()))) + ":"
		out.add(child)
	}
	if len(out.children) == 0 {
		return nil, fmt.Errorf("the group %q of the parquet file has no columns", group.Name())
	}
	return out, nil
}

// list makes the node of a group marked as a list. It has one repeated field; whether that is the element or holds it is
// told by https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules.
func (c *compiler) list(group *schema.GroupNode, at levels) (*node, error) {
	if group.NumFields() != 1 || group.Field(0).RepetitionType() != parquet.Repetitions.Repeated {
		return nil, fmt.Errorf("the list %q of the parquet file is not built like one", group.Name())
	}
	repeated := group.Field(0)
	at.definition++
	at.repetition++
	inner, ok := repeated.(*schema.GroupNode)
	if !ok || inner.NumFields() != 1 || inner.Name() == "array" || inner.Name() == group.Name()+"_tuple" ||
		inner.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
		element, err := c.value(repeated, at)
		return listOf(at, element), err
	}
	element, err := c.field(inner.Field(0), at)
	return listOf(at, element), err
}

// mapping makes the node of a group marked as a map: one repeated group of a key and a value. Without values it is a list
// of its keys.
func (c *compiler) mapping(group *schema.GroupNode, at levels) (*node, error) {
	var entry *schema.GroupNode
	if group.NumFields() == 1 && group.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
		entry, _ = group.Field(0).(*schema.GroupNode)
	}
	if entry == nil || entry.NumFields() < 1 || entry.NumFields() > 2 {
		return nil, fmt.Errorf("the map %q of the parquet file is not built like one", group.Name())
	}
	at.definition++
	at.repetition++
	key, err := c.field(entry.Field(0), at)
	if err != nil || entry.NumFields() == 1 {
		return listOf(at, key), err
	}
	value, err := c.field(entry.Field(1), at)
	if err != nil {
		return nil, err
	}
	out := listOf(at, key)
	out.kind = mapping
	out.add(value)
	return out, nil
}

func listOf(at levels, element *node) *node {
	out := &node{kind: list, present: at.definition, repeated: at.repetition}
	if element != nil {
		out.add(element)
	}
	return out
}

func (n *node) add(child *node) {
	n.children = append(n.children, child)
	n.columns = append(n.columns, child.columns...)
}

// row appends the next row.
func (n *node) row(b []byte) ([]byte, error) {
	for _, c := range n.columns {
		if !c.startsRow() {
			return b, fmt.Errorf("the column %s of the parquet file does not have a value for every row", strings.TrimSuffix(c.name, ":"))
		}
	}
	return n.append(b), nil
}

// ended tells whether every column has come to its end, as they must between row groups.
func (n *node) ended() error {
	for _, c := range n.columns {
		if c.more() {
			return fmt.Errorf("the column %s of the parquet file has more values than there are rows", c.name)
		}
	}
	return nil
}

// append writes the next value of the field.
func (n *node) append(b []byte) []byte {
	if n.columns[0].definition() < n.defined {
		n.pass()
		return append(b, "null"...)
	}
	switch n.kind {
	case scalar:
		return n.columns[0].append(b)
	case record:
		b = append(b, '{')
		for i, child := range n.children {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, child.name...)
			b = child.append(b)
		}
		return append(b, '}')
	case list:
		return n.appendEntries(b, '[', ']', func(b []byte) []byte { return n.children[0].append(b) })
	}
	return n.appendEntries(b, '{', '}', n.appendMember)
}

func (n *node) appendEntries(b []byte, open, end byte, entry func([]byte) []byte) []byte {
	b = append(b, open)
	if n.columns[0].definition() < n.present {
		n.pass()
		return append(b, end)
	}
	for {
		b = entry(b)
		if n.columns[0].repetition() != n.repeated {
			return append(b, end)
		}
		b = append(b, ',')
	}
}

// appendMember writes an entry of a map. A key that is no string becomes the text of its JSON.
func (n *node) appendMember(b []byte) []byte {
	start := len(b)
	b = n.children[0].append(b)
	if b[start] != '"' {
		key := string(b[start:])
		b = appendText(b[:start], []byte(key))
	}
	return n.children[1].append(append(b, ':'))
}

// pass goes over an entry that has no value at or below the field.
func (n *node) pass() {
	for _, c := range n.columns {
		c.pass()
	}
}
