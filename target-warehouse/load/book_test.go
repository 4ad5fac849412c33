package load

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

// TestAStreamThatBeginsInALoadThatIsUndoneHasLoadedNothing has its SCHEMA behind rows that are staged already.
func TestAStreamThatBeginsInALoadThatIsUndoneHasLoadedNothing(t *testing.T) {
	w := newMemoryWarehouse()
	w.fail = func(at string, n int) error {
		if at == "commit" && n == 2 {
			return errors.New("disk full")
		}
		return nil
	}
	later := strings.NewReplacer(`"users"`, `"later"`).Replace(usersSchema + versioned(1, 5) + strings.Replace(activate(5), "users", "later", 1))
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, strings.Repeat("x", 2<<20))+later), Options{MaxMemory: 2 << 20})
	row := w.lastRow(destination.Tables)
	if got.err == nil || w.appends != 2 || len(w.own[destination.Tables.Name]) != 2 {
		t.Fatalf("failure %v, %d appends, tables %v", got.err, w.appends, w.own[destination.Tables.Name])
	}
	for _, values := range w.own[destination.Tables.Name] {
		for i, c := range destination.Tables.Columns {
			switch c.Name {
			case "rows_inserted", "rows_updated":
				if values.Values[i] != int64(0) {
					t.Errorf("%v: %s is %v", values.Values[1], c.Name, values.Values[i])
				}
			case "last_loaded_at", "last_run_id", "active_version":
				if values.Values[i] != nil {
					t.Errorf("%v: %s is %v", values.Values[1], c.Name, values.Values[i])
				}
			}
		}
	}
	if row["status"] != "failed" {
		t.Errorf("status %v", row["status"])
	}
}

func TestRowsOfAHistoryAreNotCountedByArithmetic(t *testing.T) {
	w := newMemoryWarehouse()
	memory := &journal.Memory{Tables: map[string]journal.Table{"users": {Stream: "users", Name: "users", RowCount: 10}}}
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+user(1, "b")), Options{Memory: memory, History: func(string) bool { return true }})
	if row := w.lastRow(destination.Tables); got.err != nil || row["row_count"] != nil || row["rows_updated"] != int64(1) {
		t.Errorf("failure %v, row %v", got.err, row)
	}
}

func TestRejectsAreCountedInTheirCommit(t *testing.T) {
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(usersSchema+user(1, "a")+oddUser+oddUser), Options{})
	if row := w.lastRow(destination.Loads); got.err != nil || row["rows_rejected"] != int64(2) || row["rows_inserted"] != int64(2) {
		t.Errorf("failure %v, row %v", got.err, row)
	}
}

// TestHiddenRowsSayNothingOfTheirTable commits each row by itself into a table to be overwritten.
func TestHiddenRowsSayNothingOfTheirTable(t *testing.T) {
	extracted := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	record := `{"type":"RECORD","stream":"users","version":5,"time_extracted":"2026-05-01T00:00:00Z","record":{"id":1}}` + "\n"
	o := Options{Table: table.Options{Method: table.Overwrite}, BatchRows: 1}
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(usersSchema+record+versioned(2, 5)), o)
	if row := w.lastRow(destination.Tables); got.err == nil || row["last_replicated_at"] != nil || row["rows_inserted"] != int64(0) || row["row_count"] != nil {
		t.Errorf("without activation: failure %v, row %v", got.err, row)
	}
	o.Run.StartedAt = extracted.Add(-time.Hour) // what a run that ends well reads is at least as new as its start
	w = newMemoryWarehouse()
	got = loadText(t, w, strings.NewReader(usersSchema+record+strings.Replace(record, `"id":1`, `"id":2`, 1)+activate(5)), o)
	if row := w.lastRow(destination.Tables); got.err != nil || row["last_replicated_at"] != extracted || row["rows_inserted"] != int64(2) || row["row_count"] != int64(2) {
		t.Errorf("with activation: failure %v, row %v", got.err, row)
	}
}

// openLoads counts loads that nobody ended.
type openLoads struct {
	*memoryWarehouse
	open int
}

func (w *openLoads) Begin(ctx context.Context) (destination.Load, error) {
	l, err := w.memoryWarehouse.Begin(ctx)
	w.open++
	return countedLoad{l, w}, err
}

type countedLoad struct {
	destination.Load
	of *openLoads
}

func (l countedLoad) Rollback() error {
	l.of.open--
	return l.Load.Rollback()
}

func TestARunThatCannotBeRecordedLeavesNoLoadOpen(t *testing.T) {
	w := &openLoads{memoryWarehouse: newMemoryWarehouse()}
	w.fail = func(at string, n int) error {
		if at == "commit" {
			return errors.New("another run has begun")
		}
		return nil
	}
	_, err := Run(t.Context(), singer.NewReader(strings.NewReader("")), w, func(json.RawMessage) error { return nil }, Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil || w.open != 0 {
		t.Errorf("failure %v, %d loads are open", err, w.open)
	}
}
