package postgres

import (
	"fmt"
	"strings"
	"testing"

	"tapline/target-warehouse/table"
)

func TestTooManyColumnsAreExplained(t *testing.T) {
	w := mustOpen(t, newDatabase(t))
	wide := things(0)
	for i := range 1700 {
		wide.Columns = append(wide.Columns, table.Column{Name: fmt.Sprint("c", i), Property: fmt.Sprint("c", i), Type: table.Boolean, Nullable: true})
	}
	narrow := *wide
	narrow.Columns = wide.Columns[:10]
	for _, tab := range []*table.Table{wide, &narrow, wide} { // made so, and widened to it
		_, err := migrate1(t, w, tab)
		if tab == &narrow {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, word := range []string{"things", "1600 columns", "deselect properties in the tap", "flattening_max_depth"} {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("failure is %v, want one with %q", err, word)
			}
		}
	}
}
