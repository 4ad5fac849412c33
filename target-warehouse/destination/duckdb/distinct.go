package duckdb

import (
	"hash/maphash"
	"math/bits"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/target-warehouse/table"
)

// distinctKeys reports whether it is certain that no two rows of the batches have one key. Where the tap sends no row
// twice, which is the rule, DuckDB need not group the rows then, which would take more time than anything else of an
// upsert of narrow rows but their insertion. Keys are compared by hashes of 64 bits: where these differ, the keys do.
func distinctKeys(t *table.Table, batches []*table.Batch) bool {
	rows, longest := int64(0), int64(0)
	for _, b := range batches {
		rows, longest = rows+b.Rows.NumRows(), max(longest, b.Rows.NumRows())
	}
	// Open addressing, at most three quarters full. A place that is free has 0.
	size := bits.Len64(uint64(rows + rows/3))
	places, shift := make([]uint64, 1<<size), 64-size
	seed, hashes := maphash.MakeSeed(), make([]uint64, longest)
	for _, b := range batches {
		hashes := hashes[:b.Rows.NumRows()]
		clear(hashes)
		for _, i := range t.Key {
			if !addHashes(hashes, seed, t.Columns[i].Type, b.Rows.Column(i)) {
				return false
			}
		}
		for _, h := range hashes {
			h = max(h, 1)
			at := h >> shift
			for places[at] != 0 && places[at] != h {
				at = (at + 1) & uint64(len(places)-1)
			}
			if places[at] == h {
				return false
			}
			places[at] = h
		}
	}
	return true
}

// addHashes adds to the hash of each row that of its value in a column of the key. It reports false for a type whose
// values may be equal though their bytes differ.
func addHashes(hashes []uint64, seed maphash.Seed, typ table.Type, column arrow.Array) bool {
	const odd = 0x9e3779b97f4a7c15 // so that where a value stands in the key matters
	var fixed []byte
	switch typ {
	case table.Text:
		values := column.(*array.String)
		for row := range hashes {
			hashes[row] = hashes[row]*odd + maphash.String(seed, values.Value(row))
		}
		return true
	case table.Integer:
		fixed = arrow.Int64Traits.CastToBytes(column.(*array.Int64).Int64Values())
	case table.Timestamp:
		fixed = arrow.TimestampTraits.CastToBytes(column.(*array.Timestamp).TimestampValues())
	case table.Date:
		fixed = arrow.Date32Traits.CastToBytes(column.(*array.Date32).Date32Values())
	default:
		return false
	}
	if len(hashes) == 0 {
		return true
	}
	width := len(fixed) / len(hashes)
	for row := range hashes {
		hashes[row] = hashes[row]*odd + maphash.Bytes(seed, fixed[row*width:(row+1)*width])
	}
	return true
}
