package load

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// bare is an ACTIVATE_VERSION of a table to be overwritten that may have come ahead of records: nothing is collected, or
// the stream had one ahead of what is. Taps of Meltano's SDK send one ahead of all records of a stream that they read whole,
// and for a child stream ahead of those of each parent; others do so with their first full read, and send another one behind
// it. So it waits for the end of the input, and the states behind it wait with it. A record of the stream undoes it.
type bare struct {
	message *singer.ActivateVersion
	table   *table.Table
	ordinal int64 // of the record before it
	stated  bool  // a STATE came behind it
}

// activate makes rows of older versions go from a stream's table, behind everything read of it so far and in the same
// commit. t is the stream's table as of its latest SCHEMA, and ordinal that of the record before the message.
func (c *committer) activate(ctx context.Context, m *singer.ActivateVersion, t *table.Table, ordinal int64) error {
	entry := c.book.tables[m.Stream]
	switch {
	case c.options.IgnoreVersions, t.Method == table.AppendOnly:
		c.notes.once(m.Stream, "ACTIVATE_VERSION is not acted on: rows of older versions stay in the table, as the settings want it")
		return nil
	// Rows of this version or a newer one are in the table already, and nothing is there to put in their place.
	case t.Method == table.Overwrite && entry.HasVersion && m.Version <= entry.ActiveVersion && c.stream(m.Stream).collected() == 0:
		c.notes.once(m.Stream, fmt.Sprintf("ACTIVATE_VERSION %d comes again, or late: version %d is active and nothing was sent since, so the table stays as it is",
			m.Version, entry.ActiveVersion))
		return nil
	case t.Method == table.Overwrite && (c.ahead[m.Stream] || c.stream(m.Stream).collected() == 0):
		err := c.commitAll(ctx) // what is ahead of it must not wait
		c.bare[m.Stream] = &bare{message: m, table: t, ordinal: ordinal}
		return err
	// What is collected to overwrite with is what the tap has sent since, whatever number it goes by.
	case t.Method != table.Overwrite && entry.HasVersion && m.Version < entry.ActiveVersion:
		c.notes.once(m.Stream, fmt.Sprintf("ACTIVATE_VERSION %d is older than the active version %d and is passed over", m.Version, entry.ActiveVersion))
		return nil
	case t.Method != table.Overwrite && !slices.ContainsFunc(t.Columns, func(c table.Column) bool { return c.Name == table.TableVersion }):
		c.notes.once(m.Stream, "ACTIVATE_VERSION is not acted on, because it needs add_record_metadata")
		return nil
	}
	return c.activateNow(ctx, m, t)
}

func (c *committer) activateNow(ctx context.Context, m *singer.ActivateVersion, t *table.Table) error {
	st := c.stream(m.Stream)
	st.latest = t // so that the open load knows it
	if err := c.stage(ctx, []*stream{st}); err != nil {
		return err
	}
	counts, err := c.open.Activate(ctx, t, destination.Activation{
		Version: m.Version, Unversioned: c.book.hasVersions(m.Stream), AtMicros: c.options.Now().UnixMicro(),
	})
	if err != nil {
		return fmt.Errorf("stream %s: activating version %d: %w", m.Stream, m.Version, err)
	}
	st.activated()
	c.book.activated(m, counts)
	if t.Method == table.Overwrite {
		return c.seal(ctx) // a load has no second life of the same hidden table
	}
	return nil
}

// judgeBare decides about a bare ACTIVATE_VERSION behind which records of its stream come: it was ahead of them, unless they
// are of a newer version than those that are collected.
func (c *committer) judgeBare(ctx context.Context, d *decoded) error {
	b := c.bare[d.stream]
	if b == nil {
		return nil
	}
	delete(c.bare, d.stream)
	if c.ahead[d.stream] && d.batch != nil {
		if newest, ok := newestVersion(d.batch); ok && newest > b.message.Version {
			return c.activateNow(ctx, b.message, b.table)
		}
	}
	c.ahead[d.stream] = true
	return nil
}

// activateBare activates what no record came behind. Only a STATE tells that the tap went on behind the message, and was
// not cut before its next record.
func (c *committer) activateBare(ctx context.Context) error {
	if c.options.Interrupted() {
		return nil
	}
	for _, stream := range slices.Sorted(maps.Keys(c.bare)) {
		b := c.bare[stream]
		if !b.stated {
			return &singer.RecordError{Stream: stream, Err: fmt.Errorf("the input ended behind ACTIVATE_VERSION %d with neither a record of the stream nor a STATE behind it, "+
				"so that the tap may have been cut: the table was left as it was; run again, or use load_method upsert with a tap that sends no states", b.message.Version)}
		}
		delete(c.bare, stream)
		if err := c.activateNow(ctx, b.message, b.table); err != nil {
			return err
		}
	}
	return nil
}
