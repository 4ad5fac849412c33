package decode

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"tapline/internal/rawjson"
)

// keys finds the slot of an object's member: its index among the targets, or a number behind all of them if it has none.
// Records of a stream have mostly the same members in the same order, so each slot remembers which one stood behind it
// last.
type keys struct {
	spelled [][]byte // by slot: the name as the text had it last, escapes untouched
	next    []int    // by slot + 1: the slot seen behind it; the first is for the start of the record
	learned map[string]int
	scratch []byte
}

// start is the slot before the first of an object.
const start = -1

func newKeys(p *walked) keys {
	k := keys{spelled: make([][]byte, len(p.targets)), next: make([]int, len(p.targets)+1), learned: map[string]int{}}
	for name, slot := range p.slots {
		if k.spelled[slot] = []byte(name); strings.Contains(name, `\`) {
			k.spelled[slot] = []byte{'"'} // a text spells it otherwise, and spells another name so
		}
	}
	for i := range k.next {
		k.next[i] = i
	}
	return k
}

func (k *keys) slot(p *walked, previous int, m *rawjson.Members) int {
	guess := k.next[previous+1]
	if guess < len(k.spelled) && bytes.Equal(k.spelled[guess], m.Key) {
		return guess
	}
	var name []byte
	name, k.scratch = nameOf(m, k.scratch)
	slot, known := p.slots[string(name)]
	if !known {
		slot, known = k.learned[string(name)]
	}
	if !known {
		slot = len(k.spelled)
		k.learned[string(name)] = slot
		k.spelled = append(k.spelled, nil)
		k.next = append(k.next, slot+1)
	}
	k.spelled[slot] = append(k.spelled[slot][:0], m.Key...)
	k.next[previous+1] = slot
	return slot
}

// forget drops the names that have no target.
func (k *keys) forget(targets int) {
	k.spelled, k.next = k.spelled[:targets], k.next[:targets+1]
	clear(k.learned)
}

// nameOf returns a member's name with its escapes resolved; scratch is room for that and is returned, maybe grown.
func nameOf(m *rawjson.Members, scratch []byte) (name, room []byte) {
	if !m.Escaped && utf8.Valid(m.Key) {
		return m.Key, scratch
	}
	scratch = slices.Grow(scratch[:0], 4*len(m.Key)+2) // the literal and, behind it, its text
	scratch = append(append(append(scratch, '"'), m.Key...), '"')
	quoted := len(scratch)
	name, _ = rawjson.Text(scratch[:quoted], scratch[quoted:], true)
	return name, scratch
}
