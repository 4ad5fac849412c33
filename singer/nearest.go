package singer

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the candidate that word is most likely a misspelling of, or "" when none comes close. A third of the
// word's letters may differ; case does not count, and of equals the first wins.
func nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, candidate := range candidates {
		distance := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(candidate))
		if distance < least {
			best, least = candidate, distance
		}
	}
	return best
}
