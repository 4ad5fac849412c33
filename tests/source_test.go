package tests

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// source is a made-up source of changes and the tap that sends them. All of it follows from a seed: the lines, and which
// rows they lead to. A state is a position among the lines; from there the tap goes on after it was cut short.
type source struct {
	lines []sourceLine
}

// sourceLine is a line of the tap's output and what it means.
type sourceLine struct {
	text    string
	kind    byte // 'S' SCHEMA, 'R' RECORD, 'T' STATE, 'V' ACTIVATE_VERSION
	stream  string
	id      string // of a RECORD; "" in a stream without a key
	row     sourceRow
	version int64
}

// sourceRow is what a record says, as text.
type sourceRow struct {
	position int    // of the record's line, which every record has as its property "position"
	note     string // a property of every stream
	amount   string // of orders: whole, then with a fraction, then any text; "" for NULL
	gone     bool   // found deleted
	version  int64
}

// sourceOptions choose what a source has.
type sourceOptions struct {
	seed  uint64
	steps int
	// versionsOnly leaves only the stream whose versions are activated.
	versionsOnly bool
}

// builder makes the lines of a source.
type builder struct {
	source
	*rand.Rand
	orders  int   // version of the SCHEMA of orders
	version int64 // of the catalogue that is being sent; 0 for none
	left    int   // records of it that are still to come
}

func newSource(o sourceOptions) *source {
	b := &builder{Rand: rand.New(rand.NewPCG(o.seed, 7))}
	if !o.versionsOnly {
		for _, stream := range []string{"orders", "log", "prices"} {
			b.schema(stream)
		}
	}
	b.schema("catalogue")
	for step := range o.steps {
		if change := step * len(amounts) / o.steps; change > b.orders && !o.versionsOnly {
			b.orders = change
			b.schema("orders")
		}
		switch n := b.IntN(100); {
		case n < 12:
			b.state()
		case n < 50 || o.versionsOnly:
			b.catalogue()
		case n < 70:
			b.record("orders", fmt.Sprint(b.IntN(120)))
		case n < 80:
			b.record("prices", fmt.Sprint(b.IntN(30)))
		default:
			b.record("log", "")
		}
	}
	for b.version > 0 {
		b.catalogue()
	}
	b.state()
	return &b.source
}

func (b *builder) add(l sourceLine, format string, args ...any) {
	l.text = fmt.Sprintf(format, args...)
	b.lines = append(b.lines, l)
}

// amounts are the types of the property amount in the versions of the SCHEMA of orders. The first SCHEMA has it not.
var amounts = []string{"", `"integer"`, `"number"`, `"string"`}

func (b *builder) schema(stream string) {
	key, extra := `"id"`, ""
	switch stream {
	case "log":
		key = ""
	case "orders":
		if b.orders > 0 {
			extra = fmt.Sprintf(`,"amount":{"type":["null",%s]}`, amounts[b.orders])
		}
		extra += `,"_sdc_deleted_at":{"type":["null","string"],"format":"date-time"}`
	}
	b.add(sourceLine{kind: 'S', stream: stream}, `{"type":"SCHEMA","stream":%q,"key_properties":[%s],"schema":{"type":"object","properties":`+
		`{"id":{"type":["null","string"]},"position":{"type":"integer"},"note":{"type":["null","string"]}%s}}}`, stream, key, extra)
}

// state promises all lines before it.
func (b *builder) state() {
	b.add(sourceLine{kind: 'T'}, `{"type":"STATE","value":{"position":%d}}`, len(b.lines)+1)
}

// catalogue sends the next line of a stream that is sent whole, again and again, each time with another version.
func (b *builder) catalogue() {
	switch {
	case b.version == 0:
		b.version, b.left = int64(len(b.lines)+1), 20+b.IntN(40)
		return
	case b.left == 0:
		b.add(sourceLine{kind: 'V', stream: "catalogue", version: b.version}, `{"type":"ACTIVATE_VERSION","stream":"catalogue","version":%d}`, b.version)
		b.version = 0
		return
	}
	b.left--
	b.record("catalogue", fmt.Sprint(b.IntN(90)))
}

func (b *builder) record(stream, id string) {
	r := sourceRow{position: len(b.lines), note: fmt.Sprintf("%s %d é", stream, b.IntN(4))}
	members := ""
	if id != "" {
		members = fmt.Sprintf(`"id":%q,`, id)
	}
	members += fmt.Sprintf(`"position":%d,"note":%q`, r.position, r.note)
	if stream == "orders" {
		switch b.orders {
		case 1:
			r.amount = fmt.Sprint(b.Int64() - b.Int64())
			members += `,"amount":` + r.amount
		case 2:
			r.amount = fmt.Sprint(float64(b.IntN(1e6)) / 64)
			members += `,"amount":` + r.amount
		case 3:
			r.amount = fmt.Sprint("some ", b.IntN(100))
			members += `,"amount":"` + r.amount + `"`
		}
		if r.gone = b.IntN(5) == 0; r.gone {
			members += `,"_sdc_deleted_at":"2026-03-04T05:06:07Z"`
		}
	}
	version := ""
	if stream == "catalogue" {
		r.version, version = b.version, fmt.Sprintf(`"version":%d,`, b.version)
	}
	padding := strings.Repeat("x", b.IntN(300))
	b.add(sourceLine{kind: 'R', stream: stream, id: id, row: r}, `{"type":"RECORD","stream":%q,%s"time_extracted":"2026-03-04T05:06:07.%06dZ","record":{%s,"padding":%q}}`,
		stream, version, r.position, members, padding)
}

// from is what the tap sends when it goes on from a position: the SCHEMAs that hold there, and all lines behind it.
func (s *source) from(position int) string {
	var text strings.Builder
	latest := map[string]string{}
	for _, l := range s.lines[:position] {
		if l.kind == 'S' {
			latest[l.stream] = l.text
		}
	}
	for _, stream := range []string{"catalogue", "log", "orders", "prices"} {
		if latest[stream] != "" {
			text.WriteString(latest[stream] + "\n")
		}
	}
	for _, l := range s.lines[position:] {
		text.WriteString(l.text + "\n")
	}
	return text.String()
}

// tables is what the first lines of a source lead to: the rows of keyed tables by stream and key. A row that was found
// deleted is gone from them where deletes are hard, and else marked.
func (s *source) tables(lines int, hard bool) map[string]map[string]sourceRow {
	tables := map[string]map[string]sourceRow{"orders": {}, "catalogue": {}, "prices": {}}
	for _, l := range s.lines[:lines] {
		switch {
		case l.kind == 'R' && l.id != "":
			if tables[l.stream][l.id] = l.row; l.row.gone && hard {
				delete(tables[l.stream], l.id)
			}
		case l.kind == 'V':
			for id, r := range tables[l.stream] {
				if r.version < l.version && hard {
					delete(tables[l.stream], id)
				} else if r.version < l.version {
					r.gone = true
					tables[l.stream][id] = r
				}
			}
		}
	}
	return tables
}
