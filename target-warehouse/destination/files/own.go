package files

import (
	"cmp"
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

// kept is how many rows of the own tables that grow with every run the log keeps, those with the greatest keys.
var kept = map[string]int{
	destination.Runs.Name:          1000,
	destination.Loads.Name:         10_000,
	destination.SchemaChanges.Name: 10_000,
}

// records are the rows of own tables that have keys, by the table's name and in the order of the keys.
type records map[string][]destination.Row

func (r records) clone() records {
	c := records{}
	for name, rows := range r {
		c[name] = slices.Clone(rows)
	}
	return c
}

// put adds a row, in the place of one with the same key.
func (r records) put(row destination.Row) {
	name := row.Table.Name
	i, found := slices.BinarySearchFunc(r[name], row, compareKeys)
	if found {
		r[name][i] = row
		return
	}
	r[name] = slices.Insert(r[name], i, row)
	if most := kept[name]; most > 0 && len(r[name]) > most {
		r[name] = r[name][len(r[name])-most:]
	}
}

// putAll adds rows as the log has them.
func (r records) putAll(rows []json.RawMessage) error {
	for _, text := range rows {
		row, err := parseRecord(nil, text)
		if err != nil {
			return err
		}
		r.put(row)
	}
	return nil
}

// all is what putAll reads.
func (r records) all() []json.RawMessage {
	var texts []json.RawMessage
	for _, t := range destination.OwnTables {
		for _, row := range r[t.Name] {
			texts = append(texts, appendRecord(nil, row, true))
		}
	}
	return texts
}

// compareKeys orders rows of one table by the columns of its key, each as its type is ordered.
func compareKeys(a, b destination.Row) int {
	for i := range a.Table.Key {
		if c := compareValues(a.Values[i], b.Values[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// tableField names the table of a row in the log.
const tableField = "_table"

// appendRecord writes a row as a JSON object, in which JSON values are strings, so that none of their bytes changes.
func appendRecord(to []byte, row destination.Row, withTable bool) []byte {
	to = append(to, '{')
	if withTable {
		to = append(appendString(append(to, `"`+tableField+`":`...), row.Table.Name), ',')
	}
	for i, c := range row.Table.Columns {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(appendString(to, c.Name), ':')
		switch v := row.Values[i].(type) {
		case string:
			to = appendString(to, v)
		case int64:
			to = strconv.AppendInt(to, v, 10)
		case bool:
			to = strconv.AppendBool(to, v)
		case time.Time:
			to = append(appendMoment(append(to, '"'), v.UnixMicro()), '"')
		default:
			to = append(to, "null"...)
		}
	}
	return append(to, '}')
}

// parseRecord reads what appendRecord has written, or Append for rows of own tables. Without t, the row names its table.
func parseRecord(t *destination.OwnTable, text []byte) (destination.Row, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return destination.Row{}, err
	}
	if t == nil {
		var name string
		if err := json.Unmarshal(fields[tableField], &name); err != nil {
			return destination.Row{}, err
		}
		i := slices.IndexFunc(destination.OwnTables, func(t *destination.OwnTable) bool { return t.Name == name })
		if i < 0 {
			return destination.Row{}, fmt.Errorf("there is no table %q; a later target-warehouse may have written it", name)
		}
		t = destination.OwnTables[i]
	}
	row := destination.Row{Table: t}
	for _, c := range t.Columns {
		v, err := parseValue(c.Type, fields[c.Name])
		if err != nil {
			return destination.Row{}, fmt.Errorf("column %s of %s: %w", c.Name, t.Name, err)
		}
		row.Values = append(row.Values, v)
	}
	return row, nil
}

func parseValue(typ table.Type, text json.RawMessage) (any, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	switch typ {
	case table.Integer:
		return strconv.ParseInt(string(text), 10, 64)
	case table.Boolean:
		return strconv.ParseBool(string(text))
	case table.Timestamp:
		var at time.Time
		err := json.Unmarshal(text, &at)
		return at.UTC(), err
	}
	var s string
	err := json.Unmarshal(text, &s)
	return s, err
}

// Read implements [destination.Destination].
func (w *Warehouse) Read(ctx context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	if err := w.look(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	if t.Key == 0 {
		return w.readAdded(ctx, t, newest)
	}
	rows := slices.Clone(w.ledger.rows(t))
	slices.Reverse(rows)
	if newest > 0 && len(rows) > newest {
		rows = rows[:newest]
	}
	return rows, nil
}

// rows are those of an own table that has a key.
func (l *ledger) rows(t *destination.OwnTable) []destination.Row {
	if t != destination.States {
		return l.records[t.Name]
	}
	var rows []destination.Row
	for pipeline, m := range l.Pipelines {
		var state any
		if m.State != nil {
			state = string(m.State)
		}
		rows = append(rows, destination.Row{Table: t, Values: []any{pipeline, m.Fence, state, m.RunID, m.At}})
	}
	slices.SortFunc(rows, compareKeys)
	return rows
}

// readAdded reads rows of a table that is only added to, from its files, those added last first.
func (w *Warehouse) readAdded(ctx context.Context, t *destination.OwnTable, newest int) ([]destination.Row, error) {
	keys, err := w.store.list(ctx, t.Name+"/")
	if err != nil {
		return nil, err
	}
	var rows []destination.Row
	for _, key := range slices.Backward(keys) {
		if !isData(key) {
			continue
		}
		body, err := w.store.read(ctx, key)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		for i, line := range slices.Backward(lines) {
			row, err := parseRecord(t, []byte(line))
			if err != nil {
				return nil, fmt.Errorf("line %d of %s in %s: %w", i+1, key, w.store.place, err)
			}
			if rows = append(rows, row); len(rows) == newest {
				return rows, nil
			}
		}
	}
	return rows, nil
}

// show writes the own tables that have keys where people look for them.
func (w *Warehouse) show(ctx context.Context) error {
	for _, t := range destination.OwnTables {
		rows := w.ledger.rows(t)
		if t.Key == 0 || len(rows) == 0 {
			continue
		}
		var body []byte
		for _, row := range rows {
			body = append(appendRecord(body, row, false), '\n')
		}
		if err := w.store.replace(ctx, t.Name+"/rows.jsonl", w.stagedKey(), body); err != nil {
			return err
		}
	}
	return nil
}
