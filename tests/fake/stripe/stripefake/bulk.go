package stripefake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"time"
)

// bulk is the objects of one kind when there are so many, or they are read so
// fast, that making each by itself would be what is measured. They are spread
// evenly over time. Each is a copy of one of a few, with an id and a time of its
// own; both follow from its number, so that nothing is kept. Nothing of a bulk
// changes, and no event tells of it.
type bulk struct {
	kind      *kind
	n         int64
	from      int64 // when the first was created, unix seconds
	span      int64 // seconds from then to the end
	templates [][]piece
}

// piece is a part of a template, indented as Stripe sends it: bytes, and what
// stands behind them.
type piece struct {
	text   []byte
	behind byte // 'i' for the id, 't' for the time of creation, 0 at the end
}

// bulkTemplates is how many objects the others are copies of.
const bulkTemplates = 32

// bulkDigits is the length of the number in an id.
const bulkDigits = 20

// newBulks makes the bulks that the options ask for.
func newBulks(w *world, o Options) (map[string]*bulk, error) {
	list := map[string]*bulk{}
	for name, n := range o.Bulk {
		k := w.byName[name]
		if _, counted := o.Counts[name]; k == nil || counted || n < 1 || k.unlisted {
			return nil, fmt.Errorf("bulk: %s: %d: want the name of a kind that has a list and is not in Counts, and a number from 1", name, n)
		}
		span := int64(o.Span / time.Second)
		b := &bulk{kind: k, n: int64(n), from: w.now - span, span: span}
		for i := range bulkTemplates {
			template, err := b.template(w, i)
			if err != nil {
				return nil, err
			}
			b.templates = append(b.templates, template)
		}
		list[name] = b
	}
	return list, nil
}

// template cuts an object where its id and its time of creation stand.
func (b *bulk) template(w *world, index int) ([]piece, error) {
	const id = "id-of-the-object"
	created := w.now - 1
	var text bytes.Buffer
	if err := json.Indent(&text, w.objectAs(id, b.kind, index, created), "    ", "  "); err != nil {
		return nil, fmt.Errorf("bulk: %s: %w", b.kind.name, err)
	}
	stamp := []byte("\n      \"" + b.kind.stampName() + "\": ")
	rest := text.Bytes()
	var pieces []piece
	for {
		i, t := bytes.Index(rest, []byte(id)), bytes.Index(rest, stamp)
		switch {
		case i >= 0 && (t < 0 || i < t):
			pieces, rest = append(pieces, piece{rest[:i], 'i'}), rest[i+len(id):]
		case t >= 0:
			pieces, rest = append(pieces, piece{rest[:t+len(stamp)], 't'}), rest[t+len(stamp)+len(itoa(created)):]
			stamp = []byte("\x00") // it stands there once
		default:
			return append(pieces, piece{rest, 0}), nil
		}
	}
}

// created is when an object was created.
func (b *bulk) created(at int64) int64 { return b.from + at*b.span/b.n }

// since returns the number of the first object created at or after a second.
func (b *bulk) since(created int64) int64 {
	return int64(sort.Search(int(b.n), func(i int) bool { return b.created(int64(i)) >= created }))
}

// find returns the number of the object with an id.
func (b *bulk) find(id string) (at int64, ok bool) {
	if len(id) != len(b.kind.prefix)+bulkDigits || id[:len(b.kind.prefix)] != b.kind.prefix {
		return 0, false
	}
	at, err := strconv.ParseInt(id[len(b.kind.prefix):], 10, 64)
	return at, err == nil && at >= 0 && at < b.n
}

// append appends the text of an object.
func (b *bulk) append(text []byte, at int64) []byte {
	for _, p := range b.templates[at%bulkTemplates] {
		text = append(text, p.text...)
		switch p.behind {
		case 'i':
			text = appendDigits(append(text, b.kind.prefix...), at)
		case 't':
			text = strconv.AppendInt(text, b.created(at), 10)
		}
	}
	return text
}

// appendDigits appends the number in an id.
func appendDigits(text []byte, at int64) []byte {
	var digits [bulkDigits]byte
	for i := range digits {
		digits[bulkDigits-1-i] = byte('0' + at%10)
		at /= 10
	}
	return append(text, digits[:]...)
}

// pageRoom is what most pages of 100 objects fit in.
const pageRoom = 320 << 10

// list answers the list. It takes what walks through it need, and no filter
// but created.
func (b *bulk) list(w *world, query url.Values) ([]byte, *apiError) {
	path := "/v1/" + b.kind.urlPath()
	p, err := w.doc.readParams(path, query)
	if err != nil {
		return nil, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	if match, err := filter(b.kind, p); err != nil || match != nil || len(p.array["expand"]) > 0 || p.scalar["ending_before"] != "" {
		return nil, invalid(http.StatusBadRequest, "", "", "The fake answers no such request for %s in bulk.", b.kind.name)
	}
	lo, hi := int64(0), b.n
	created := p.timeRange("created")
	if created.from != nil {
		lo = b.since(*created.from)
	}
	if created.until != nil {
		hi = b.since(*created.until)
	}
	if after := p.scalar["starting_after"]; after != "" {
		at, ok := b.find(after)
		if !ok {
			return nil, missing(b.kind.component, "starting_after", after)
		}
		hi = min(hi, at)
	}
	return b.page(path, lo, hi, int64(limit)), nil
}

// page writes the newest objects of [lo, hi), indented.
func (b *bulk) page(path string, lo, hi, limit int64) []byte {
	text := make([]byte, 0, pageRoom)
	text = append(text, "{\n  \"object\": \"list\",\n  \"data\": ["...)
	shown := max(0, min(limit, hi-lo))
	for i := range shown {
		if i > 0 {
			text = append(text, ',')
		}
		text = b.append(append(text, "\n    "...), hi-1-i)
	}
	if shown > 0 {
		text = append(text, "\n  "...)
	}
	return fmt.Appendf(text, "],\n  \"has_more\": %t,\n  \"url\": %q\n}", hi-lo > shown, path)
}

// get answers GET of one object.
func (b *bulk) get(w *world, docPath, id string, query url.Values) ([]byte, *apiError) {
	if _, err := w.doc.readParams(docPath, query); err != nil {
		return nil, err
	}
	at, ok := b.find(id)
	if !ok {
		return nil, missing(b.kind.component, "id", id)
	}
	return b.append(nil, at), nil
}
