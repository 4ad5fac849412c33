package files

import (
	"bytes"
	"log/slog"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestTablesWithoutTheColumnToPartitionByAreToldOnce(t *testing.T) {
	const missing, text = `"the table has no such column"`, `"it is text and neither a moment nor a date"`
	line := func(stream, column, reason string) string {
		return `level=WARN msg="the table is not partitioned: its files lie in one folder" stream=` + stream + " table=shop/" + stream +
			"/ partition_column=" + column + " reason=" + reason + "\n"
	}
	for _, c := range []struct{ period, column, want string }{
		{"day", "none", line("moments", "none", missing) + line("notes", "none", missing)},
		{"month", "text", line("moments", "text", missing) + line("notes", "text", text)},
		{"year", "day", line("notes", "day", missing)},
		{"day", "", line("notes", table.ExtractedAt, missing)},
		{"", "none", ""},
	} {
		t.Run(c.period+" "+c.column, func(t *testing.T) {
			var log bytes.Buffer
			options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}
			w := mustOpen(t, Config{URL: t.TempDir(), Partition: c.period, PartitionColumn: c.column, Log: slog.New(slog.NewTextHandler(&log, options))})
			for range 2 {
				loadRows(t, w, moments(), destinationtest.Row{int64(1), nil, nil})
				loadRows(t, w, notes(), destinationtest.Row{int64(1), "a"})
			}
			mustClose(t, w)
			if diff := gocmp.Diff(c.want, log.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}
