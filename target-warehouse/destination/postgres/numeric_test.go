package postgres

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"tapline/singer"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestIntegersReachNumericColumnsExactly(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	mustExec(t, conn, "CREATE TABLE things (value numeric)")
	values := []int64{0, 1, -1, 9_999, 10_000, -10_001, 99_990_000, 100_000_000, 123_456_789_012, math.MaxInt64, math.MinInt64}
	var rows, want []destinationtest.Row
	for _, v := range values {
		rows = append(rows, destinationtest.Row{v})
	}
	if err := loadInto(t, mustOpen(t, url), table.Integer, nil, rows...); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		want = append(want, destinationtest.Row{v, true})
	}
	got := query(t, conn, "SELECT value::bigint, scale(value) = 0 AND value::text = value::bigint::text FROM things")
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// canonical makes a decimal of what text has of digits; "" where it has none.
func canonical(text string) string {
	var digits []byte
	point := -1
	for _, c := range []byte(text) {
		switch {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '.' && point < 0:
			point = len(digits)
		}
	}
	if len(digits) == 0 {
		return ""
	}
	if point < 0 {
		point = len(digits)
	}
	whole, fraction := strings.TrimLeft(string(digits[:point]), "0"), strings.TrimRight(string(digits[point:]), "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if strings.HasPrefix(text, "-") && whole != "0" {
		whole = "-" + whole
	}
	return whole
}

// decimalSeeds have zeros and digits at the edges of groups of four.
func decimalSeeds() []string {
	seeds := []string{"0", "-0.0001", "0.00001", "0.00010001", "1.0001", "12345.6789", "-99990000.00009999", "100000000", "10000.0001"}
	for n := 1; n <= 13; n++ {
		seeds = append(seeds, "1"+strings.Repeat("0", n), "0."+strings.Repeat("0", n)+"1", strings.Repeat("9", n)+"."+strings.Repeat("9", n))
	}
	return append(seeds, strings.Repeat("8", 1024), "-0."+strings.Repeat("0", 2000)+"7")
}

// FuzzDecimalsReachNumericColumnsExactly sends decimals as they are encoded here and has the server spell them, and say
// whether they are the numbers that it reads from text.
func FuzzDecimalsReachNumericColumnsExactly(f *testing.F) {
	needServer(f)
	url := newDatabase(f)
	conn := connect(f, url)
	mustExec(f, conn, "CREATE TABLE sent (value numeric)")
	for _, seed := range decimalSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = canonical(text)
		if whole, fraction, _ := strings.Cut(text, "."); text == "" || len(whole) > 10_000 || len(fraction) > 10_000 {
			return
		}
		stream := copyHeader + "\x00\x01" + string(appendNumeric(nil, text)) + "\xff\xff"
		if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(stream), "COPY sent FROM STDIN (FORMAT binary)"); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got string
		var same bool
		err := conn.QueryRow(t.Context(), "WITH s AS (DELETE FROM sent RETURNING value) SELECT value::text, value = $1::text::numeric FROM s", text).Scan(&got, &same)
		if err != nil || got != text || !same {
			t.Errorf("%s arrives as %s, the same: %v, failure %v", text, got, same, err)
		}
	})
}

// TestFloatsAreSpelledAsTheServerSpellsThem has floats widened by the server and others sent since, which must be one
// value in the type that both are then.
func TestFloatsAreSpelledAsTheServerSpellsThem(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := []float64{0, math.Copysign(0, -1), 0.1, 1e15, 1e16, 123456789012345680, 1e21, -1.5e-7, math.MaxFloat64, math.SmallestNonzeroFloat64,
		math.NaN(), math.Inf(1), math.Inf(-1)}
	for range 500 {
		values = append(values, math.Float64frombits(random.Uint64()), float64(random.Int64N(1e6))/100)
	}
	var rows []destinationtest.Row
	for i, v := range values {
		rows = append(rows, destinationtest.Row{int64(i), v})
	}
	for _, wide := range []table.Type{table.Text, table.JSON, table.Decimal} {
		t.Run(wide.String(), func(t *testing.T) {
			url := newDatabase(t)
			w, conn := mustOpen(t, url), connect(t, url)
			rows := rows
			if old := query(t, conn, "SELECT 1 WHERE current_setting('server_version_num')::int < 140000"); wide == table.Decimal && len(old) > 0 {
				// numeric of PostgreSQL 13 has no infinity. JSON has none either: only another loader can have put one there.
				rows = slices.DeleteFunc(slices.Clone(rows), func(r destinationtest.Row) bool { return math.IsInf(r[1].(float64), 0) })
			}
			mustLoad(t, w, things(0, table.Integer, table.Number), rows...)
			if _, err := migrate1(t, w, things(0, table.Integer, wide)); err != nil {
				t.Fatal(err)
			}
			mustLoad(t, w, things(0, table.Integer, table.Number), rows...)
			differing := query(t, conn, "SELECT value, string_agg(other::text, ' ') FROM things GROUP BY value HAVING count(DISTINCT other::text) <> 1")
			if len(differing) > 0 {
				t.Errorf("%d values are spelled in two ways, such as %v", len(differing), differing[0])
			}
			for _, r := range query(t, conn, "SELECT value, max(other::text) FROM things GROUP BY value") {
				v, text := values[r[0].(int64)], strings.Trim(r[1].(string), `"`)
				if got, err := strconv.ParseFloat(text, 64); err != nil || math.IsNaN(v) != math.IsNaN(got) || !math.IsNaN(v) && got != v {
					t.Errorf("%v is spelled %s", v, text)
				}
				if wide == table.Text && text != spellOf(v) {
					t.Errorf("%v is spelled %s, want %s", v, text, spellOf(v))
				}
			}
		})
	}
}

// spellOf is the plain way to spell a float in digits.
func spellOf(v float64) string {
	if math.IsInf(v, 0) {
		return strings.Trim(strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "Inf", "Infinity", 1), "+")
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// TestMomentsAreSpelledAsTheServerSpellsThem does the same for moments and dates.
func TestMomentsAreSpelledAsTheServerSpellsThem(t *testing.T) {
	var rows []destinationtest.Row
	for i, text := range []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.9Z", "2024-02-29T12:00:00.000001Z", "2024-11-03T05:30:00.12Z"} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, destinationtest.Row{int64(i), at, at.Truncate(24 * time.Hour)})
	}
	for _, wide := range []table.Type{table.Text, table.JSON} {
		url := newDatabase(t)
		w, conn := mustOpen(t, url), connect(t, url)
		mustLoad(t, w, things(0, table.Integer, table.Timestamp, table.Date), rows...)
		if _, err := migrate1(t, w, things(0, table.Integer, wide, wide)); err != nil {
			t.Fatal(err)
		}
		mustLoad(t, w, things(0, table.Integer, table.Timestamp, table.Date), rows...)
		got := query(t, conn, "SELECT DISTINCT value, trim(other::text, '\"'), trim(third::text, '\"') FROM things ORDER BY value")
		var want []destinationtest.Row
		for _, r := range rows {
			want = append(want, destinationtest.Row{r[0], r[1].(time.Time).Format(time.RFC3339Nano), r[2].(time.Time).Format(time.DateOnly)})
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", wide, diff)
		}
	}
}

func TestSettingsOfTheServerDoNotChangeHowValuesAreSpelled(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	mustExec(t, conn, `DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -10', current_database());
		EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
		EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kathmandu''', current_database());
		EXECUTE format('ALTER DATABASE %I SET lc_numeric = ''C''', current_database()); END $$`)
	w, err := Open(t.Context(), Config{URL: singer.Secret(url)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	at := moment.Truncate(24 * time.Hour)
	mustLoad(t, w, things(0, table.Number, table.Timestamp, table.Date), destinationtest.Row{0.30000000000000004, moment, at})
	if _, err := migrate1(t, w, things(0, table.Text, table.Text, table.Text)); err != nil {
		t.Fatal(err)
	}
	reader, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(t.Context())
	want := []destinationtest.Row{{"0.30000000000000004", "2024-03-10T02:30:00.00012Z", "2024-03-10"}}
	if diff := gocmp.Diff(want, query(t, reader, "SELECT * FROM things")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
