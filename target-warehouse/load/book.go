package load

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/journal"
	"tapline/target-warehouse/table"
)

// book keeps the records of a run: what the next commit writes into tapline's own tables. What it says of an open load is
// true once that load is committed, and taken back by restore.
type book struct {
	options Options
	fence   int64

	run       journal.Run
	tables    map[string]journal.Table // by stream: those whose SCHEMA was read
	began     map[string]journal.Table // by stream: tables as of the stream's first SCHEMA
	methods   map[string]table.Method  // by stream
	hidden    map[string]hidden        // by stream: what was done to a table that nobody sees yet
	versioned map[string]bool          // streams of which a record with a version was read
	commits   int64
	changed   int64                                // changes made to tables
	columns   map[string]map[string]journal.Column // by stream and name, as the warehouse has them

	// Of the open load:
	touched    map[string]bool          // streams whose row in tables changes
	loads      map[string]*journal.Load // by stream
	changes    []journal.Change
	newColumns map[[2]string]journal.Column // by stream and name
}

// hidden is what rows of a table to be overwritten will mean for it once they take the place of its own.
type hidden struct {
	counts destination.Counts
	newest time.Time // when the newest of them was extracted
}

func newBook(o Options) *book {
	b := &book{options: o, fence: o.Memory.Fence + 1, run: o.Run, tables: map[string]journal.Table{}, began: map[string]journal.Table{}, methods: map[string]table.Method{}, hidden: map[string]hidden{}, versioned: map[string]bool{},
		columns: map[string]map[string]journal.Column{}, touched: map[string]bool{}, loads: map[string]*journal.Load{}, newColumns: map[[2]string]journal.Column{}}
	b.run.Status = journal.Running
	b.run.FirstState = o.Memory.State
	for stream, columns := range o.Memory.Columns {
		b.columns[stream] = maps.Clone(columns)
	}
	return b
}

// clone is a copy for restore, made between loads.
func (b *book) clone() *book {
	c := *b
	c.tables = maps.Clone(b.tables)
	return &c
}

// restore takes back what was noted of a load that is undone. What was read stays read.
func (b *book) restore(before *book) {
	in, bytes := b.run.RowsIn, b.run.BytesIn
	b.run, b.commits, b.changed = before.run, before.commits, before.changed
	b.run.RowsIn, b.run.BytesIn = in, bytes
	for stream, t := range b.began { // a SCHEMA may have been read since
		b.tables[stream] = t
	}
	maps.Copy(b.tables, before.tables)
	b.settle()
}

// methodNames are the words of the setting load_method, and one for history.
var methodNames = map[table.Method]string{table.Upsert: "upsert", table.AppendOnly: "append-only", table.Overwrite: "overwrite", table.History: "history"}

// schema notes a stream's SCHEMA.
func (b *book) schema(p *plan) {
	t, known := b.tables[p.table.Stream]
	if !known {
		earlier, was := b.options.Memory.Tables[p.table.Stream]
		if t = earlier; !was || earlier.Schema != p.table.Schema || earlier.Name != p.table.Name {
			t = journal.Table{RowCount: -1}
		}
		t.Pipeline, t.Stream, t.Schema, t.Name = b.run.Pipeline, p.table.Stream, p.table.Schema, p.table.Name
		t.Counts, t.Rejected, t.FailureReason = destination.Counts{}, 0, ""
		t.Status = journal.Loading
		if !earlier.ReloadRequestedAt.IsZero() {
			t.Status = journal.Reloading
		}
	}
	hash := fnv.New64a()
	hash.Write(p.schema)
	t.SchemaHash = fmt.Sprintf("%016x", hash.Sum64())
	b.tables[p.table.Stream] = t
	b.methods[p.table.Stream] = p.table.Method
	if !known {
		b.began[p.table.Stream] = t
	}
}

// read notes rows of a stream that were decoded.
func (b *book) read(d *decoded) {
	b.run.RowsIn += d.batch.Rows.NumRows()
	if d.versioned {
		b.versioned[d.stream] = true
	}
}

// newestExtracted returns when the tap read the newest of the rows, as far as they tell.
func newestExtracted(b *table.Batch) time.Time {
	newest := arrow.Timestamp(math.MinInt64)
	for i, c := range b.Table.Columns {
		if c.Name == table.ExtractedAt && c.Type == table.Timestamp {
			times := b.Rows.Column(i).(*array.Timestamp)
			for row, at := range times.TimestampValues() {
				if at > newest && times.IsValid(row) {
					newest = at
				}
			}
		}
	}
	if newest == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMicro(int64(newest)).UTC()
}

// rejected notes that a record of a stream was not taken as it was sent.
func (b *book) rejected(stream string) {
	b.run.Rejected++
	if t, known := b.tables[stream]; known {
		t.Rejected++
		b.tables[stream] = t
		b.load(stream).Rejected++
	}
}

// staging notes what of a stream goes into the open load.
func (b *book) staging(st *stream) {
	l := b.load(st.name)
	for _, batch := range st.batches {
		if l.FirstOrdinal == 0 {
			l.FirstOrdinal = firstOrdinal(batch)
		}
		l.LastOrdinal = lastOrdinal(batch)
		l.Bytes += batch.Bytes
		b.replicated(st.name, newestExtracted(batch))
		b.awaitActivation(st.name, batch)
	}
}

// awaitActivation notes rows of a version that is not active yet. Should the run end before it is, what comes after need
// not have a record of the stream any more, and has to know that the rows without a version are older. Where the tap has
// activated the version ahead of its records, nothing is noted: it does so before it has read what is still there.
func (b *book) awaitActivation(stream string, batch *table.Batch) {
	t, known := b.tables[stream]
	method := b.methods[stream]
	if !known || t.VersionPending || b.options.IgnoreVersions || method == table.AppendOnly || method == table.Overwrite {
		return
	}
	if newest, ok := newestVersion(batch); ok && (!t.HasVersion || newest > t.ActiveVersion) {
		t.VersionPending = true
		b.tables[stream] = t
	}
}

// newestVersion returns the greatest version that rows have; ok is false where none has one.
func newestVersion(b *table.Batch) (newest int64, ok bool) {
	for i, c := range b.Table.Columns {
		if c.Name == table.TableVersion && c.Type == table.Integer {
			versions := b.Rows.Column(i).(*array.Int64)
			for row, version := range versions.Int64Values() {
				if versions.IsValid(row) && (!ok || version > newest) {
					newest, ok = version, true
				}
			}
		}
	}
	return newest, ok
}

// hasVersions tells whether the tap gives records of a stream versions, so that rows without one are older than the next
// to be activated: one of this run had one, or one that waits for its activation since an earlier run.
func (b *book) hasVersions(stream string) bool {
	return b.versioned[stream] || b.tables[stream].VersionPending
}

// replicated notes how new the rows of a stream are that go into the open load.
func (b *book) replicated(stream string, newest time.Time) {
	if b.methods[stream] == table.Overwrite {
		h := b.hidden[stream]
		if newest.After(h.newest) {
			h.newest = newest
		}
		b.hidden[stream] = h
		return
	}
	if t, known := b.tables[stream]; known && newest.After(t.LastReplicatedAt) {
		t.LastReplicatedAt = newest
		b.tables[stream] = t
	}
}

func (b *book) load(stream string) *journal.Load {
	if b.loads[stream] == nil {
		b.loads[stream] = &journal.Load{RunID: b.run.ID, Number: b.commits + 1, Stream: stream, Method: methodNames[b.methods[stream]], StartedAt: b.options.Now()}
	}
	return b.loads[stream]
}

// migrated notes what a Migrate of the open load found and did.
func (b *book) migrated(t *table.Table, m *destination.Migration) {
	if t.Own {
		return
	}
	now := b.options.Now()
	for _, change := range m.Changes {
		b.changed++
		b.changes = append(b.changes, journal.Change{RunID: b.run.ID, Number: b.changed, Stream: t.Stream, At: now, Schema: t.Schema, Table: t.Name, Change: change})
		if change.Kind == destination.CreateTable {
			entry := b.tables[t.Stream]
			entry.RowCount = 0
			// What earlier runs have loaded went with the table that was there; rows of this run may be noted already.
			entry.VersionPending = entry.VersionPending && b.versioned[t.Stream]
			b.tables[t.Stream] = entry
		}
	}
	if b.columns[t.Stream] == nil {
		b.columns[t.Stream] = map[string]journal.Column{}
	}
	for i, c := range t.Columns {
		has, known := b.columns[t.Stream][c.Name]
		column := journal.Column{Pipeline: b.run.Pipeline, Stream: t.Stream, Path: c.Path(), Name: c.Name, StoredAs: m.Columns[i].Name,
			LogicalType: c.LogicalType(), StoredType: m.Columns[i].Type, Nullable: c.Nullable, FirstSeenAt: now, LastSeenAt: now}
		if known {
			column.FirstSeenAt = has.FirstSeenAt
		}
		// A Table that is narrower than the warehouse's has nothing to say about the column.
		if !known || has.StoredAs != column.StoredAs || has.StoredType != column.StoredType || has.Nullable != column.Nullable && column.Nullable {
			b.columns[t.Stream][c.Name] = column
			b.newColumns[[2]string{t.Stream, c.Name}] = column
		}
	}
}

// count notes what became of rows in the open load.
func (b *book) count(stream string, c destination.Counts) {
	t, known := b.tables[stream]
	if !known {
		return
	}
	l := b.load(stream)
	l.Counts = l.Counts.Plus(c)
	switch method := b.methods[stream]; {
	case method == table.Overwrite:
		h := b.hidden[stream]
		h.counts = h.counts.Plus(c)
		b.hidden[stream] = h
		return
	case method == table.History: // an updated row may have become two
		t.RowCount = -1
	case t.RowCount >= 0:
		t.RowCount += c.Inserted
		if b.options.Table.HardDelete {
			t.RowCount -= c.Deleted
		}
	}
	t.Counts = t.Counts.Plus(c)
	b.tables[stream] = t
}

func (b *book) activated(m *singer.ActivateVersion, c destination.Counts) {
	h := b.hidden[m.Stream]
	b.count(m.Stream, c)
	t := b.tables[m.Stream]
	t.ActiveVersion, t.HasVersion, t.VersionPending = m.Version, true, false
	if b.methods[m.Stream] == table.Overwrite {
		t.Counts = t.Counts.Plus(h.counts).Plus(c)
		t.RowCount = h.counts.Inserted - h.counts.Deleted
		if h.newest.After(t.LastReplicatedAt) {
			t.LastReplicatedAt = h.newest
		}
		delete(b.hidden, m.Stream)
	}
	b.tables[m.Stream] = t
}

// checkpoint is what the commit of the open load records. state is the state it covers, or nil.
func (b *book) checkpoint(state json.RawMessage) destination.Checkpoint {
	now := b.options.Now()
	b.commits++
	if state != nil {
		b.run.States++
		b.run.LastState = state
	}
	c := destination.Checkpoint{Pipeline: b.run.Pipeline, RunID: b.run.ID, Fence: b.fence, State: state}
	for stream, l := range b.loads {
		if t, known := b.tables[stream]; known {
			t.LastLoadedAt, t.LastRunID = now, b.run.ID
			b.tables[stream] = t
			b.touched[stream] = true
			l.EndedAt = now
			c.Rows = append(c.Rows, l.Row())
		}
	}
	for stream := range b.touched {
		c.Rows = append(c.Rows, b.tables[stream].Row())
	}
	for _, change := range b.changes {
		c.Rows = append(c.Rows, change.Row())
	}
	for _, column := range b.newColumns {
		c.Rows = append(c.Rows, column.Row())
	}
	c.Rows = append(c.Rows, b.run.Row())
	return c
}

// settle starts the records of the next load.
func (b *book) settle() {
	b.touched, b.loads, b.changes, b.newColumns = map[string]bool{}, map[string]*journal.Load{}, nil, map[[2]string]journal.Column{}
}
