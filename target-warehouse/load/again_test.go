package load

import (
	"fmt"
	"strings"
	"testing"

	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

// TestAnOverwrittenTableIsNotEmptiedByAVersionThatComesAgain: some taps say ACTIVATE_VERSION twice, or at the start of a run
// and at its end. Only a newer version without rows says that the source is empty.
func TestAnOverwrittenTableIsNotEmptiedByAVersionThatComesAgain(t *testing.T) {
	active := &journal.Memory{Tables: map[string]journal.Table{"users": {Stream: "users", Name: "users", ActiveVersion: 5, HasVersion: true}}}
	for _, c := range []struct {
		name, in  string
		memory    *journal.Memory
		activated []int // the versions that the destination is told
	}{
		{"again", versioned(1, 5) + activate(5) + activate(5), nil, []int{5}},
		{"an older one late", versioned(1, 5) + activate(5) + activate(4), nil, []int{5}},
		{"again in the next run", activate(5), active, nil},
		{"an older one in the next run", activate(4), active, nil},
		{"at the start and at the end", activate(5) + versioned(1, 5) + activate(5), active, []int{5}},
		{"an older one with rows", versioned(1, 4) + activate(4), active, []int{4}},
		{"a newer one without rows", activate(6), active, []int{6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Table: table.Options{Method: table.Overwrite}, Memory: c.memory}
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+c.in+state(1)), o)
			if got.err != nil || len(got.states) != 1 {
				t.Fatalf("failure %v, states %v", got.err, got.states)
			}
			for version := range 10 {
				told := got.rows[fmt.Sprint("activated ", version)] != ""
				if wanted := strings.Contains(fmt.Sprint(c.activated), fmt.Sprint(version)); told != wanted {
					t.Errorf("version %d is activated: %v, want %v", version, told, wanted)
				}
			}
		})
	}
}
