package load

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"golang.org/x/sync/semaphore"

	"tapline/singer"
	"tapline/target-warehouse/table"
)

// TestRecordsAreReceivedInTheirOrder: a history takes a record for a late row if it seems older than the one before it. So
// the times of receipt may not go backwards along the stream, whichever worker decodes a step first and whatever the clock
// of the machine does.
func TestRecordsAreReceivedInTheirOrder(t *testing.T) {
	var in strings.Builder
	for i := range 20 {
		in.WriteString(strings.ReplaceAll(usersSchema, "users", fmt.Sprint("s", i)) + usersSchema + user(i, "a"))
	}
	for _, c := range []struct {
		name     string
		tick     time.Duration // of the clock, whenever it is read
		lastStep bool          // is decoded first
	}{
		{"a worker that is late", time.Second, true},
		{"a clock that is put back", -time.Second, false},
	} {
		clock := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
		o := Options{Allocator: memory.NewGoAllocator(), Now: func() time.Time { clock = clock.Add(c.tick); return clock }}
		o.Table.Metadata = true
		o.setDefaults()
		steps := stepsOf(t, in.String(), o)
		if c.lastStep {
			slices.Reverse(steps)
		}
		times := make([]time.Time, 20)
		w := newWorker(o)
		for _, s := range steps {
			if err := w.decode(s); err != nil {
				t.Fatal(err)
			}
			for _, d := range s.decoded {
				for i, column := range d.batch.Table.Columns {
					if column.Name == table.ExtractedAt {
						times[firstOrdinal(d.batch)-1] = d.batch.Rows.Column(i).(*array.Timestamp).Value(0).ToTime(arrow.Microsecond)
					}
				}
			}
			releaseAll(s)
		}
		for i, at := range times {
			if at.IsZero() || i > 0 && at.Before(times[i-1]) {
				t.Fatalf("%s: record %d was received at %v, the one before at %v", c.name, i+1, at, times[max(i-1, 0)])
			}
		}
	}
}

// stepsOf cuts a stream of up to 100 steps.
func stepsOf(t *testing.T, in string, o Options) (steps []*step) {
	t.Helper()
	queue, work := make(chan *step, 100), make(chan *step, 100)
	newSplitter(singer.NewReader(strings.NewReader(in)), o, semaphore.NewWeighted(o.MaxMemory)).split(t.Context(), queue, work)
	close(work)
	for s := range work {
		steps = append(steps, s)
	}
	return steps
}
