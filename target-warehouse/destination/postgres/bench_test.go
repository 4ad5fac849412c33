package postgres

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// BenchmarkCharges loads charges into a new table without a key and into one with a key, then all of them again
// unchanged, then all of them changed. Beside it, psql copies the same rows from a CSV file into a new table without a key. Everything takes
// turns, and the medians are shown. CHARGES sets how many rows (20,000 unless told), APPEND how many go into one
// Append (100,000).
//
//	CHARGES=200000 go test -run '^$' -bench Charges -benchtime 5x ./target-warehouse/destination/postgres
func BenchmarkCharges(b *testing.B) {
	rows, size := setting("CHARGES", 20_000), setting("APPEND", 100_000)
	url := newDatabase(b)
	conn := connect(b, url)
	t := chargeTable()
	keyless := *t
	keyless.Key = nil
	added := chargeAppends(&keyless, rows, size, "succeeded")
	appends, changed := chargeAppends(t, rows, size, "succeeded"), chargeAppends(t, rows, size, "refunded")
	file := filepath.Join(b.TempDir(), "charges.csv")
	writeCharges(b, file, rows)

	took := map[string][]time.Duration{}
	measure := func(name string, f func()) {
		start := time.Now()
		f()
		took[name] = append(took[name], time.Since(start))
	}
	for b.Loop() {
		mustExec(b, conn, "DROP SCHEMA IF EXISTS stripe CASCADE; CREATE SCHEMA stripe; CHECKPOINT")
		measure("psql", func() { copyByPSQL(b, conn.Config().ConnString(), t, file) })
		mustExec(b, conn, "DROP SCHEMA stripe CASCADE; CHECKPOINT")
		w := mustOpen(b, url)
		measure("append", func() { loadAppends(b, w, &keyless, added) })
		mustExec(b, conn, "DROP SCHEMA stripe CASCADE; CHECKPOINT")
		measure("new", func() { loadAppends(b, w, t, appends) })
		measure("same", func() { loadAppends(b, w, t, appends) })
		measure("changed", func() { loadAppends(b, w, t, changed) })
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	for name, all := range took {
		slices.Sort(all)
		b.ReportMetric(float64(rows)/all[len(all)/2].Seconds(), name+"-rows/s")
	}
}

func setting(name string, unlessTold int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return unlessTold
}

// charge is row i, of about 1.3 kB as JSON.
func charge(i int, status string) destinationtest.Row {
	mixed := uint64(i)*0x9e3779b97f4a7c15 + 0x1234567
	mixed = (mixed ^ mixed>>29) * 0xbf58476d1ce4e5b9
	mixed ^= mixed >> 32
	id := func(prefix string) string { return fmt.Sprintf("%s_3%016x%08d", prefix, mixed, i) }
	billing := fmt.Sprintf(`{"address":{"city":"City %d","country":"US","line1":"%d Main Street","line2":null,"postal_code":"%05d","state":"CA"},"email":"customer%d@example.com","name":"Customer Number %d","phone":null}`, i%500, i%9000, i%99999, i, i)
	metadata := fmt.Sprintf(`{"order_id":"%d","campaign":"spring","affiliate":"a%d","source":"web"}`, i, i%300)
	outcome := fmt.Sprintf(`{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"}`, i%65)
	method := fmt.Sprintf(`{"card":{"brand":"visa","checks":{"address_line1_check":"pass","address_postal_code_check":"pass","cvc_check":"pass"},"country":"US","exp_month":%d,"exp_year":2029,"fingerprint":"fp%014x","funding":"credit","installments":null,"last4":"%04d","mandate":null,"network":"visa","three_d_secure":null,"wallet":null},"type":"card"}`, i%12+1, mixed%40000, i%10000)
	return destinationtest.Row{
		id("ch"), "charge", int64(mixed % 1_000_000), int64(mixed % 1_000_000), int64(0), id("txn"), billing, true,
		time.Unix(int64(1_600_000_000+i*7), 0).UTC(), "usd", fmt.Sprintf("cus_3%016x", mixed%40000), fmt.Sprint("Subscription creation for order ", i),
		false, nil, id("in"), true, metadata, outcome, true, id("pi"), method,
		fmt.Sprintf("https://pay.example.com/receipts/payment/%032x%032x", mixed, mixed+1), status,
	}
}

func chargeTable() *table.Table {
	t := &table.Table{Stream: "charges", Schema: "stripe", Name: "charges", Key: []int{0}}
	types := map[string]table.Type{"s": table.Text, "i": table.Integer, "j": table.JSON, "b": table.Boolean, "t": table.Timestamp}
	for i, column := range strings.Fields(`id:s object:s amount:i amount_captured:i amount_refunded:i balance_transaction:s billing_details:j
		captured:b created:t currency:s customer:s description:s disputed:b failure_code:s invoice:s livemode:b metadata:j outcome:j
		paid:b payment_intent:s payment_method_details:j receipt_url:s status:s`) {
		name, typ, _ := strings.Cut(column, ":")
		t.Columns = append(t.Columns, table.Column{Name: name, Property: name, Type: types[typ], Nullable: i > 0})
	}
	return t
}

// chargeAppends makes the batches of each Append.
func chargeAppends(t *table.Table, rows, size int, status string) [][]*table.Batch {
	const batch = 10_000
	var appends [][]*table.Batch
	for from := 0; from < rows; from += size {
		var batches []*table.Batch
		for at := from; at < min(from+size, rows); at += batch {
			var charges []destinationtest.Row
			for i := at; i < min(at+batch, from+size, rows); i++ {
				charges = append(charges, charge(i, status))
			}
			batches = append(batches, destinationtest.Batch(Allocator(), t, int64(at+1), charges...))
		}
		appends = append(appends, batches)
	}
	return appends
}

func writeCharges(b *testing.B, path string, rows int) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriter(f)
	w := csv.NewWriter(buffered)
	for i := range rows {
		var fields []string
		for _, v := range charge(i, "succeeded") {
			switch v := v.(type) {
			case nil:
				fields = append(fields, "")
			case time.Time:
				fields = append(fields, v.Format(time.RFC3339))
			default:
				fields = append(fields, fmt.Sprint(v))
			}
		}
		if err := w.Write(fields); err != nil {
			b.Fatal(err)
		}
	}
	w.Flush()
	if err := buffered.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

func copyByPSQL(b *testing.B, url string, t *table.Table, file string) {
	b.Helper()
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, quote(c.Name)+" "+columnType(c))
	}
	cmd := exec.Command(server.Binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", url,
		"-c", "CREATE TABLE stripe.charges ("+strings.Join(columns, ", ")+")", "-c", `\copy stripe.charges from '`+file+`' csv`)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("psql: %v\n%s", err, out)
	}
}

func loadAppends(b *testing.B, w *Warehouse, t *table.Table, appends [][]*table.Batch) {
	b.Helper()
	ctx := context.Background()
	l, err := w.Begin(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.Migrate(ctx, t); err != nil {
		b.Fatal(err)
	}
	for _, batches := range appends {
		if _, err := l.Append(ctx, batches); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Commit(ctx, destination.Checkpoint{State: []byte("{}"), RunID: "1"}); err != nil {
		b.Fatal(err)
	}
}
