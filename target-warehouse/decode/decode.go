// Package decode turns the bytes of records into columns.
package decode

import (
	"time"

	"tapline/singer"
	"tapline/target-warehouse/table"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Options are what a plan needs beside the shape of its records.
type Options struct {
	// Allocator provides the memory of batches; nil means Go's heap, which must not be used for batches that cross
	// the Arrow C data interface.
	Allocator memory.Allocator
	// RunStart is when the run of the target began, for _sdc_sequence and _sdc_sync_started_at.
	RunStart time.Time
	// Now tells the time for _sdc_received_at and _sdc_batched_at; nil means time.Now.
	Now func() time.Time
}

// Plan says how the records of one SCHEMA become rows of one Table. It is immutable and safe for several goroutines.
type Plan struct {
	table, wide *table.Table
	options     Options
}

// Compile makes the plan that decodes records of s into rows of t, which must be compiled from s.
func Compile(t *table.Table, s *singer.Schema, o Options) *Plan {
	return &Plan{table: t, wide: t.WithExtra(), options: o}
}

// Table returns the table that the plan was compiled for; batches without undeclared properties carry this very pointer.
func (p *Plan) Table() *table.Table { return p.table }

// TableWithExtra returns the table that batches with undeclared properties carry, always the same pointer.
func (p *Plan) TableWithExtra() *table.Table { return p.wide }

// NewDecoder returns an empty decoder for one goroutine. It needs no closing.
func (p *Plan) NewDecoder() *Decoder { return &Decoder{plan: p} }

// Decoder collects the rows of one batch after another. It belongs to one goroutine.
type Decoder struct {
	plan *Plan
	rows int
}

// Append adds a record as the next row. It keeps nothing of rec. On failure, always a *[singer.RecordError], the row is
// left out and the decoder is as it was before.
func (d *Decoder) Append(rec *singer.Record, ordinal int64) error { return nil }

// Len returns the number of rows added since the last Batch.
func (d *Decoder) Len() int { return d.rows }

// Bytes returns about how many bytes those rows will take in a batch.
func (d *Decoder) Bytes() int64 { return 0 }

// Replaced returns how many lone surrogates and bytes that are not UTF-8 became U+FFFD since the decoder was made.
func (d *Decoder) Replaced() int64 { return 0 }

// Batch returns the rows added since the last Batch, owned by the caller, and starts anew; nil if there are none.
func (d *Decoder) Batch() *table.Batch { return nil }
