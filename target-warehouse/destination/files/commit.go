package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tapline/target-warehouse/destination"
)

// Commit implements [destination.Load].
func (l *load) Commit(ctx context.Context, c destination.Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	e := &entry{ID: l.id, Pipeline: c.Pipeline, RunID: c.RunID, Fence: c.Fence, State: c.State}
	// Cancelled half-way, its caller would be left in doubt whether the rows are there.
	ctx = context.WithoutCancel(ctx)
	err := l.prepare(ctx, e, c)
	if err == nil {
		err = l.enter(ctx, e, c)
	} else if l.w.look(ctx) == nil {
		// A later run deletes what earlier ones have staged, which then cannot be ended.
		err = cmp.Or(l.w.ledger.mayCommit(c), err)
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := l.w.finish(ctx, true); err != nil {
		return err
	}
	l.keepCollections()
	return l.w.tidy(ctx, c.Pipeline)
}

// prepare makes all files of the load whole and durable.
func (l *load) prepare(ctx context.Context, e *entry, c destination.Checkpoint) error {
	if err := l.w.ledger.mayCommit(c); err != nil {
		return err
	}
	if err := l.completeAll(nil); err != nil {
		return err
	}
	if err := l.addRecords(ctx, e, c.Rows); err != nil {
		return err
	}
	if err := l.addEmptyFiles(); err != nil {
		return err
	}
	return l.w.store.syncFolders(l.made...)
}

// addRecords puts the rows of own tables into the entry, and those of tables without a key into files.
func (l *load) addRecords(ctx context.Context, e *entry, rows []destination.Row) error {
	added := map[*destination.OwnTable][]byte{}
	counts := map[*destination.OwnTable]int64{}
	for _, row := range rows {
		if row.Table.Key > 0 {
			e.Records = append(e.Records, appendRecord(nil, row, true))
			continue
		}
		added[row.Table] = append(appendRecord(added[row.Table], row, false), '\n')
		counts[row.Table]++
	}
	for t, body := range added {
		key, sum := l.w.stagedKey(), sha256.Sum256(body)
		if err := l.w.store.put(ctx, key, body); err != nil {
			return err
		}
		l.made = append(l.made, key)
		c := l.change(t.Shape())
		c.files = append(c.files, move{From: key, To: c.folder, Rows: counts[t], sum: sum[:]})
	}
	return nil
}

// addEmptyFiles gives tables that would have no file one without rows, so that readers find its columns. JSONL has no
// columns to find, and folders of partitions would not match a file outside of them.
func (l *load) addEmptyFiles() error {
	for _, c := range l.sorted() {
		p := c.plan
		if p == nil || p.jsonl || p.partition >= 0 || len(c.files)+len(c.active) > 0 || !c.Replaced && (!c.created || c.overwrite) {
			continue
		}
		f, err := l.file(p, "")
		if err != nil {
			return err
		}
		if err := l.complete(f); err != nil {
			return err
		}
		if c.Replaced {
			c.active, c.files = c.files, nil
		}
	}
	return nil
}

// sorted returns the changes in the order of their folders, so that equal loads make equal commits.
func (l *load) sorted() []*change {
	return slices.SortedFunc(maps.Values(l.changes), func(a, b *change) int { return cmp.Compare(a.folder, b.folder) })
}

// enter makes e the next entry of the log.
func (l *load) enter(ctx context.Context, e *entry, c destination.Checkpoint) error {
	w := l.w
	for unseen := 0; ; {
		if err := w.finish(ctx, false); err != nil {
			return err
		}
		// A store that did not hear its own success may have tried twice.
		if slices.Contains(w.ledger.IDs, e.ID) {
			return nil
		}
		if err := w.ledger.mayCommit(c); err != nil {
			return err
		}
		if err := l.complement(ctx, e); err != nil {
			return err
		}
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		l.ended = true // from here on the staged files may be the log's
		created, err := w.store.createNew(ctx, entryKey(e.Number), w.stagedFolder()+"entry.part", body)
		if err != nil {
			// The entry may be there, or come later, and then it needs the files.
			w.inDoubt = true
			if w.look(ctx) == nil && slices.Contains(w.ledger.IDs, e.ID) {
				continue
			}
			return err
		}
		if created {
			if late, err := w.late(ctx, e); err != nil || !late {
				w.unfinished = e
				return errors.Join(err, w.ledger.apply(e))
			}
		}
		l.ended = false
		if err := w.look(ctx); err != nil {
			return err
		}
		if w.ledger.Number >= e.Number {
			continue
		}
		if unseen++; unseen == 10 {
			return fmt.Errorf("%s in %s is there and is no entry of the log; look what it is, and take it away", entryKey(e.Number), w.store.place)
		}
		time.Sleep(pause) // a store may list it late
	}
}

// late tells whether an entry has come at a number that a snapshot had already gone past, and takes it back then.
func (w *Warehouse) late(ctx context.Context, e *entry) (bool, error) {
	names, err := w.store.listLog(ctx)
	if err != nil || names.snapshot < e.Number {
		return false, err
	}
	after, err := w.store.readSnapshot(ctx, names.snapshot)
	if err != nil || slices.Contains(after.IDs, e.ID) {
		return false, err
	}
	return true, w.store.remove(ctx, entryKey(e.Number))
}

// complement gives the entry its number and all that depends on it.
func (l *load) complement(ctx context.Context, e *entry) error {
	e.Number = l.w.ledger.Number + 1
	e.At = time.Now().UTC().Truncate(time.Microsecond)
	e.Tables, e.Move, e.Remove = nil, nil, nil
	for _, c := range l.sorted() {
		files := c.files
		if c.overwrite {
			files = c.active
		}
		if c.plan != nil && !c.plan.t.Own && (!c.overwrite || c.Replaced) {
			e.Tables = append(e.Tables, c.forLog())
		}
		suffix := ".jsonl"
		if c.plan != nil {
			suffix = l.suffix(c.plan)
		}
		if c.Replaced {
			keys, err := l.w.store.list(ctx, c.folder)
			if err != nil {
				return err
			}
			e.Remove = append(e.Remove, slices.DeleteFunc(keys, func(key string) bool { return !isData(key) })...)
		}
		for _, m := range files {
			m.To += finalName(e.Number, len(e.Move), m.sum, suffix)
			e.Move = append(e.Move, m)
		}
	}
	return nil
}

// forLog is the change as the log has it.
func (c *change) forLog() *tableChange {
	t := c.tableChange
	if c.Replaced {
		t.Columns = c.known.Columns
		return &t
	}
	for _, m := range c.files {
		t.Rows += m.Rows
	}
	return &t
}

// keepCollections remembers what this load has added to tables that are being overwritten.
func (l *load) keepCollections() {
	for _, c := range l.changes {
		if !c.overwrite {
			continue
		}
		collected := l.w.collecting[c.folder]
		if collected == nil || c.Replaced {
			collected = &collection{}
		}
		collected.known = c.known
		collected.files = append(collected.files, c.files...)
		l.w.collecting[c.folder] = collected
	}
}

// tidy does what is due after a commit.
func (w *Warehouse) tidy(ctx context.Context, pipeline string) error {
	first := !w.committed
	w.committed = true
	if first && pipeline == w.config.Pipeline {
		if err := w.clean(ctx); err != nil {
			return fmt.Errorf("delete what earlier runs left: %w", err)
		}
	}
	snapshot := w.ledger.Number%snapshotEvery == 0
	if snapshot {
		if err := w.store.writeSnapshot(ctx, w.ledger); err != nil {
			return fmt.Errorf("write a snapshot of the log: %w", err)
		}
	}
	if first || snapshot {
		if err := w.show(ctx); err != nil {
			return fmt.Errorf("write tapline's own tables: %w", err)
		}
		w.shown = w.ledger.Number
	}
	return nil
}
