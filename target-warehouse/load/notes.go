package load

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"tapline/target-warehouse/decode"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// notes collects by stream what the user is told once, at the end of the run.
type notes map[string]*note

type note struct {
	replaced   int64 // lone surrogates and bytes that are not UTF-8
	rejected   int64 // records that were left out or have a value left out
	first      string
	violations map[decode.Violation]int64 // without their Count
	sentences  []string
}

func (n notes) of(stream string) *note {
	if n[stream] == nil {
		n[stream] = &note{violations: map[decode.Violation]int64{}}
	}
	return n[stream]
}

func (n notes) add(d *decoded) {
	if d.replaced > 0 {
		n.of(d.stream).replaced += d.replaced
	}
	for _, v := range d.violations {
		count := v.Count
		v.Count = 0
		n.of(d.stream).violations[v] += count
	}
}

// once keeps a sentence about a stream, one time.
func (n notes) once(stream, sentence string) {
	if one := n.of(stream); !slices.Contains(one.sentences, sentence) {
		one.sentences = append(one.sentences, sentence)
	}
}

// shared tells of a table that another pipeline, or another stream, has loaded since this one last did. Nothing in the
// rows says which of the two they are of.
func (n notes) shared(t *table.Table, o Options) {
	other, known := o.Memory.Loaded[[2]string{t.Schema, t.Name}]
	if !known || other.Pipeline == o.Run.Pipeline && other.Stream == t.Stream {
		return
	}
	n.once(t.Stream, fmt.Sprintf("stream %q of pipeline %q was loaded into the same table, %s: a record of one replaces the row of the other with its key, and "+
		"ACTIVATE_VERSION of one takes rows of the other for deleted; unless they are to be one table, load one of them into another schema by "+
		"default_target_schema, or under another name by integration_name", other.Stream, other.Pipeline, t.Name))
}

// keyed tells of rows that were told apart by another key before.
func (n notes) keyed(t *table.Table, m *destination.Migration) {
	if t.Own || t.Method == table.AppendOnly || t.Method == table.Overwrite {
		return
	}
	for _, change := range m.Changes {
		switch {
		case change.Kind != destination.ChangeKey || change.From == "":
		case change.To == "":
			n.once(t.Stream, fmt.Sprintf("its key was %s, and the SCHEMA has no key_properties any more: from now on every record is a row of its own, "+
				"beside the one that it would have replaced; if the tap left them out by mistake, primary_key_required refuses that", change.From))
		default:
			n.once(t.Stream, fmt.Sprintf("its key was %s and is %s now: a record replaces all rows that agree with it in the new key, and rows that were loaded earlier "+
				"and have no value there stay; to be rid of those, drop the table and have the stream read from its beginning by target-warehouse reload", change.From, change.To))
		}
	}
}

// remade tells of a table that was loaded before and is made anew: somebody has dropped it, and the tap goes on from where it
// was.
func (n notes) remade(t *table.Table, m *destination.Migration, o Options) {
	was, known := o.Memory.Tables[t.Stream]
	if !known || was.Schema != t.Schema || was.Name != t.Name || was.RowCount == 0 || !was.ReloadRequestedAt.IsZero() || t.Method == table.Overwrite {
		return
	}
	if slices.ContainsFunc(m.Changes, func(c destination.Change) bool { return c.Kind == destination.CreateTable }) {
		n.once(t.Stream, fmt.Sprintf("the table %s was not there any more and is made anew, so that it has only what the tap still sends; unless that is all, "+
			"have the stream read from its beginning by target-warehouse reload", t.Name))
	}
}

// takeRejects counts what is not taken as it was sent.
func (c *committer) takeRejects(rejects []reject) {
	last := int64(0)
	for _, r := range rejects {
		if r.leftOut {
			c.book.run.RowsIn++
		}
		if r.Ordinal == last {
			continue // another value of the same record
		}
		last = r.Ordinal
		one := c.notes.of(r.stream)
		if one.rejected++; one.first == "" {
			one.first = r.Reason
		}
		c.book.rejected(r.stream)
	}
}

// tell logs all of it.
func (n notes) tell(log *slog.Logger) {
	for _, stream := range slices.Sorted(maps.Keys(n)) {
		one := n[stream]
		for _, sentence := range one.sentences {
			log.Warn(sentence, "stream", stream)
		}
		if one.replaced > 0 {
			log.Warn("text that is not Unicode was stored with U+FFFD in its place", "stream", stream, "places", one.replaced)
		}
		if one.rejected > 0 {
			log.Warn("records could not be loaded as they were sent; _singer_rejects has each with the reason", "stream", stream,
				"records", one.rejected, "first", one.first)
		}
		for _, v := range slices.SortedFunc(maps.Keys(one.violations), func(a, b decode.Violation) int {
			return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Kind, b.Kind))
		}) {
			log.Warn("values do not keep to the SCHEMA and were loaded all the same", "stream", stream, "field", v.Field, "fault", v.Kind, "records", one.violations[v])
		}
	}
}
