package tests

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/schemas"
	"tapline/tests/fake/stripe/stripefake"
)

// row is a record by property. Numbers are of type json.Number, so that digits are compared and not values; times of
// top-level columns are time.Time; properties that are null are left out.
type row map[string]any

// wantRow says what a Stripe object must look like in the warehouse, by a route of its own: encoding/json and the
// stream's schema. The object is changed.
func wantRow(object, schema map[string]any) row {
	want := row{}
	for name, value := range convertTimes(object, schema).(map[string]any) {
		if value != nil {
			want[name] = value
		}
	}
	return want
}

// convertTimes turns unix seconds into RFC 3339 text where the schema says date-time.
func convertTimes(value any, schema map[string]any) any {
	switch value := value.(type) {
	case json.Number:
		if seconds, err := value.Int64(); err == nil && schema["format"] == "date-time" {
			return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
		}
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, v := range value {
			sub, ok := properties[name].(map[string]any)
			if !ok {
				sub, _ = schema["additionalProperties"].(map[string]any)
			}
			value[name] = convertTimes(v, sub)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, v := range value {
			value[i] = convertTimes(v, items)
		}
	}
	return value
}

func decode(t testing.TB, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// engine is what reading tables has to know of a warehouse's SQL.
type engine struct {
	db     *sql.DB
	micros string // turns %s, a timestamp, into microseconds since 1970
}

func duckDB(db *sql.DB) engine { return engine{db, "epoch_us(%s)"} }

func postgreSQL(db *sql.DB) engine { return engine{db, "(extract(epoch FROM %s) * 1000000)::BIGINT"} }

// readTable reads a table's rows by key, of a table that is not there none, leaving out tapline's own columns; what the SCHEMA did not name is taken out of
// _sdc_extra.
func readTable(t testing.TB, e engine, table string, keys []string) map[string]row {
	t.Helper()
	names, types := columns(t, e.db, table)
	if names == nil {
		return nil
	}
	selects := make([]string, len(names))
	for i, name := range names {
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		if types[i] == "TIMESTAMP WITH TIME ZONE" {
			quoted = fmt.Sprintf(e.micros, quoted)
		}
		selects[i] = "CAST(" + quoted + " AS VARCHAR)"
	}
	result, err := e.db.Query(fmt.Sprintf(`SELECT %s FROM %q`, strings.Join(selects, ", "), table))
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	rows := map[string]row{}
	for result.Next() {
		texts := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range texts {
			into[i] = &texts[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		r := row{}
		for i, text := range texts {
			if text.Valid {
				addCell(t, r, names[i], types[i], text.String)
			}
		}
		key := keyOf(r, keys)
		if rows[key] != nil {
			t.Errorf("table %s has two rows with the key %s", table, key)
		}
		rows[key] = r
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func addCell(t testing.TB, r row, name, kind, text string) {
	switch {
	case name == "_sdc_extra":
		for property, value := range decode(t, []byte(text)).(map[string]any) {
			if value != nil {
				r[property] = value
			}
		}
	case strings.HasPrefix(name, "_sdc_"):
	case kind == "JSON":
		r[name] = decode(t, []byte(text))
	case kind == "TIMESTAMP WITH TIME ZONE":
		micros, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		r[name] = time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
	case kind == "BIGINT" || kind == "DOUBLE":
		r[name] = json.Number(text)
	case kind == "BOOLEAN":
		r[name] = text == "true"
	default:
		r[name] = text
	}
}

// columns lists a table's columns and their types, by the names that DuckDB gives them.
func columns(t testing.TB, db *sql.DB, table string) (names, types []string) {
	t.Helper()
	result, err := db.Query(`SELECT column_name, upper(data_type) FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	for result.Next() {
		var name, kind string
		if err := result.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "JSONB":
			kind = "JSON"
		case "DOUBLE PRECISION":
			kind = "DOUBLE"
		}
		names, types = append(names, name), append(types, kind)
	}
	return names, types
}

// same tells whether two values are equal, numbers as decimals. It is cmp.Equal with sameDigits, and much quicker.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for name, value := range a {
			if v, ok := other[name]; !ok || !same(value, v) {
				return false
			}
		}
		return true
	case []any:
		other, ok := b.([]any)
		return ok && slices.EqualFunc(a, other, same)
	case json.Number:
		other, ok := b.(json.Number)
		return ok && (a == other || equalNumbers(a, other))
	default:
		return a == b
	}
}

// sameDigits compares numbers as decimals: 0.1 and 1e-1 are one number, 0.1 and 0.10000000000000001 are not.
var sameDigits = cmp.Comparer(equalNumbers)

func equalNumbers(a, b json.Number) bool {
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	return okX && okY && x.Cmp(y) == 0
}

// compareAccount compares the tables of all streams with the account.
func compareAccount(t testing.TB, fake *stripefake.Server, p *project) {
	t.Helper()
	db := p.open(t)
	defer db.Close()
	compareStreams(t, fake, duckDB(db))
}

// compareStreams fails the test for each object that is missing, left over or different in the warehouse.
func compareStreams(t testing.TB, fake *stripefake.Server, e engine) {
	t.Helper()
	truth := newTruth(fake)
	for _, stream := range catalogued() {
		s, err := schemas.StripeStream(stream)
		if err != nil {
			t.Fatal(err)
		}
		differences := truth.compare(t, stream, readTable(t, e, stream, s.KeyProperties))
		for _, d := range differences[:min(len(differences), 5)] {
			t.Errorf("%s %s %s", stream, d.key, d.text)
		}
		if n := len(differences); n > 5 {
			t.Errorf("%s has %d more rows that are not as the account", stream, n-5)
		}
	}
}
