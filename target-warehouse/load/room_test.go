package load

import (
	"strings"
	"testing"
)

// TestRowsLeaveBeforeOthersExceedTheRoom loads rows of which one is less than may be pending, and two are more.
func TestRowsLeaveBeforeOthersExceedTheRoom(t *testing.T) {
	in := usersSchema
	for i := range 4 {
		in += user(i, strings.Repeat("x", 3<<19))
	}
	w := newMemoryWarehouse()
	got := loadText(t, w, strings.NewReader(in), Options{MaxMemory: 8 << 20})
	if got.err != nil || len(got.rows) != 4 || w.appends != 4 {
		t.Errorf("failure %v, %d rows, %d appends; want each row in one of its own", got.err, len(got.rows), w.appends)
	}
}

// TestGiantLinesWeighTheirDecoder holds that a line that blows up buffers is counted with them.
func TestGiantLinesWeighTheirDecoder(t *testing.T) {
	s := &splitter{options: Options{MaxMemory: 1 << 30}}
	for _, c := range []struct{ size, weight int64 }{
		{stepSize, 2 * stepSize}, {giant, 2 * giant}, {giant + 1, 4 * (giant + 1)}, {256 << 20, 512 << 20},
	} {
		if got := s.weigh(&step{size: c.size, first: 1}); got != c.weight {
			t.Errorf("a step of %d bytes weighs %d, want %d", c.size, got, c.weight)
		}
	}
}
