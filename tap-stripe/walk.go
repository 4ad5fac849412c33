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
type walk struct {
	stream *stream
	slice  *slice

	end    int64  // the slice's LT at the start
	lt     int64  // of the filter
	after  string // id of the last object read; "" at the start
	oldest int64  // creation time reached
	// edge holds the ids read of the second oldest, by which a page that repeats the last one is known.
	edge map[string]bool
	// sorted ends when a page is not in order. What is unread is no range of time then, and the slice stays as it is.
	sorted   bool
	restarts int // since oldest last moved
}

func newWalk(st *stream, s *slice) *walk {
	return &walk{stream: st, slice: s, end: s.LT, lt: s.LT, oldest: s.LT, sorted: true, edge: map[string]bool{}}
}

// query asks for the next page of the given size.
func (w *walk) query(size int) *form.Values {
	q := &form.Values{}
	q.Add("limit", strconv.Itoa(size))
	if name, value, ok := strings.Cut(w.slice.List, "="); ok {
		q.Add(name, value)
	}
	if w.slice.GTE > 0 {
		q.Add("created[gte]", strconv.FormatInt(w.slice.GTE, 10))
	}
	q.Add("created[lt]", strconv.FormatInt(w.lt, 10))
	for _, path := range w.stream.expand {
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
	created int64
}

// A listError says that a server's list does not behave as lists do, so that reading on could lose objects or never
// end.
type listError struct {
	stream *stream
	what   string
}

func (e *listError) Error() string {
	return fmt.Sprintf("the list %s %s; the stream's bookmark stays where it is", e.stream.path, e.what)
}

// advance takes note of a page. It reports whether it was the last one.
func (w *walk) advance(entries []entry, more bool) (done bool, err error) {
	if !more {
		w.reachEnd(entries)
		return true, nil
	}
	if len(entries) == 0 {
		return false, &listError{w.stream, "announces more objects but shows none"}
	}
	if !slices.ContainsFunc(entries, w.fresh) {
		return false, &listError{w.stream, "shows the same objects again and again"}
	}
	for _, e := range entries {
		w.note(e)
	}
	w.after = entries[len(entries)-1].id
	if w.sorted {
		w.slice.LT = min(w.slice.LT, max(w.oldest+1, w.slice.GTE))
	}
	return false, nil
}

// reachEnd takes note of the last page, for window alone.
func (w *walk) reachEnd(entries []entry) {
	for _, e := range entries {
		w.oldest = min(w.oldest, e.created)
	}
	if w.slice.GTE > 0 {
		w.oldest = w.slice.GTE
	}
}

// fresh tells whether an object was not on the pages before.
func (w *walk) fresh(e entry) bool {
	return e.created < w.oldest || e.created == w.oldest && !w.edge[e.id]
}

func (w *walk) note(e entry) {
	switch {
	case e.created < w.oldest:
		w.oldest, w.restarts = e.created, 0
		clear(w.edge)
	case e.created > w.oldest:
		w.sorted = false
		return
	}
	w.edge[e.id] = true
}

// maxRestarts bounds how often a walk begins again without having moved.
const maxRestarts = 10

// restart begins again at the second reached, after the object that the cursor stood on was deleted. It reports whether
// that makes sense.
func (w *walk) restart() bool {
	if w.after == "" || w.restarts == maxRestarts {
		return false
	}
	w.restarts++
	if w.sorted {
		w.lt = min(w.lt, w.oldest+1)
	} else {
		w.oldest = w.lt
	}
	w.after = ""
	clear(w.edge)
	return true
}

// window tells a person what part of time has been read.
func (w *walk) window() string {
	day := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }
	return day(min(w.oldest, w.end-1)) + " .. " + day(w.end-1)
}
