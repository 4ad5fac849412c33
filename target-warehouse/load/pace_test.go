package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// fewTables takes a while for every Append, and loads of few tables.
type fewTables struct {
	*memoryWarehouse
	each time.Duration // that an Append takes
	most int           // tables of a load
}

func (w *fewTables) Begin(ctx context.Context) (destination.Load, error) {
	l, err := w.memoryWarehouse.Begin(ctx)
	return &fewTablesLoad{l, w, 0}, err
}

type fewTablesLoad struct {
	destination.Load
	w      *fewTables
	tables int
}

func (l *fewTablesLoad) Append(ctx context.Context, batches []*table.Batch) (destination.Counts, error) {
	time.Sleep(l.w.each)
	l.tables++
	return l.Load.Append(ctx, batches)
}

func (l *fewTablesLoad) Crowded() bool { return l.tables >= l.w.most }

// loadInto loads a text and returns the states that leave.
func loadInto(t *testing.T, w destination.Destination, in io.Reader, o Options) (states []string, err error) {
	t.Helper()
	o.Allocator, o.Log = memory.NewGoAllocator(), slog.New(slog.DiscardHandler)
	_, err = Run(context.Background(), singer.NewReader(in), w, func(s json.RawMessage) error {
		states = append(states, string(s))
		return nil
	}, o)
	return states, err
}

// streamsInTurn are schemas of streams, and a round of one record of each.
func streamsInTurn(streams int, name string) (schemas, round string) {
	for i := range streams {
		stream := fmt.Sprintf("s%02d", i)
		schemas += strings.Replace(usersSchema, "users", stream, 1)
		round += strings.Replace(user(i, name), "users", stream, 1)
	}
	return schemas, round
}

// Where all tables together take 40 s, they are not gone through every 10 s.
func TestCommitsThatTakeLongAreRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams, minutes = 40, 20
		schemas, round := streamsInTurn(streams, "a")
		in, tap := io.Pipe()
		w := &fewTables{newMemoryWarehouse(), time.Second, 4}
		done := make(chan error)
		go func() {
			_, err := loadInto(t, w, in, Options{BatchWait: 10 * time.Second})
			done <- err
		}()
		io.WriteString(tap, schemas)
		for range minutes * 60 / 2 {
			io.WriteString(tap, round)
			time.Sleep(2 * time.Second)
		}
		tap.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// One within the first 10 s, one after each 160 s or less of loading, and the last.
		if passes := w.appends / streams; passes < 5 || passes > 9 {
			t.Errorf("within %d minutes all tables are gone through %d times", minutes, passes)
		}
	})
}

// States leave where memory makes rows leave by several loads, and not only when something has waited for long.
func TestRowsThatTookCommitsAreCommittedToTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		schemas, round := streamsInTurn(7, strings.Repeat("x", 1<<20))
		in, tap := io.Pipe()
		w := &fewTables{newMemoryWarehouse(), 0, 4}
		done := make(chan error)
		go func() {
			_, err := loadInto(t, w, in, Options{MaxMemory: 28 << 20})
			done <- err
		}()
		text := schemas
		for i, line := range strings.SplitAfter(round, "\n")[:7] {
			text += line + state(i)
		}
		io.WriteString(tap, text) // the seventh row does not fit in beside the others
		synctest.Wait()
		if n := w.committed(); n == 0 || string(w.states[n-1]) != state(5)[len(`{"type":"STATE","value":`):len(state(5))-2] {
			t.Errorf("the states %s left before anything had waited", w.states)
		}
		tap.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
