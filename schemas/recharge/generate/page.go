package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const pageHead = `# Fields of tap-recharge

Made by ` + "`go generate ./schemas`" + ` from the tables in schemas/recharge/generate. Every field but those of the key may be
null or missing, and what Recharge sends beside these fields passes as it comes. In braces stand the fields of objects;
they are text unless said otherwise.

- **money, as text** is decimal text such as "10.50", with the digits that Recharge sent. Cast it where it is used.
- **time** is RFC 3339 in UTC. Recharge often leaves the offset out, which is then zero.
- **date** is a day without a time.
- **also from ...** names what Recharge sends for some shops instead of the type that the field always has here. A value
  that cannot become one of that type without loss passes as it is, and the log names the field.
`

// page returns the page about all fields, a table for each stream.
func page(streams []stream) []byte {
	var b bytes.Buffer
	b.WriteString(pageHead)
	for _, s := range streams {
		fmt.Fprintf(&b, "\n## %s\n\n| field | type |\n|---|---|\n", s.name)
		names := slices.Sorted(maps.Keys(s.record.properties))
		slices.SortStableFunc(names, func(x, y string) int { return s.rank(x) - s.rank(y) })
		for _, name := range names {
			role := ""
			if slices.Contains(s.keys, name) {
				role = ", key"
			}
			if name == s.replication {
				role = ", replication key"
			}
			fmt.Fprintf(&b, "| `%s` | %s%s |\n", name, s.record.properties[name].describe(), role)
		}
	}
	return b.Bytes()
}

// rank puts the key first.
func (s stream) rank(name string) int {
	if i := slices.Index(s.keys, name); i >= 0 {
		return i - len(s.keys)
	}
	return 0
}

// describe says in words what a value is, with the parts of objects in braces.
func (n *node) describe() string {
	switch {
	case n.items != nil:
		return "list of " + n.items.describe()
	case n.properties == nil:
		return n.words
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n.properties)) {
		part := "`" + name + "`"
		if of := n.properties[name]; of != text {
			part += " " + of.describe()
		}
		parts = append(parts, part)
	}
	return "object {" + strings.Join(parts, "; ") + "}"
}
