package destinationtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Migrate implements [destination.Load].
func (l *modelLoad) Migrate(_ context.Context, t *table.Table) (*destination.Migration, error) {
	p := placeOf(t)
	if t.Schema == "" && strings.HasPrefix(t.Name, "_singer_") && !t.Own {
		return nil, fmt.Errorf("migrate %s: %w", t.Name, errOwn)
	}
	tables := l.world.tables
	if t.Method == table.Overwrite {
		tables = l.world.hidden
		if !l.collecting[p] {
			delete(tables, p)
		}
		l.collecting[p] = true
	} else {
		delete(l.world.hidden, p)
	}
	key := keyNames(t)
	made := &destination.Migration{}
	m := tables[p]
	if m == nil {
		m = &modelTable{key: key, columns: slices.Clone(t.Columns)}
		tables[p] = m
		made.Changes = append(made.Changes, destination.Change{Kind: destination.CreateTable, To: strings.Join(key, ", ")})
	}
	has := func(name string) bool {
		return slices.ContainsFunc(m.columns, func(c table.Column) bool { return c.Name == name })
	}
	if err := destination.RefuseHistory(t, has); err != nil {
		return nil, err
	}
	for _, c := range t.Columns {
		stored, err := m.fit(t, c, made)
		if err != nil {
			return nil, err
		}
		made.Columns = append(made.Columns, stored)
	}
	if !slices.Equal(m.key, key) {
		change := destination.Change{Kind: destination.ChangeKey, From: strings.Join(m.key, ", "), To: strings.Join(key, ", ")}
		made.Changes, m.key = append(made.Changes, change), key
	}
	l.stored[t] = nil
	for _, c := range made.Columns {
		l.stored[t] = append(l.stored[t], c.Name)
	}
	return made, nil
}

func keyNames(t *table.Table) []string {
	var key []string
	for _, i := range t.Key {
		key = append(key, t.Columns[i].Name)
	}
	return key
}

// fit makes room for the values of a column and says where.
func (m *modelTable) fit(t *table.Table, c table.Column, made *destination.Migration) (destination.Stored, error) {
	i := m.column(c.Name)
	if i < 0 {
		i = m.addColumn(c)
		made.Changes = append(made.Changes, destination.Change{Kind: destination.AddColumn, Column: c.Name, To: typeName(c)})
	}
	if holds(m.columns[i], c) {
		return destination.Stored{Name: m.columns[i].Name, Type: typeName(m.columns[i])}, nil
	}
	from := typeName(m.columns[i])
	change := destination.Change{Kind: destination.WidenColumn, From: from}
	switch t.Conflict {
	case table.Fail:
		return destination.Stored{}, fmt.Errorf("column %s of table %s is %s, which cannot hold %s", c.Name, t.Name, from, typeName(c))
	case table.NewColumn:
		// A property may have the name itself; then another is tried, in the same order by every load.
		c.Name += "__" + typeName(c)
		for m.taken(t, c) {
			c.Name += "_"
		}
		if j := m.column(c.Name); j >= 0 {
			return destination.Stored{Name: c.Name, Type: typeName(m.columns[j])}, nil
		}
		i = m.addColumn(c)
		change.Kind = destination.SplitColumn
	case table.ToJSON:
		m.columns[i].Type, m.columns[i].Precision, m.columns[i].Scale = table.JSON, 0, 0
	default:
		wide := join(m.columns[i], c)
		m.columns[i].Type, m.columns[i].Precision, m.columns[i].Scale = wide.Type, wide.Precision, wide.Scale
	}
	change.Column, change.To = m.columns[i].Name, typeName(m.columns[i])
	made.Changes = append(made.Changes, change)
	return destination.Stored{Name: change.Column, Type: change.To}, nil
}

func (m *modelTable) column(name string) int {
	return slices.IndexFunc(m.columns, func(c table.Column) bool { return c.Name == name })
}

func (m *modelTable) addColumn(c table.Column) int {
	m.columns = append(m.columns, c)
	return len(m.columns) - 1
}

// taken tells whether a property of t has the name, or a column of another type.
func (m *modelTable) taken(t *table.Table, c table.Column) bool {
	if slices.ContainsFunc(t.Columns, func(o table.Column) bool { return o.Name == c.Name }) {
		return true
	}
	i := m.column(c.Name)
	return i >= 0 && !holds(m.columns[i], c)
}

func typeName(c table.Column) string {
	if c.Precision > 0 {
		return fmt.Sprintf("%v(%d,%d)", c.Type, c.Precision, c.Scale)
	}
	return c.Type.String()
}

// holds tells whether a column can hold every value of another as it is.
func holds(stored, arriving table.Column) bool {
	switch {
	case stored.Type == table.JSON:
		return true
	case arriving.Type == table.JSON:
		return false
	case stored.Type == table.Text:
		return true
	case stored.Type == table.Decimal && stored.Precision == 0:
		return isNumber(arriving.Type)
	case stored.Type == table.Decimal && arriving.Type == table.Integer:
		return stored.Precision-stored.Scale >= 19
	case stored.Type == table.Decimal && arriving.Type == table.Decimal:
		return arriving.Precision > 0 && arriving.Scale <= stored.Scale && arriving.Precision-arriving.Scale <= stored.Precision-stored.Scale
	}
	return stored.Type == arriving.Type
}

// join is a type that holds the values of both.
func join(a, b table.Column) table.Column {
	switch {
	case holds(a, b):
		return a
	case holds(b, a):
		return b
	case isNumber(a.Type) && isNumber(b.Type):
		return table.Column{Type: table.Decimal}
	case a.Type == table.JSON || b.Type == table.JSON:
		return table.Column{Type: table.JSON}
	}
	return table.Column{Type: table.Text}
}

func isNumber(t table.Type) bool {
	return t == table.Integer || t == table.Number || t == table.Decimal
}

// read gives a value as the column's type has it.
func (m *modelTable) read(column string, c cell) any {
	if c.value == nil {
		return nil
	}
	typ := m.columns[m.column(column)].Type
	if typ == c.typ {
		return c.value
	}
	text, isText := c.value.(string)
	switch v := c.value.(type) {
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		text, isText = v.Format(time.RFC3339Nano), true
		if c.typ == table.Date {
			text = v.Format(time.DateOnly)
		}
	case bool, int64:
		text = fmt.Sprint(v)
	}
	if typ == table.JSON && isText && c.typ != table.Decimal {
		quoted, _ := json.Marshal(text) // of a string, it cannot fail
		return string(quoted)
	}
	return text
}
