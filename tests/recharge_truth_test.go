package tests

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/schemas"
	"tapline/tests/fake/recharge/rechargefake"
)

// rechargeSchema returns what describes a stream of tap-recharge, and its schema decoded.
func rechargeSchema(t testing.TB, stream string) (schemas.Stream, map[string]any) {
	t.Helper()
	s, err := schemas.RechargeStream(stream)
	if err != nil {
		t.Fatal(err)
	}
	return s, decode(t, s.Schema).(map[string]any)
}

// rechargeChildren are the streams that are read only when asked for, since each record of another costs a request.
var rechargeChildren = []string{"async_batch_tasks", "credit_summaries", "delivery_schedules"}

// wantRecharge returns the rows that a stream must have, by key: the store's objects by a route of its own,
// encoding/json and the stream's schema.
func wantRecharge(t testing.TB, fake *rechargefake.Server, stream string) map[string]row {
	t.Helper()
	s, schema := rechargeSchema(t, stream)
	objects, err := fake.Objects(stream)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for _, object := range objects {
		members := decode(t, object).(map[string]any)
		if stream == "payment_methods" {
			for _, name := range []string{"processor_customer_token", "processor_payment_method_token"} {
				if members[name] != nil {
					members[name] = "***"
				}
			}
		}
		if customer, ok := members["customer"].(map[string]any); ok && members["customer_id"] == nil && slices.Contains(s.KeyProperties, "customer_id") {
			members["customer_id"] = customer["id"]
		}
		r := row{}
		for name, value := range declared(t, members, schema).(map[string]any) {
			if value != nil {
				r[name] = value
			}
		}
		rows[rechargeKey(r, s.KeyProperties)] = r
	}
	return rows
}

// rechargeKey spells the key of a row, whose parts are text or numbers.
func rechargeKey(r row, keys []string) string {
	parts := make([]string, len(keys))
	for i, name := range keys {
		parts[i] = fmt.Sprint(r[name])
	}
	return strings.Join(parts, " ")
}

// declared gives each value the one type that its schema declares, and times the one form that can be compared.
func declared(t testing.TB, value any, schema map[string]any) any {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	items, _ := schema["items"].(map[string]any)
	types := fmt.Sprint(schema["type"])
	is := func(name string) bool { return strings.Contains(types, name) }
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			sub, _ := properties[name].(map[string]any)
			v[name] = declared(t, inner, sub)
		}
	case []any:
		if joint, ok := schema["x-separator"].(string); ok {
			texts := make([]string, len(v))
			for i, item := range v {
				texts[i] = item.(string)
			}
			return strings.Join(texts, joint)
		}
		for i, item := range v {
			v[i] = declared(t, item, items)
		}
	case json.Number:
		switch {
		case is("string"):
			return v.String()
		case is("boolean"):
			return v == "1"
		}
	case bool:
		if is("string") {
			return fmt.Sprint(v)
		}
	case string:
		return declaredText(t, v, schema, is)
	}
	return value
}

func declaredText(t testing.TB, text string, schema map[string]any, is func(string) bool) any {
	t.Helper()
	switch {
	case schema["format"] == "date-time":
		return momentOf(t, text).Format(time.RFC3339Nano)
	case schema["format"] == "date":
		return text[:len(time.DateOnly)]
	case schema["x-lowercase"] == true:
		return strings.ToLower(text)
	case is("integer") || is("number"):
		return json.Number(text)
	case is("boolean"):
		return strings.EqualFold(text, "true") || text == "1"
	}
	return text
}

// momentOf reads a time as Recharge writes it, where a missing offset means UTC.
func momentOf(t testing.TB, text string) time.Time {
	t.Helper()
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05-0700", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	t.Fatalf("%q is no time", text)
	return time.Time{}
}

// compareRecharge lists where the rows of a stream differ from the store. Of incremental streams nothing tells of
// deletions, and so what is gone stays.
func compareRecharge(t testing.TB, fake *rechargefake.Server, stream string, have map[string]row) (list []mismatch) {
	t.Helper()
	s, schema := rechargeSchema(t, stream)
	want := wantRecharge(t, fake, stream)
	add := func(key, text string) { list = append(list, mismatch{stream, difference{key: key, text: text}}) }
	for key, r := range want {
		got, ok := have[key]
		if !ok {
			add(key, fmt.Sprintf("is missing (-store +table):\n- %v", r))
			continue
		}
		got = row(declared(t, maps.Clone(map[string]any(got)), schema).(map[string]any))
		if !same(map[string]any(r), map[string]any(got)) {
			add(key, "differs (-store +table):\n"+cmp.Diff(r, got, sameDigits))
		}
	}
	for key, r := range have {
		if _, ok := want[key]; !ok && s.ReplicationKey == "" {
			add(key, fmt.Sprintf("should not be there (-store +table):\n+ %v", r))
		}
	}
	slices.SortFunc(list, func(a, b mismatch) int { return strings.Compare(a.key, b.key) })
	return list
}

// rechargeTable reads a stream's table by key, without the rows that are marked as deleted.
func rechargeTable(t testing.TB, db *sql.DB, stream string) map[string]row {
	t.Helper()
	s, _ := rechargeSchema(t, stream)
	names, types := columns(t, db, stream)
	if names == nil {
		return nil
	}
	selects := make([]string, len(names))
	for i, name := range names {
		if selects[i] = fmt.Sprintf("CAST(%q AS VARCHAR)", name); types[i] == "TIMESTAMP WITH TIME ZONE" {
			selects[i] = fmt.Sprintf("CAST(epoch_us(%q) AS VARCHAR)", name)
		}
	}
	result, err := db.Query(fmt.Sprintf("SELECT %s FROM %q", strings.Join(selects, ", "), stream))
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	rows, all := map[string]row{}, map[string]bool{}
	for result.Next() {
		cells, into, r, deleted := make([]sql.NullString, len(names)), make([]any, len(names)), row{}, false
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, cell := range cells {
			if cell.Valid {
				addCell(t, r, names[i], types[i], cell.String)
				deleted = deleted || names[i] == "_sdc_deleted_at"
			}
		}
		key := rechargeKey(r, s.KeyProperties)
		if all[key] {
			t.Errorf("table %s has two rows with the key %s", stream, key)
		}
		if all[key] = true; !deleted {
			rows[key] = r
		}
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestWhatDiffersFromAStoreIsSeen holds the comparison itself against tables that are wrong in one place.
func TestWhatDiffersFromAStoreIsSeen(t *testing.T) {
	fake, _ := startRecharge(t, rechargefake.Options{Seed: 2, Objects: 500, TypeDrift: true}, nil)
	for stream, wrong := range map[string]func(rows map[string]row, key string){
		"charges":       func(rows map[string]row, key string) { delete(rows, key) },
		"collections":   func(rows map[string]row, key string) { rows["1"] = row{"id": json.Number("1")} },
		"orders":        func(rows map[string]row, key string) { rows[key]["total_price"] = "0.001" },
		"customers":     func(rows map[string]row, key string) { rows[key]["updated_at"] = "2020-01-01T00:00:01Z" },
		"subscriptions": func(rows map[string]row, key string) { rows[key]["x_unknown"] = []any{json.Number("1"), nil} },
		"plans":         func(rows map[string]row, key string) { delete(rows[key], "title") },
	} {
		right := wantRecharge(t, fake, stream)
		if list := compareRecharge(t, fake, stream, right); len(list) > 0 {
			t.Errorf("%s differ from themselves: %v", stream, list)
		}
		key := slices.Sorted(maps.Keys(right))[len(right)/2]
		wrong(right, key)
		if list := compareRecharge(t, fake, stream, right); len(list) != 1 || list[0].key != key && stream != "collections" {
			t.Errorf("%s: what is wrong with %s is seen as %v", stream, key, list)
		}
	}
}
