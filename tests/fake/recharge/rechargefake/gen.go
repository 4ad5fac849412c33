package rechargefake

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// draw makes one object: its randomness, what its parts must agree on, and the text written so far.
type draw struct {
	*rand.Rand
	world            *world
	kind             *kind
	index            int
	created, updated int64 // unix microseconds
	b                []byte
}

// gen writes one JSON value.
type gen func(d *draw)

// field is one member of an object. A name that ends in ? is sometimes missing.
type field struct {
	name string
	make gen
}

// facts are members of an object that follow from each other or from other objects, as JSON text by name. They stand in
// place of what its fields would draw; empty text leaves the member out.
type facts map[string]string

// members writes an object of those fields.
func (d *draw) members(list []field, given facts) {
	d.b = append(d.b, '{')
	first := true
	for _, f := range list {
		name, optional := strings.CutSuffix(f.name, "?")
		raw, decided := given[name]
		if decided && raw == "" || !decided && optional && d.chance(0.3) {
			continue
		}
		if !first {
			d.b = append(d.b, ',')
		}
		first = false
		d.b = append(append(append(d.b, '"'), name...), '"', ':')
		if decided {
			d.b = append(d.b, raw...)
		} else {
			f.make(d)
		}
	}
	d.b = append(d.b, '}')
}

// object writes an object of those fields.
func object(list ...field) gen { return func(d *draw) { d.members(list, nil) } }

// list writes an array of low to high elements.
func list(low, high int, element gen) gen {
	return func(d *draw) {
		d.b = append(d.b, '[')
		for i := range low + d.IntN(high-low+1) {
			if i > 0 {
				d.b = append(d.b, ',')
			}
			element(d)
		}
		d.b = append(d.b, ']')
	}
}

// orNull writes null with probability p.
func orNull(p float64, g gen) gen {
	return func(d *draw) {
		if d.chance(p) {
			d.raw("null")
			return
		}
		g(d)
	}
}

// drifting writes what the API writes now and then instead of the usual value.
func drifting(usual, odd gen) gen {
	return func(d *draw) {
		if d.drifts() {
			odd(d)
			return
		}
		usual(d)
	}
}

// text draws one of the texts.
func text(choices ...string) gen { return func(d *draw) { d.quote(pick(d, choices)) } }

// fixed writes JSON text as it is.
func fixed(raw string) gen { return func(d *draw) { d.raw(raw) } }

// number draws an integer in [low, high].
func number(low, high int64) gen {
	return func(d *draw) { d.raw(itoa(low + d.Int64N(high-low+1))) }
}

// ref writes the id of an object of a kind, or null when there is none.
func ref(kind string) gen { return func(d *draw) { d.raw(d.ref(kind)) } }

func truth(d *draw) { d.raw(strconv.FormatBool(d.chance(0.5))) }

// money is an amount as Recharge writes it: decimal text.
func money(d *draw) { d.quote(cents(d.Int64N(50_000))) }

// moment is a time between the object's creation and its last change.
func moment(d *draw) { d.raw(d.at(d.between())) }

// date is a day within a month of the object's last change.
func date(d *draw) { d.raw(day(d.updated + d.Int64N(30)*dayMicros)) }

// written is what a generator writes.
func (d *draw) written(g gen) string {
	before := len(d.b)
	g(d)
	text := string(d.b[before:])
	d.b = d.b[:before]
	return text
}

func (d *draw) raw(s string)          { d.b = append(d.b, s...) }
func (d *draw) quote(s string)        { d.b = appendQuoted(d.b, s) }
func (d *draw) chance(p float64) bool { return d.Float64() < p }

// drifts decides whether a value has the type it has now and then.
func (d *draw) drifts() bool { return d.world.drift && d.chance(0.3) }

// between is a moment between the object's creation and its last change.
func (d *draw) between() int64 { return d.until(d.updated) }

// until is a moment between the object's creation and another: a whole second, unless times drift.
func (d *draw) until(end int64) int64 {
	at := d.created + d.Int64N(end-d.created+1)
	if d.world.drift {
		return at
	}
	return max(d.created, at/second*second)
}

// at is a time as objects of this kind write it.
func (d *draw) at(micros int64) string { return d.kind.at(micros) }

// ref is the id of a seeded object of a kind, or null.
func (d *draw) ref(kind string) string {
	if n := len(d.world.seeded[kind]); n > 0 {
		return itoa(d.world.id(d.world.byName[kind], d.IntN(n)))
	}
	return "null"
}

const (
	second    = int64(1_000_000) // microseconds
	dayMicros = 86_400 * second
)

// at writes a moment as objects of a kind do: some without an offset, which means UTC.
func (k *kind) at(micros int64) string {
	layout := "2006-01-02T15:04:05.999999+00:00"
	if k.naive {
		layout = "2006-01-02T15:04:05.999999"
	}
	return quote(time.UnixMicro(micros).UTC().Format(layout))
}

// day writes the day of a moment.
func day(micros int64) string { return quote(time.UnixMicro(micros).UTC().Format(time.DateOnly)) }

func pick[T any](d *draw, choices []T) T { return choices[d.IntN(len(choices))] }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// cents writes an amount of hundredths.
func cents(n int64) string {
	return itoa(n/100) + "." + itoa(n%100/10) + itoa(n%10)
}

// quote writes a JSON string with nothing escaped that need not be.
func quote(s string) string { return string(appendQuoted(nil, s)) }

func appendQuoted(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			raw, _ := json.Marshal(s) // text always encodes
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
