package load

import (
	"context"
	"fmt"
	"slices"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// activate makes rows of older versions go from a stream's table, behind everything read of it so far and in the same
// commit. t is the stream's table as of its latest SCHEMA.
func (c *committer) activate(ctx context.Context, m *singer.ActivateVersion, t *table.Table) error {
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
	// What is collected to overwrite with is what the tap has sent since, whatever number it goes by.
	case t.Method != table.Overwrite && entry.HasVersion && m.Version < entry.ActiveVersion:
		c.notes.once(m.Stream, fmt.Sprintf("ACTIVATE_VERSION %d is older than the active version %d and is passed over", m.Version, entry.ActiveVersion))
		return nil
	case t.Method != table.Overwrite && !slices.ContainsFunc(t.Columns, func(c table.Column) bool { return c.Name == table.TableVersion }):
		c.notes.once(m.Stream, "ACTIVATE_VERSION is not acted on, because it needs add_record_metadata")
		return nil
	}
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
