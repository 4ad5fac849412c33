package decode

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tapline/internal/rawjson"
	"tapline/singer"
)

// Reject tells of a value that is NULL in the batch, because its column cannot hold it.
type Reject struct {
	// Ordinal is that of the row's RECORD in the run.
	Ordinal int64
	// Field is the path of the value in the record, its names joined by points.
	Field string
	// Reason says as a sentence what is wrong with the value.
	Reason string
	// Record is the text of the record. Rejects of one record share it.
	Record []byte
}

// Rejects returns what became NULL since the last Batch, in no certain order. They are the caller's. It must be called
// before Batch, which makes the decoder forget them.
func (d *Decoder) Rejects() []Reject {
	d.settle()
	return d.rejects
}

// Violation counts values of a batch that the SCHEMA forbids and the column holds all the same.
type Violation struct {
	// Field is the path of the values in the record, its names joined by points.
	Field string
	// Kind says what about the SCHEMA is violated: "null", "missing", "type", "format" or "enum".
	Kind  string
	Count int64
}

// Violations returns what was counted since the last Batch, ordered by Field and Kind; nil for none. They are the caller's.
// It must be called before Batch, which begins to count anew.
func (d *Decoder) Violations() []Violation {
	var list []Violation
	for i, counts := range d.violations {
		for kind, count := range counts {
			if count > 0 {
				list = append(list, Violation{d.plan.columns[i].path(), violationNames[kind], count})
			}
		}
	}
	slices.SortFunc(list, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

// note is something to tell about a value of the row being read, once that has become a row.
type note struct {
	at       int       // the column, or their number plus the object, or outside
	violated violation // what is to be counted; 0 for a value to be rejected
	value    []byte    // the value to be rejected, a part of the record
	problem  string
	field    string // path of the value if it is outside
}

// outside is the place of a value that has no column.
const outside = -1

func (d *Decoder) note(at int, v violation) { d.notes = append(d.notes, note{at: at, violated: v}) }

// judge counts a value, which its column holds, if it violates the SCHEMA. Listed values come again and again, so that the
// last one that was fine is remembered.
func (d *Decoder) judge(c *column, value []byte) {
	kind := rawjson.KindOf(value)
	if kind == rawjson.Null || bytes.Equal(value, c.fine) {
		return
	}
	verdict := &c.planned.verdict
	if broken := verdict.judge(value, kind); broken != 0 {
		d.note(c.at, broken)
	} else if verdict.listed {
		c.fine = append(c.fine[:0], value...)
	}
}

// withdraw takes back the notes about a place, when another value takes the place of the one they are about.
func (d *Decoder) withdraw(at int) {
	if len(d.notes) > 0 {
		d.notes = slices.DeleteFunc(d.notes, func(n note) bool { return n.at == at })
	}
}

// file keeps what the notes say about the row that has just been added from a record of that text.
func (d *Decoder) file(ordinal int64, text []byte) {
	var record []byte
	for i := range d.notes {
		n := &d.notes[i]
		if n.violated != 0 {
			if d.violations == nil {
				d.violations = make([][violationKinds]int64, len(d.columns))
			}
			d.violations[n.at][n.violated]++
			continue
		}
		if record == nil {
			record = bytes.Clone(text)
			d.rejectSize += int64(len(record))
		}
		field, reason := d.explain(n)
		d.reject(Reject{Ordinal: ordinal, Field: field, Reason: reason, Record: record})
	}
}

func (d *Decoder) reject(r Reject) {
	d.rejects = append(d.rejects, r)
	d.rejectSize += int64(len(r.Field) + len(r.Reason) + 64)
}

func (d *Decoder) explain(n *note) (field, reason string) {
	switch inner := n.at - len(d.columns); {
	case n.at == outside:
		return n.field, fmt.Sprintf("the value %s %s", excerpt(n.value), n.problem)
	case inner >= 0:
		return strings.Join(d.plan.objects[inner].path, "."), fmt.Sprintf("the value %s %s", excerpt(n.value), n.problem)
	}
	c := &d.plan.columns[n.at]
	return c.path(), c.explain(n.value, n.problem)
}

// explain says why the column cannot hold a value.
func (c *planned) explain(value []byte, problem string) string {
	says := "this column of the warehouse is of type " + c.Type.String()
	if c.schema != "" {
		says = "the SCHEMA declares " + c.schema
	}
	return fmt.Sprintf("the value %s %s, but %s", excerpt(value), problem, says)
}

const advice = "let the SCHEMA declare what the tap sends; a property without a type keeps any value unchanged, as JSON"

// misfit is the failure of a value that its column cannot hold.
func (p *Plan) misfit(at int, value []byte, problem string) error {
	c := &p.columns[at]
	if problem == notANumber || problem == notUnicode || problem == hasNUL {
		return p.fault(c.path(), fmt.Errorf("the value %s %s", excerpt(value), problem))
	}
	return p.fault(c.path(), fmt.Errorf("%s; %s", c.explain(value, problem), advice))
}

func (p *Plan) fault(field string, err error) error {
	return &singer.RecordError{Stream: p.table.Stream, Field: field, Err: err}
}

// path returns where in a record the column's value stands, names joined by points.
func (c *planned) path() string {
	if c.Property == "" {
		return c.Name
	}
	return strings.Join(append([]string{c.Property}, c.Below...), ".")
}

// name returns the path of a member, whose key is as the record spells it.
func (w *walked) name(key []byte) string {
	return strings.Join(append(slices.Clone(w.path), strings.ToValidUTF8(string(key), "\uFFFD")), ".")
}
