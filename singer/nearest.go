package singer

import (
	"cmp"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the candidate that word is most likely a misspelling of, or "" when none comes close. A third of the
// word's letters may differ, three at most; case does not count, and of equals the first wins. Otherwise it is the first
// that a word of some length is a part of: activate_version of process_activate_version_messages.
func nearest(word string, candidates []string) string {
	best, part, least := "", "", max(1, min(len(word)/3, 3))+1
	for _, candidate := range candidates {
		distance := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(candidate))
		if distance < least {
			best, least = candidate, distance
		}
		if part == "" && len(word) > 4 && strings.Contains(candidate, strings.ToLower(word)) {
			part = candidate
		}
	}
	return cmp.Or(best, part)
}
