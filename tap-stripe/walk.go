package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/form"
)

// A walk reads one slice page by page. Its queries keep one filter and move a cursor, because a cursor means nothing
// under another filter. Meanwhile it lowers the slice's LT to what is unread: the second that the last page ended in is
// read again after a cut, since the page may have ended in the middle of it.
//
// Another walk may take over the older part of what is unread. The slice's GTE, the walk's floor, is raised then; the
// walk keeps its filter and ends at the first object below the floor.
type walk struct {
	stream *stream
	slice  *slice
	expand []string

	end    int64  // the slice's LT at the start
	gte    int64  // of the filter
	lt     int64  // of the filter
	after  string // id of the last object read; "" at the start
	oldest int64  // creation time reached
	ended  bool   // there is nothing more to read
	// edge holds the ids read of the second oldest, by which a page that repeats the last one is known.
	edge  map[string]bool
	trail []string // the same in order; the last one is after
	// sorted ends when a page is not in order. What is unread is no range of time then, and the slice stays as it is.
	sorted   bool
	restarts int // since oldest last moved

	read int // objects
}

func newWalk(st *stream, s *slice) *walk {
	return &walk{stream: st, slice: s, expand: st.expand, end: s.LT, gte: s.GTE, lt: s.LT, oldest: s.LT, sorted: true, edge: map[string]bool{}}
}

// query asks for the next page.
func (w *walk) query() *form.Values {
	q := &form.Values{}
	if name, value, ok := strings.Cut(w.slice.List, "="); ok {
		q.Add(name, value)
	}
	if w.gte > 0 {
		q.Add("created[gte]", strconv.FormatInt(w.gte, 10))
	}
	q.Add("created[lt]", strconv.FormatInt(w.lt, 10))
	for _, path := range w.expand {
		q.Add("expand[]", path)
	}
	if w.after != "" {
		q.Add("starting_after", w.after)
	}
	return q
}

// An entry is what a walk has to know of an object.
type entry struct {
	id      string
	created int64 // Unix seconds, or unknown
}

// unknown is the time of creation of an object that does not say it. Its place in the list is all that is known of it.
const unknown = -1

// A listError says that a server's list does not behave as lists do, so that reading on could lose objects or never
// end.
type listError struct {
	stream *stream
	what   string
}

func (e *listError) Error() string {
	path := e.stream.path
	if e.stream.parent != nil {
		path = e.stream.parent.path
	}
	return fmt.Sprintf("the list %s %s; the stream's bookmark stays where it is", path, e.what)
}

// take takes note of a page. Of its objects, which are to be written before settle is called, the first keep belong to
// the slice. It reports whether that was all of the slice.
func (w *walk) take(entries []entry, more bool) (keep int, done bool, err error) {
	if more && len(entries) == 0 {
		return 0, false, &listError{w.stream, "announces more objects but shows none"}
	}
	if more && !slices.ContainsFunc(entries, w.fresh) {
		return 0, false, &listError{w.stream, "shows the same objects again and again"}
	}
	for _, e := range entries {
		if e.created == unknown {
			keep++
			continue
		}
		if w.note(e); w.sorted && w.slice.GTE > w.gte && e.created < w.slice.GTE {
			more = false
			break
		}
		keep++
	}
	w.read += keep
	if w.ended = !more; w.ended {
		return keep, true, nil
	}
	w.after = entries[len(entries)-1].id
	return keep, false, nil
}

// settle lowers the slice to what is unread, once what was taken is written.
func (w *walk) settle() {
	if w.sorted {
		w.slice.LT = min(w.slice.LT, max(w.oldest+1, w.slice.GTE))
	}
}

// fresh tells whether an object was not on the pages before.
func (w *walk) fresh(e entry) bool {
	return e.created < w.oldest || e.created == w.oldest && !w.edge[e.id]
}

func (w *walk) note(e entry) {
	switch {
	case e.created < w.oldest:
		w.oldest, w.restarts, w.trail = e.created, 0, w.trail[:0]
		clear(w.edge)
	case e.created > w.oldest:
		w.sorted = false
		return
	}
	w.edge[e.id] = true
	w.trail = append(w.trail, e.id)
}

// maxRestarts bounds how often a walk begins again without having moved.
const maxRestarts = 10

// restart goes on after the object that the cursor stood on was deleted: behind the object before it, if that is of the
// same second, else by beginning again at the second reached. It reports whether that makes sense.
func (w *walk) restart() bool {
	if n := len(w.trail); w.sorted && w.after != "" && n > 1 {
		w.trail, w.after = w.trail[:n-1], w.trail[n-2]
		return true
	}
	if w.after == "" || w.restarts == maxRestarts {
		return false
	}
	w.restarts++
	if w.sorted {
		w.gte, w.lt = w.slice.GTE, min(w.lt, w.oldest+1)
	} else {
		w.oldest = w.lt
	}
	w.after, w.trail = "", w.trail[:0]
	clear(w.edge)
	return true
}

// window tells a person what part of time has been read.
func (w *walk) window() string {
	day := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }
	oldest := max(w.oldest, w.slice.GTE)
	if w.ended && w.slice.GTE > 0 {
		oldest = w.slice.GTE
	}
	return day(min(oldest, w.end-1)) + " .. " + day(w.end-1)
}

// noObjects is a time before which no account has objects: Stripe opened in September 2011.
const noObjects = 1293840000 // 2011-01-01

// floor is where what is unread begins in practice.
func (w *walk) floor() int64 {
	if w.oldest > noObjects {
		return max(w.slice.GTE, noObjects)
	}
	return w.slice.GTE
}

// pagesLeft estimates how many pages are unread, as if objects had always been created as often as those that were
// read. It is 0 if that is not known or the pages cannot be shared.
func (w *walk) pagesLeft(size int) float64 {
	span := w.oldest - w.floor()
	if w.ended || !w.sorted || span < 2 {
		return 0
	}
	perSecond := float64(w.read) / float64(max(w.end-w.oldest, 1))
	return perSecond * float64(span) / float64(size)
}

// split gives the older half of what is unread away, as a slice of its own. No second is divided.
func (w *walk) split() *walk {
	middle := w.floor() + (w.oldest-w.floor())/2
	older := newWalk(w.stream, &slice{GTE: w.slice.GTE, LT: middle, List: w.slice.List})
	older.expand = w.expand
	w.slice.GTE = middle
	return older
}
