package decode

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapline/target-warehouse/table"

	"github.com/google/go-cmp/cmp"
)

// members makes the values of an object's members.
type members map[string]func() string

// text makes an object in which a member may be missing or stand twice, in any order.
func (m members) text(r *rand.Rand) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		for range []int{1, 1, 1, 0, 2}[r.IntN(5)] {
			list = append(list, fmt.Sprintf("%q:%s", name, m[name]()))
		}
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return "{" + strings.Join(list, ",") + "}"
}

// addressRecord makes a record of the SCHEMA address, and gives it members that the SCHEMA does not name.
func addressRecord(r *rand.Rand) string {
	of := func(choices ...string) func() string { return func() string { return pick(r, choices...) } }
	geo := members{"lat": of("1.5", "0.25", "null"), "tags": of("[]", `[{"a":1}]`, "null"), "alt": of("1", "null")}
	address := members{"city": of(`"Lyon"`, `"é"`), "zip": of("1", "null"), "zip4": of("1", `{"a":null}`),
		"geo": func() string { return pick(r, "null", geo.text(r), geo.text(r)) }}
	record := members{"last": of(`"x"`, "null"), "x": of("1", "null", `"y"`), "address": func() string { return pick(r, "null", address.text(r), address.text(r)) }}
	return `{"id":1,` + strings.TrimPrefix(strings.Replace(record.text(r), "{}", `{"id":1}`, 1), "{")
}

// assemble puts a record together again from its row.
func assemble(t *testing.T, shape *table.Table, row []any) map[string]any {
	t.Helper()
	record := map[string]any{}
	if at := extraOf(shape); at >= 0 && row[at] != nil {
		record = parse(t, row[at].(string)).(map[string]any)
	}
	for i, c := range shape.Columns {
		if row[i] == nil || c.Property == "" {
			continue
		}
		into, path := record, append([]string{c.Property}, c.Below...)
		for _, name := range path[:len(path)-1] {
			if into[name] == nil {
				into[name] = map[string]any{}
			}
			into = into[name].(map[string]any)
		}
		cell := row[i]
		switch v := cell.(type) {
		case int64, float64:
			cell = json.Number(fmt.Sprint(v))
		case string:
			if c.Type == table.JSON {
				cell = parse(t, v)
			}
		}
		into[path[len(path)-1]] = cell
	}
	return record
}

// prune takes out of a record what a row has no place for: NULL in a column, and objects that have nothing else.
func prune(object map[string]any, shape *table.Table, path ...string) {
	for name, value := range object {
		below := append(slices.Clone(path), name)
		leads := slices.ContainsFunc(shape.Columns, func(c table.Column) bool {
			whole := append([]string{c.Property}, c.Below...)
			return len(whole) >= len(below) && slices.Equal(whole[:len(below)], below)
		})
		inner, isObject := value.(map[string]any)
		if isObject && leads {
			prune(inner, shape, below...)
		}
		if leads && (value == nil || isObject && len(inner) == 0) {
			delete(object, name)
		}
	}
}

// TestNothingOfANestedRecordIsLost puts random records together again from their rows.
func TestNothingOfANestedRecordIsLost(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := flatPlan(t).NewDecoder()
	for range 100 {
		var records []string
		for range 1 + r.IntN(50) {
			records = append(records, addressRecord(r))
		}
		appendAll(t, d, records...)
		if rejects := d.Rejects(); rejects != nil {
			t.Fatalf("%v is rejected", rejects)
		}
		b := d.Batch()
		for i, row := range rowsOf(t, b) {
			want := parse(t, records[i]).(map[string]any)
			prune(want, b.Table)
			if diff := cmp.Diff(want, assemble(t, b.Table, row)); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", records[i], diff)
			}
		}
	}
}
