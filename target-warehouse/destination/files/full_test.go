package files

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// narrow is a disk that has room for so many bytes more.
type narrow struct {
	io.Writer
	room int
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) > n.room {
		return 0, syscall.ENOSPC
	}
	n.room -= len(p)
	return n.Writer.Write(p)
}

// TestFullDiskAtAnyByteFailsTheLoad lets writes of a file fail one after the other, from its first bytes to its end:
// the load fails with the disk's failure and leaves nothing, and the next one works.
func TestFullDiskAtAnyByteFailsTheLoad(t *testing.T) {
	for _, config := range []Config{{}, {Compression: "none"}, {Format: "jsonl"}, {Format: "jsonl", Compression: "none"}} {
		t.Run(config.Format+" "+config.Compression, func(t *testing.T) {
			config.URL = t.TempDir()
			w := mustOpen(t, config)
			defer mustClose(t, w)
			rows := []destinationtest.Row{{int64(1), time.Now(), nil}, {int64(2), nil, time.Unix(0, 0)}}
			failed := 0
			for room := 0; ; room = room + 1 + room/8 {
				err := loadNarrowly(t, w, moments(), room, rows...)
				if err == nil {
					break
				}
				if failed++; !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("with room for %d bytes: %v", room, err)
				}
				if left := w.dataFiles(t, moments()); len(left) > 0 {
					t.Fatalf("with room for %d bytes: there are %s", room, strings.Join(left, ", "))
				}
			}
			if failed < 10 {
				t.Errorf("%d loads failed, which is less than a file has writes", failed)
			}
			if n, _, err := w.Count(t.Context(), "shop", "moments"); n != int64(len(rows)) || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
}

// loadNarrowly commits rows, or rolls back when their file does not fit.
func loadNarrowly(t *testing.T, w *Warehouse, tab *table.Table, room int, rows ...destinationtest.Row) error {
	t.Helper()
	begun, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := begun.(*load)
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	f, err := l.file(l.plans[tab], "")
	if err != nil {
		t.Fatal(err)
	}
	f.size = newCounter(&narrow{f.out, room})
	if f.encoder, err = l.encoder(f.plan, f.size); err != nil {
		t.Fatal(err)
	}
	b := destinationtest.Batch(memory.DefaultAllocator, tab, 1, rows...)
	defer b.Rows.Release()
	if _, err = l.Append(t.Context(), []*table.Batch{b}); err == nil {
		err = l.Commit(t.Context(), checkpointOf(w.config.Pipeline, "r", 1))
	}
	if err != nil {
		if err := l.Rollback(); err != nil {
			t.Error(err)
		}
	}
	return err
}
