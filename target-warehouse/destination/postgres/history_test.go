package postgres

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// TestHistoryOfColumnsWithAnyName has columns, in the key and beside it, with names that the queries use or did.
func TestHistoryOfColumnsWithAnyName(t *testing.T) {
	url := newDatabase(t)
	w, conn := mustOpen(t, url), connect(t, url)
	for i, name := range []string{"before", "known", "n", "since", "until", "version", "versions", "differs", "newest", "last", "k", "s", "t", "v", "b"} {
		for _, inKey := range []bool{false, true} {
			t.Run(fmt.Sprint(name, inKey), func(t *testing.T) {
				tab := things(1, table.Integer, table.Text, table.Text)
				tab.Name, tab.Method = fmt.Sprint("things_", i, inKey), table.History
				tab.Columns[1].Name = name
				if inKey {
					tab.Key, tab.Columns[1].Nullable = []int{0, 1}, false
				}
				for _, own := range []string{table.ValidFrom, table.ValidTo} {
					tab.Columns = append(tab.Columns, table.Column{Name: own, Type: table.Timestamp, Nullable: true})
				}
				row := func(id int64, third string, hours int) destinationtest.Row {
					return destinationtest.Row{id, "x", third, moment.Add(time.Duration(hours) * time.Hour), nil}
				}
				mustLoad(t, w, tab, row(1, "a", 1), row(2, "a", 1), row(1, "b", 2))
				got := mustLoad(t, w, tab, row(1, "late", 0), row(2, "c", 4), row(2, "late", 3), row(1, "b", 5), row(3, "c", 5))
				if want := (destination.Counts{Inserted: 1, Updated: 4}); got != want {
					t.Errorf("counts are %v, want %v", got, want)
				}
				want := []destinationtest.Row{{int64(1), "a", false}, {int64(1), "b", true}, {int64(2), "a", false}, {int64(2), "c", true}, {int64(3), "c", true}}
				if diff := gocmp.Diff(want, query(t, conn, "SELECT value, third, _sdc_valid_to IS NULL FROM "+quote(tab.Name)+" ORDER BY value, third")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}
