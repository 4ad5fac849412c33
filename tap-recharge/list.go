package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"tapline/internal/recharge"
)

// A list is a list of Recharge's on which pages are turned. The first page carries the query; it lives on in the
// cursors of the others.
type list struct {
	path   string
	member string
	query  url.Values
	cursor string              // of the next page; "": the first
	seen   map[string]struct{} // cursors that were followed
}

func newList(st *stream, path string, query url.Values) *list {
	return &list{path: path, member: st.member, query: query, seen: map[string]struct{}{}}
}

// queryOf parses the query of a stream and adds parameters to it, given as names and values in turn.
func queryOf(text string, more ...string) url.Values {
	query, _ := url.ParseQuery(text) // it is part of the program, and tested
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return query
}

// A listError says that a list does not behave as lists do, so that reading on could lose records or never end.
type listError struct{ path, what string }

func (e *listError) Error() string {
	return fmt.Sprintf("the list %s %s; the stream's bookmark stays where it is", e.path, e.what)
}

// next reads the next page. The list is at its end if the page says so by an empty Next.
func (l *list) next(ctx context.Context, c *recharge.Client, size *pageSize) (*recharge.Page, error) {
	for {
		page, err := c.Page(ctx, recharge.Request{Path: l.path, Key: l.member, Query: l.query, Cursor: l.cursor, Limit: size.now})
		if err != nil && ctx.Err() == nil && recharge.Timeout(err) && size.shrink() {
			continue
		}
		if err != nil {
			return nil, err
		}
		size.worked()
		l.seen[l.cursor] = struct{}{}
		if _, again := l.seen[page.Next]; again && page.Next != "" {
			return nil, &listError{l.path, "leads back to a page that was read before"}
		}
		l.cursor = page.Next
		return page, nil
	}
}

// refusedCursor tells whether a failure is that a cursor does not lead on, which reading again from the beginning can
// cure.
func refusedCursor(err error) bool {
	refused, ok := errors.AsType[*recharge.Error](err)
	return ok && refused.BadCursor()
}

// A pageSize is how many records are asked for at once. It is halved when pages take too long, which some lists
// recover from only so, and grows back.
type pageSize struct {
	now, most int
	good      int // pages since it last changed
}

const (
	leastPage  = 25 // records; smaller pages cost more in requests than they save in time
	goodToGrow = 8  // pages
)

// shrink reports whether a smaller page can be asked for.
func (p *pageSize) shrink() bool {
	if p.now <= min(leastPage, p.most) {
		return false
	}
	p.now, p.good = max(p.now/2, leastPage), 0
	return true
}

// worked takes note of a page that came.
func (p *pageSize) worked() {
	if p.good++; p.now < p.most && p.good >= goodToGrow {
		p.now, p.good = min(2*p.now, p.most), 0
	}
}
