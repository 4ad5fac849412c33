package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// alteration is one thing to do to a target.
type alteration struct {
	action string // of ALTER TABLE
	change destination.Change
	column stored // as it is afterwards
}

// alter changes the target so that it can hold t's rows, and notes the changes. It is one statement, so that the server
// writes the rows again at most once.
func (l *load) alter(ctx context.Context, t *table.Table, to *target, m *destination.Migration) error {
	list, err := to.alterations(t)
	if err != nil || list == nil {
		return err
	}
	var actions, comments []string
	for _, a := range list {
		actions = append(actions, a.action)
		m.Changes = append(m.Changes, a.change)
		if a.change.Kind == destination.SplitColumn {
			comments = append(comments, "COMMENT ON COLUMN "+to.quoted()+"."+quote(a.column.name)+" IS '"+strings.ReplaceAll(a.column.comment, "'", "''")+"'")
		}
	}
	if err := l.alone(ctx, to, "ALTER TABLE "+to.quoted()+" "+strings.Join(actions, ", ")); err != nil {
		return explainAlter(err)
	}
	for _, comment := range comments {
		if _, err := l.exec(ctx, comment); err != nil {
			return err
		}
	}
	for _, a := range list {
		if s := to.column(a.column.name); s != nil {
			*s = a.column
		} else {
			to.columns = append(to.columns, a.column)
		}
	}
	return l.refit(to)
}

// refit brings the plans of other versions of a table up to date, once its columns have changed.
func (l *load) refit(to *target) error {
	for _, p := range l.plans {
		if p.target != to && p.final != to {
			continue
		}
		if err := p.fit(); err != nil {
			return err
		}
	}
	return nil
}

// cannotAlter are the codes of what keeps a column from being changed: a view, a policy or a trigger; a default, an index or
// a foreign key that the new type has no place in; a CHECK that has no operator for it; and a table that is divided by it, or
// is a part of another.
var cannotAlter = []string{"0A000", "42804", "42883", "42P16", "42809"}

// explainAlter says what to do about something that keeps a column from being changed. The server names it in its detail,
// which quotes no rows here, if not in its message.
func explainAlter(err error) error {
	fault := (*pgconn.PgError)(nil)
	if !errors.As(err, &fault) || !slices.Contains(cannotAlter, fault.Code) {
		return err
	}
	if fault.Detail != "" {
		err = fmt.Errorf("%w (%s)", err, fault.Detail)
	}
	return fmt.Errorf("%w; drop what depends on the column, such as a view, a CHECK, a DEFAULT, an index or a foreign key, and make it again afterwards, or set conflict to new_column", err)
}

// alterations lists what the target needs to hold the rows of a Table.
func (t *target) alterations(of *table.Table) ([]alteration, error) {
	var list []alteration
	used := map[string]bool{}
	for _, c := range of.Columns {
		name, fits := t.place(of, c)
		used[storedColumn(c.Name)], used[name] = true, true
		s := t.column(name)
		switch {
		case s == nil:
			list = append(list, t.add(name, c))
		case !fits:
			a, err := t.change(of, c, s)
			if err != nil {
				return nil, err
			}
			list = append(list, a)
			s = &a.column
		}
		if s != nil && s.notNull && c.Nullable {
			list = append(list, relax(*s))
		}
	}
	for _, s := range t.columns {
		if s.notNull && !s.filled && !used[s.name] {
			list = append(list, relax(s))
		}
	}
	return list, nil
}

// place is the name of the column that takes the values of c, and whether that is there and can hold them.
func (t *target) place(of *table.Table, c table.Column) (name string, fits bool) {
	name = storedColumn(c.Name)
	s := t.column(name)
	if s == nil || s.hold(c) != nil || of.Conflict != table.NewColumn || !c.Nullable {
		return name, s != nil && s.hold(c) != nil
	}
	name = t.splitName(of, c)
	return name, t.column(name) != nil
}

// splitName is the name of the column for values of a type that the column of c's name cannot hold: c's name and the
// type, with underscores behind them where that is the name of something else.
func (t *target) splitName(of *table.Table, c table.Column) string {
	for name := c.Name + "__" + c.Type.String(); ; name += "_" {
		if slices.ContainsFunc(of.Columns, func(other table.Column) bool { return storedColumn(other.Name) == storedColumn(name) }) {
			continue
		}
		s := t.column(storedColumn(name))
		if s == nil || s.comment == splitComment(c) && s.hold(c) != nil {
			return storedColumn(name)
		}
	}
}

// splitComment tells the columns that are made for values of another type from those of others that have their name.
func splitComment(c table.Column) string {
	return "Values of " + c.Name + " that are " + c.Type.String() + ", by target-warehouse"
}

// add adds a column for the values of c.
func (t *target) add(name string, c table.Column) alteration {
	change := destination.Change{Kind: destination.AddColumn, Column: name}
	comment := ""
	if s := t.column(storedColumn(c.Name)); s != nil {
		change.Kind, change.From, comment = destination.SplitColumn, s.typ, splitComment(c)
		c.Precision, c.Scale = 0, 0 // so that no other Decimal needs one more
	}
	made := newColumn(name, c)
	made.comment = comment
	change.To = made.typ
	return alteration{"ADD COLUMN " + quote(name) + " " + made.typ, change, made}
}

// relax lets a column be NULL.
func relax(s stored) alteration {
	s.notNull = false
	return alteration{"ALTER COLUMN " + quote(s.name) + " DROP NOT NULL",
		destination.Change{Kind: destination.RelaxColumn, Column: s.name, From: s.typ + " NOT NULL", To: s.typ}, s}
}

// change gives a column a type that holds its values and those of c, as the policy has it.
func (t *target) change(of *table.Table, c table.Column, s *stored) (alteration, error) {
	var candidates []table.Column
	switch of.Conflict {
	case table.Widen:
		candidates = []table.Column{table.Join(s.logical(), c), {Type: table.Text}, {Type: table.JSON}}
	case table.ToJSON:
		candidates = []table.Column{{Type: table.JSON}}
	}
	for _, wide := range candidates {
		made := newColumn(s.name, wide)
		if made.hold(c) == nil || made.hold(s.logical()) == nil || made.typ == s.typ {
			continue
		}
		made.filled, made.always, made.notNull, made.comment = s.filled, s.always, s.notNull, s.comment
		change := destination.Change{Kind: destination.WidenColumn, Column: s.name, From: s.typ, To: made.typ}
		return alteration{"ALTER COLUMN " + quote(s.name) + " TYPE " + made.typ + " USING " + s.as(wide.Type), change, made}, nil
	}
	return alteration{}, t.misfit(of, c, s)
}

// misfit words the failure that a column in the warehouse has a type which cannot hold the stream's values.
func (t *target) misfit(of *table.Table, c table.Column, s *stored) error {
	wanted := columnType(c)
	advice := fmt.Sprintf("set conflict to widen, rename the table or the column, or run: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s",
		t.quoted(), quote(s.name), wanted, s.as(c.Type))
	if of.Conflict == table.NewColumn {
		advice = "and values of a key must all be in one column; set conflict to widen, or rename the table"
	}
	return fmt.Errorf("column %q of table %s is %s, which cannot hold the %s values that stream %q now has; %s",
		c.Name, of.Name, s.typ, wanted, of.Stream, advice)
}
