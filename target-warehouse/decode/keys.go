package decode

import (
	"slices"
	"unicode/utf8"

	"tapline/internal/rawjson"
)

// keys finds the slot of an object's member: its index among the targets, or a number behind all of them if it has none.
// Records of a stream have mostly the same members in the same order and spelling, so each slot remembers which one stood
// behind it last, and how that was introduced. Where this holds again, nobody looks for the end of the name.
type keys struct {
	leads   []lead // by slot
	next    []int  // by slot + 1: the slot seen behind it; the first is for the start of the record
	learned map[string]int
	scratch []byte
}

// lead is what stood last between a member's value and the brace or comma before the member: its name, a colon, and white
// space.
type lead struct {
	text       []byte
	start, end int // of the name in text
}

// start is the slot before the first of an object.
const start = -1

func newKeys(p *walked) keys {
	k := keys{leads: make([]lead, len(p.targets)), next: make([]int, len(p.targets)+1), learned: map[string]int{}}
	for i := range k.next {
		k.next[i] = i
	}
	return k
}

// member returns the slot of the member behind text[i-1], a brace or comma, and the index where its value begins.
func (k *keys) member(p *walked, previous int, text []byte, i int) (slot, value int, err error) {
	if guess := k.next[previous+1]; guess < len(k.leads) {
		lead := k.leads[guess].text
		value := i + len(lead)
		if value > i && value < len(text) && text[value] > ' ' && string(text[i:value]) == string(lead) {
			return guess, value, nil
		}
	}
	return k.learn(p, previous, text, i)
}

// learn is member for one that does not stand where it stood last or is spelled otherwise.
func (k *keys) learn(p *walked, previous int, text []byte, i int) (slot, value int, err error) {
	key, err := rawjson.KeyAt(text, i)
	if err != nil {
		return 0, 0, err
	}
	var name []byte
	name, k.scratch = nameOf(text[key.Start:key.End], key.Escaped, k.scratch)
	slot, known := p.slots[string(name)]
	if !known {
		slot, known = k.learned[string(name)]
	}
	if !known {
		slot = len(k.leads)
		k.learned[string(name)] = slot
		k.leads = append(k.leads, lead{})
		k.next = append(k.next, slot+1)
	}
	l := &k.leads[slot]
	l.text, l.start, l.end = append(l.text[:0], text[i:key.Value]...), key.Start-i, key.End-i
	k.next[previous+1] = slot
	return slot, key.Value, nil
}

// spelling returns a member's name as the text spells it; member has just returned that slot for it, and value.
func (k *keys) spelling(slot int, text []byte, value int) []byte {
	l := &k.leads[slot]
	begin := value - len(l.text)
	return text[begin+l.start : begin+l.end]
}

// forget drops the names that have no target.
func (k *keys) forget(targets int) {
	k.leads, k.next = k.leads[:targets], k.next[:targets+1]
	clear(k.learned)
}

// nameOf returns a member's name with its escapes resolved; scratch is room for that and is returned, maybe grown.
func nameOf(spelled []byte, escaped bool, scratch []byte) (name, room []byte) {
	if !escaped && utf8.Valid(spelled) {
		return spelled, scratch
	}
	scratch = slices.Grow(scratch[:0], 4*len(spelled)+2) // the literal and, behind it, its text
	scratch = append(append(append(scratch, '"'), spelled...), '"')
	quoted := len(scratch)
	name, _ = rawjson.Text(scratch[:quoted], scratch[quoted:], true)
	return name, scratch
}
