package destinationtest

import (
	"slices"
	"testing"
)

// Ability is something that not every engine can do. The checks that need it are skipped for an engine that cannot, with
// the engine's reason.
type Ability string

// The abilities.
const (
	Upsert     Ability = "replace a row by its key"
	HardDelete Ability = "delete rows"
	SoftDelete Ability = "mark rows as deleted"
	History    Ability = "keep the history of rows"
	Alter      Ability = "change the type of a column that has rows"
)

var abilities = []Ability{Upsert, HardDelete, SoftDelete, History, Alter}

// needs skips the check unless the engine can do all of these.
func (h *Harness) needs(t *testing.T, wanted ...Ability) {
	t.Helper()
	for _, a := range wanted {
		if reason, cannot := h.Cannot[a]; cannot {
			t.Skipf("the engine cannot %s: %s", a, reason)
		}
	}
}

// checkAbilities fails the test where the engine's list is not one that a reader could use.
func (h *Harness) checkAbilities(t *testing.T) {
	t.Helper()
	for a, reason := range h.Cannot {
		if !slices.Contains(abilities, a) || reason == "" {
			t.Errorf("Cannot says %q: %q; it must name an Ability and the reason", a, reason)
		}
	}
}

func (h *Harness) can(a Ability) bool {
	_, cannot := h.Cannot[a]
	return !cannot
}
