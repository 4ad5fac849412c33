package destinationtest

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination"
)

// TestSuiteAcceptsTheModel holds the suite against the contract's plainest form, so that what it asks can be done.
func TestSuiteAcceptsTheModel(t *testing.T) {
	Run(t, modelHarness)
}

func modelHarness(t *testing.T) *Harness {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	m := NewModel()
	return &Harness{
		Allocator: mem,
		Open:      func(*testing.T) destination.Destination { return m },
		Read: func(t *testing.T, schema, name string, columns []string) []Row {
			return m.Rows(schema, name, columns)
		},
		Exists: func(t *testing.T, schema, name string) bool { return m.world.tables[place{schema, name}] != nil },
	}
}
