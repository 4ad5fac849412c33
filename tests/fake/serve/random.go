package serve

import (
	"hash/fnv"
	"math/rand/v2"
)

// Random is the randomness that a seed gives one purpose of one thing of a kind.
func Random(seed uint64, kind string, index int, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed^h.Sum64(), uint64(index)*0x9e3779b97f4a7c15+seed))
}
