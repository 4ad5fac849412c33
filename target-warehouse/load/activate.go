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

// bare is an ACTIVATE_VERSION that may have come ahead of its records, as nothing of the stream came before it. Taps of
// Meltano's SDK send one ahead of all records of a stream that they read whole, and for a child stream ahead of those of each
// parent; others do so with their first full read, and send another one behind it. A tap that fails ends its output there.
//
// So it waits until something shows that the tap went on: a record of the stream, or a STATE. In a table that is overwritten
// it empties the table, or puts a part of the records in the place of all, if more are to come. There it waits for the end of
// the input, the states behind it wait with it, and a record of the stream undoes it.
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
	case t.Method != table.Overwrite && !c.came[m.Stream]:
		c.bare[m.Stream] = &bare{message: m, table: t, ordinal: ordinal}
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

// judgeBare decides about a bare ACTIVATE_VERSION behind which records of its stream come. Where the table is overwritten it
// was ahead of them, unless they are of a newer version than those that are collected.
func (c *committer) judgeBare(ctx context.Context, d *decoded) error {
	c.came[d.stream] = true
	b := c.bare[d.stream]
	if b == nil {
		return nil
	}
	if b.table.Method != table.Overwrite {
		return c.resolve(ctx, d.stream)
	}
	if c.ahead[d.stream] && d.batch != nil {
		if newest, ok := newestVersion(d.batch); ok && newest > b.message.Version {
			return c.resolve(ctx, d.stream)
		}
	}
	delete(c.bare, d.stream)
	c.ahead[d.stream] = true
	return nil
}

// stateBehindBare notes that a STATE comes behind all bare ACTIVATE_VERSIONs.
func (c *committer) stateBehindBare(ctx context.Context) error {
	for _, stream := range slices.Sorted(maps.Keys(c.bare)) {
		if b := c.bare[stream]; b.table.Method == table.Overwrite {
			b.stated = true
		} else if err := c.resolve(ctx, stream); err != nil {
			return err
		}
	}
	return nil
}

// resolve acts on a stream's bare ACTIVATE_VERSION.
func (c *committer) resolve(ctx context.Context, stream string) error {
	b := c.bare[stream]
	delete(c.bare, stream)
	return c.activateNow(ctx, b.message, b.table)
}

// endBare decides about what is bare at the end of the input.
func (c *committer) endBare(ctx context.Context) error {
	if c.options.Interrupted() {
		return nil
	}
	for _, stream := range slices.Sorted(maps.Keys(c.bare)) {
		switch b := c.bare[stream]; {
		case b.table.Method != table.Overwrite:
			c.notes.once(stream, fmt.Sprintf("ACTIVATE_VERSION %d is not acted on: the input ended behind it with neither a record of the stream nor a STATE, so that the tap may have been cut",
				b.message.Version))
		case b.stated:
			if err := c.resolve(ctx, stream); err != nil {
				return err
			}
		default:
			return &singer.RecordError{Stream: stream, Err: fmt.Errorf("the input ended behind ACTIVATE_VERSION %d with neither a record of the stream nor a STATE behind it, "+
				"so that the tap may have been cut: the table was left as it was; run again, or use load_method upsert with a tap that sends no states", b.message.Version)}
		}
	}
	return nil
}
