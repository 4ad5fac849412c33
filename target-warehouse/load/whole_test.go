package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// taker is a warehouse whose loads take Parquet files as they are, of which it notes how many rows it had before each.
type taker struct {
	*memoryWarehouse
	refuses bool
	took    []string
	before  []int64
}

type takerLoad struct {
	destination.Load
	w        *taker
	appended int64
}

func (w *taker) Begin(ctx context.Context) (destination.Load, error) {
	l, err := w.memoryWarehouse.Begin(ctx)
	return &takerLoad{Load: l, w: w}, err
}

func (l *takerLoad) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	for _, b := range batches {
		l.appended += b.Rows.NumRows()
	}
	return l.Load.Append(ctx, batches)
}

func (l *takerLoad) AppendParquet(_ context.Context, _ *table.Table, path string) (destination.Counts, error) {
	if l.w.refuses {
		return destination.Counts{}, fmt.Errorf("%w: wrong types", destination.ErrNotParquet)
	}
	l.w.took, l.w.before = append(l.w.took, path), append(l.w.before, l.appended)
	return destination.Counts{Inserted: 5}, nil
}

// parquetBatch is a BATCH message with a file of five rows, of which the stream takes two columns.
func parquetBatch(t *testing.T) (message, path string) {
	t.Helper()
	bytes, err := os.ReadFile("../batch/testdata/duckdb.parquet")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "rows.parquet")
	if err := os.WriteFile(path, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"type":"BATCH","stream":"users","encoding":{"format":"parquet"},"manifest":["file://%s"]}`+"\n", path), path
}

// take loads input without metadata.
func take(t *testing.T, w *taker, in string, o Options) (states []string, result *Result, err error) {
	t.Helper()
	o.Allocator, o.Log = memory.NewGoAllocator(), slog.New(slog.NewTextHandler(io.Discard, nil))
	result, err = Run(t.Context(), singer.NewReader(strings.NewReader(in)), w, func(s json.RawMessage) error {
		states = append(states, string(s))
		return nil
	}, o)
	return states, result, err
}

func TestAParquetFileIsTakenAsItIs(t *testing.T) {
	for _, rows := range []int64{1, 1000} {
		w := &taker{memoryWarehouse: newMemoryWarehouse()}
		message, path := parquetBatch(t)
		states, result, err := take(t, w, usersSchema+user(9, "first")+state(1)+message+state(2)+user(8, "last")+state(3), Options{BatchRows: rows, DeleteBatches: true})
		if err != nil || len(states) == 0 || states[len(states)-1] != `{"n": 3}` || result.Run.RowsIn != 7 || result.Run.Rows != 7 {
			t.Fatalf("failure %v, states %v, run %+v", err, states, result.Run)
		}
		if diff := cmp.Diff([]string{path}, w.took); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if rows == 1000 && w.before[0] != 1 {
			t.Errorf("%d rows were appended before the file, want the one that stands before it", w.before[0])
		}
		if counts := result.Tables["users"].Counts; counts.Inserted != 7 {
			t.Errorf("counts %+v", counts)
		}
		if last := w.lastRow(destination.Loads); rows == 1000 && (last["first_ordinal"] != int64(1) || last["last_ordinal"] != int64(7)) {
			t.Errorf("the load spans %v to %v, want 1 to 7", last["first_ordinal"], last["last_ordinal"])
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file was loaded and is still there")
		}
	}
}

func TestAParquetFileThatDoesNotFitIsDecoded(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuses bool
		options Options
	}{
		{"the destination refuses it", true, Options{}},
		{"its rows get metadata", false, Options{Table: table.Options{Metadata: true}}},
		{"its rows are judged", false, Options{Validate: singer.RecordValidator}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &taker{memoryWarehouse: newMemoryWarehouse(), refuses: c.refuses}
			message, _ := parquetBatch(t)
			states, result, err := take(t, w, usersSchema+user(3, "before")+message+state(1)+user(4, "behind")+state(2), c.options)
			if err != nil || len(w.took) != 0 || result.Run.RowsIn != 7 || states[len(states)-1] != `{"n": 2}` {
				t.Fatalf("failure %v, took %v, states %v, run %+v", err, w.took, states, result.Run)
			}
			if rows := w.rows("users"); len(rows) != 5 || !strings.Contains(rows["4;"], "behind") || strings.Contains(rows["3;"], "before") {
				t.Errorf("rows %v", rows)
			}
		})
	}
}

func TestADecodedParquetFileIsToldByItsRow(t *testing.T) {
	w := &taker{memoryWarehouse: newMemoryWarehouse(), refuses: true}
	message, _ := parquetBatch(t)
	schema := strings.Replace(usersSchema, `"key_properties":["id"]`, `"key_properties":["t"]`, 1) // which the third row lacks
	schema = strings.Replace(schema, `"name"`, `"t"`, 1)
	states, result, err := take(t, w, schema+message+state(1), Options{})
	if err == nil || !strings.Contains(err.Error(), "row 3") || len(states) != 0 || result.Run.RowsIn != 2 {
		t.Errorf("failure %v, states %v, run %+v", err, states, result.Run)
	}
}
