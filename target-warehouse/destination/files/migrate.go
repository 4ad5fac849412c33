package files

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// plan is how the rows of one Table get into files.
type plan struct {
	t         *table.Table
	change    *change
	columns   []column // of the files, one for each of the Table's
	partition int      // index of the column that decides about the folder; -1 for none
	period    string   // of that column
	jsonl     bool
}

// change is what a load does to one table.
type change struct {
	tableChange
	folder  string
	known   *known // what the table is like in this load
	created bool
	plan    *plan // of the newest Table
	// files are whole ones that are to become the table's or, while it is overwritten, part of its collection.
	files     []move
	overwrite bool
	active    []move // the table's only ones, if Replaced
}

// Migrate implements [destination.Load]. As no file is ever changed, what it says is true of the files to come: a column
// that is widened has the wider type in them.
func (l *load) Migrate(ctx context.Context, t *table.Table) (*destination.Migration, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := refuse(t); err != nil {
		return nil, fmt.Errorf("table %s of stream %q: %w", t.Name, t.Stream, err)
	}
	if err := l.claim(t); err != nil {
		return nil, err
	}
	m := &destination.Migration{}
	p := &plan{t: t, change: l.change(t), partition: -1, period: l.w.config.Partition, jsonl: t.Own || l.w.config.Format == JSONL}
	p.change.compareKey(t, m)
	for i, c := range t.Columns {
		stored, err := p.fit(c, m)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, stored)
		m.Columns = append(m.Columns, destination.Stored{Name: stored.Name, Type: stored.typeName()})
		if p.period != "" && !t.Own && c.Name == l.w.config.PartitionColumn && (c.Type == table.Timestamp || c.Type == table.Date) {
			p.partition = i
		}
	}
	if p.period != "" && !t.Own && p.partition < 0 {
		l.w.warnUnpartitioned(t)
	}
	l.plans[t], p.change.plan = p, p
	return m, nil
}

// claim refuses places that are tapline's own, or in which two tables would lie one within the other.
func (l *load) claim(t *table.Table) error {
	if t.Own {
		if slices.ContainsFunc(destination.OwnTables, func(o *destination.OwnTable) bool { return o.Name == t.Name && o.Key == 0 }) {
			return nil
		}
		return fmt.Errorf("the own table %s has a key, and its rows go with the checkpoint", t.Name)
	}
	first, _, _ := strings.Cut(folder(t), "/")
	if strings.HasPrefix(first, "_singer") {
		return fmt.Errorf("stream %q would be loaded into %s, and names with _singer in front are tapline's own there; load it under another name or into a schema", t.Stream, folder(t))
	}
	others := slices.Collect(maps.Keys(l.changes))
	for _, k := range l.w.ledger.Tables {
		if t.Schema == "" && k.Schema == t.Name || k.Schema == "" && k.Name == t.Schema {
			return fmt.Errorf("stream %q would be loaded into %s, which has files of %s.%s in it or around it; load it under another name or into another schema", t.Stream, folder(t), k.Schema, k.Name)
		}
		others = append(others, folder(&table.Table{Schema: k.Schema, Name: k.Name}))
	}
	for _, other := range others {
		if other != folder(t) && strings.EqualFold(other, folder(t)) && l.w.store.foldsCase() {
			return fmt.Errorf("stream %q would be loaded into %s, which is %s on this file system, as it does not tell capitals apart; load it under another name or into another schema", t.Stream, folder(t), other)
		}
	}
	return nil
}

// change returns what the load does to the table of t.
func (l *load) change(t *table.Table) *change {
	place := folder(t)
	if c := l.changes[place]; c != nil {
		return c
	}
	c := &change{folder: place, overwrite: t.Method == table.Overwrite, tableChange: tableChange{Schema: t.Schema, Name: t.Name}}
	if collected := l.w.collecting[place]; collected != nil && c.overwrite {
		c.known = collected.known.clone()
	} else if k := l.w.ledger.table(t.Schema, t.Name); k != nil {
		c.known = k.clone()
	} else {
		c.known, c.created = &known{Schema: t.Schema, Name: t.Name}, true
	}
	l.changes[place] = c
	return c
}

// compareKey notes that the table is new or that its key has changed.
func (c *change) compareKey(t *table.Table, m *destination.Migration) {
	key := make([]string, 0, len(t.Key))
	for _, i := range t.Key {
		key = append(key, t.Columns[i].Name)
	}
	from, to := strings.Join(c.known.Key, ", "), strings.Join(key, ", ")
	if c.created && len(c.known.Columns) == 0 {
		m.Changes = append(m.Changes, destination.Change{Kind: destination.CreateTable, To: to})
	} else if from != to {
		m.Changes = append(m.Changes, destination.Change{Kind: destination.ChangeKey, From: from, To: to})
	}
	c.Key, c.known.Key = key, key
}

// fit finds the column of files that takes the values of c, and notes what changes for it.
func (p *plan) fit(c table.Column, m *destination.Migration) (column, error) {
	wanted := column{Name: c.Name, Type: c.Type, Precision: c.Precision, Scale: c.Scale, Required: !c.Nullable}
	i := p.change.known.find(c.Name)
	if i < 0 {
		p.add(wanted, "", destination.AddColumn, m)
		return wanted, nil
	}
	stored := p.change.known.Columns[i]
	joined := table.Join(stored.logical(), wanted.logical())
	// A reader that joins files by name reads text as JSON where any file says JSON, and fails on text that is none.
	textStays := stored.Type == table.Text && (p.t.Conflict == table.Widen || p.t.Conflict == table.ToJSON)
	if stored.holds(joined) || textStays {
		return p.relax(stored, wanted, m), nil
	}
	switch p.t.Conflict {
	case table.Fail:
		return column{}, fmt.Errorf("column %q of table %s is %s, which cannot hold the %s values that stream %q now has, and conflicts are to fail; set conflict to widen, new_column or json, or load under another name",
			c.Name, p.t.Name, stored.typeName(), wanted.typeName(), p.t.Stream)
	case table.NewColumn:
		return p.splitOff(stored, wanted, m), nil
	case table.ToJSON:
		joined = table.Column{Type: table.JSON}
	}
	wide := column{Name: c.Name, Type: joined.Type, Precision: joined.Precision, Scale: joined.Scale, Required: stored.Required && wanted.Required}
	p.add(wide, stored.typeName(), destination.WidenColumn, m)
	return wide, nil
}

// relax returns the stored column, which may be without a value if the wanted one may.
func (p *plan) relax(stored, wanted column, m *destination.Migration) column {
	if !stored.Required || wanted.Required {
		stored.Required = stored.Required && wanted.Required
		return stored
	}
	stored.Required = false
	p.change.learn(stored)
	m.Changes = append(m.Changes, destination.Change{Kind: destination.RelaxColumn, Column: stored.Name, From: stored.typeName() + " required", To: stored.typeName()})
	return stored
}

// splitOff finds or makes the column that takes values of another type than the one of their name.
func (p *plan) splitOff(stored, wanted column, m *destination.Migration) column {
	wanted.Name += "__" + strings.ToLower(typeNames[wanted.Type])
	wanted.Required = false
	for {
		i := p.change.known.find(wanted.Name)
		declared := slices.ContainsFunc(p.t.Columns, func(c table.Column) bool { return strings.EqualFold(c.Name, wanted.Name) })
		if i < 0 && !declared {
			break
		}
		if !declared {
			if other := p.change.known.Columns[i]; other.holds(table.Join(other.logical(), wanted.logical())) {
				return other
			}
		}
		wanted.Name += "_"
	}
	p.add(wanted, stored.typeName(), destination.SplitColumn, m)
	return wanted
}

// add notes a column that is new or has changed. Those of a table that is new itself are no changes.
func (p *plan) add(c column, from string, kind destination.ChangeKind, m *destination.Migration) {
	p.change.learn(c)
	if len(m.Changes) == 0 || m.Changes[0].Kind != destination.CreateTable {
		m.Changes = append(m.Changes, destination.Change{Kind: kind, Column: c.Name, From: from, To: c.typeName()})
	}
}

// learn notes a column for this load and for the log.
func (c *change) learn(col column) {
	c.known.learn([]column{col})
	if i := slices.IndexFunc(c.Columns, func(old column) bool { return old.Name == col.Name }); i >= 0 {
		c.Columns[i] = col
	} else {
		c.Columns = append(c.Columns, col)
	}
}
