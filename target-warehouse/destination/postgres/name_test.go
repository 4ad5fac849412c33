package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestStoredNamesFitAndStayApart(t *testing.T) {
	names := []string{"short", "UPPER", "upper", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("é", 32),
		strings.Repeat("é", 31), strings.Repeat("東", 300), strings.Repeat("東", 299) + "a", strings.Repeat("a", 40) + "1" + strings.Repeat("b", 40),
		strings.Repeat("a", 40) + "2" + strings.Repeat("b", 40), "xmin", "XMIN"}
	seen := map[string]string{}
	for _, name := range names {
		got := storedColumn(name)
		if len(got) > maxName || !utf8.ValidString(got) || got != storedColumn(name) {
			t.Errorf("%q is stored as %q", name, got)
		}
		if len(name) <= maxName && name != "xmin" && got != name {
			t.Errorf("%q is stored as %q without need", name, got)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q are both stored as %q", name, other, got)
		}
		seen[got] = name
	}
}

func TestStoredNamesNeverChange(t *testing.T) {
	for name, want := range map[string]string{
		"xmin": "xmin_eafb2f50be97cbeb",
		strings.Repeat("a", 50) + strings.Repeat("b", 50): "aaaaaaaaaaaaaaaaaaaaaa_3ddba50067a322df_bbbbbbbbbbbbbbbbbbbbbb",
	} {
		if got := storedColumn(name); got != want {
			t.Errorf("%q is stored as %q, want %q", name, got, want)
		}
	}
}

func TestLongNamesAndSystemColumnsAreLoaded(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	long := strings.Repeat("long name ", 30)
	tab := &table.Table{Stream: long, Schema: long + "schema", Name: long + "table", Key: []int{0}}
	row := destinationtest.Row{}
	for _, name := range []string{long + "1", long + "2", "ctid", "xmin", "oid", "tableoid"} {
		tab.Columns = append(tab.Columns, table.Column{Name: name, Type: table.Text, Nullable: len(row) > 0})
		row = append(row, "value of "+name)
	}
	w := mustOpen(t, url)
	for _, want := range []destination.Counts{{Inserted: 1}, {Updated: 1}} {
		if got := mustLoad(t, w, tab, row); got != want {
			t.Errorf("counts are %v, want %v", got, want)
		}
	}
	var columns []string
	for _, c := range tab.Columns {
		columns = append(columns, c.Name)
	}
	if diff := gocmp.Diff([]destinationtest.Row{row}, readTable(t, conn, tab.Schema, tab.Name, columns)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rows, exists, err := w.Count(t.Context(), tab.Schema, tab.Name); err != nil || rows != 1 || !exists {
		t.Errorf("%d rows, exists: %v, failure %v", rows, exists, err)
	}
}
