package main

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digests tell which records a complete pass found, by 8 bytes for each, so that the next one can leave out what has
// not changed. Equal digests of different records are possible, once in some billions of billions of comparisons.
type digests struct {
	// Keys is the sum of the digests of all keys: a different sum says that records came or went.
	Keys uint64 `json:"keys,string"`
	// Contents are the digests of the records, 8 bytes each. In JSON it is base64.
	Contents []byte `json:"contents"`
}

func (d *digests) valid() bool { return len(d.Contents)%8 == 0 && len(d.Contents) <= 8*mostDigests }

// mostDigests bounds what the state, which is written anew for every page of every stream, holds of one stream.
const mostDigests = 5000

// A digester compares the records of a pass with those of the last one.
type digester struct {
	before map[uint64]bool // nil if nothing is known of a last pass
	last   uint64          // digests.Keys of the last pass
	keys   uint64
	found  []byte
	count  int
}

func newDigester(last *digests) *digester {
	d := &digester{}
	if last == nil {
		return d
	}
	d.before, d.last = map[uint64]bool{}, last.Keys
	for rest := last.Contents; len(rest) > 0; rest = rest[8:] {
		d.before[binary.BigEndian.Uint64(rest)] = true
	}
	return d
}

// known tells whether there is anything to compare with.
func (d *digester) known() bool { return d.before != nil }

// changed takes note of records and returns those that the last pass did not find.
func (d *digester) changed(records []record, keys []string) (some []record) {
	for _, r := range records {
		sum := digestOf(r.text)
		if !d.before[sum] {
			some = append(some, r)
		}
		var key []byte
		for _, name := range keys {
			key = append(append(key, lookup(r.text, name)...), 0)
		}
		d.keys += digestOf(key)
		if d.count++; d.count <= mostDigests {
			d.found = binary.BigEndian.AppendUint64(d.found, sum)
		}
	}
	return some
}

// result is what the next pass is to know. It is nil, so that the next pass writes everything, if there are too many
// records, or if records came or went: only a whole pass can tell the target what is gone.
func (d *digester) result() *digests {
	if d.count > mostDigests || d.known() && d.keys != d.last {
		return nil
	}
	return &digests{Keys: d.keys, Contents: d.found}
}

func digestOf(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:8])
}
