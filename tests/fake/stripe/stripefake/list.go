package stripefake

import (
	"net/http"
	"net/url"
	"slices"
)

func unescape(segment string) string {
	if s, err := url.PathUnescape(segment); err == nil {
		return s
	}
	return segment
}

// raw returns the plain bytes of the object at a position.
func (s *Server) raw(sh *shelf, at int) []byte {
	e := sh.entries[at]
	switch {
	case e.raw != nil:
		return e.raw
	case sh.kind == eventsKind:
		return s.seededEvent(at)
	default:
		return s.world.object(sh.kind, at, e.created)
	}
}

// get answers GET /v1/<kind>/<id>.
func (s *Server) get(sh *shelf, docPath, id string, query url.Values) ([]byte, *apiError) {
	p, err := s.world.doc.readParams(docPath, query)
	if err != nil {
		return nil, err
	}
	tree, err := s.world.doc.expansions(sh.kind, p.array["expand"], false)
	if err != nil {
		return nil, err
	}
	at, ok := sh.position[id]
	switch {
	case ok && sh.entries[at].deleted && s.world.doc.remains[docPath]:
		return deletedBody(sh.kind, id), nil
	case !ok || s.gone(sh, at):
		return nil, missing(sh.kind.component, "id", id)
	}
	return s.render(sh, at, tree), nil
}

// deletedBody is what is left of an object that can still be retrieved.
func deletedBody(k *kind, id string) []byte {
	return writeMembers([]member{{"id", []byte(quote(id))}, {"object", []byte(quote(k.component))}, {"deleted", []byte("true")}})
}

// oldest is the position of the first object that time has not taken away.
func (s *Server) oldest(sh *shelf) int {
	if sh.kind != eventsKind {
		return 0
	}
	return sh.since(s.Ticks() - int64(Retention.Seconds()))
}

// list answers GET /v1/<kind>.
func (s *Server) list(sh *shelf, query url.Values) ([]byte, *apiError) {
	path := "/v1/" + sh.kind.urlPath()
	p, err := s.world.doc.readParams(path, query)
	if err != nil {
		return nil, err
	}
	tree, err := s.world.doc.expansions(sh.kind, p.array["expand"], true)
	if err != nil {
		return nil, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	if !p.paged {
		limit = len(sh.entries)
	}
	paid, err := s.payoutRange(sh, p)
	if err != nil {
		return nil, err
	}
	if !paid.open() {
		delete(p.scalar, "payout") // no row has such a member
	}
	match, err := filter(sh.kind, p)
	if err != nil {
		return nil, err
	}
	w, err := s.window(sh, p)
	if err != nil {
		return nil, err
	}
	if lo, hi := sh.within(paid); !paid.open() {
		w.lo, w.hi = max(w.lo, lo), max(min(w.hi, hi), w.lo, lo)
	}
	found, more := s.walk(sh, w, limit, match)
	data := make([][]byte, len(found))
	for i, at := range found {
		data[i] = s.render(sh, at, tree)
	}
	return listBody(data, more, path), nil
}

// payoutDelay is how old transactions are that are paid out, in seconds: by
// then all of them have become available.
const payoutDelay = 8 * day

// payoutRange answers the filter payout of balance transactions: a payout
// holds what became old enough since the one before it. The rows themselves do
// not name their payout.
func (s *Server) payoutRange(sh *shelf, p params) (timeRange, *apiError) {
	id, payouts := p.scalar["payout"], s.shelves["payouts"]
	if id == "" || payouts == nil || sh.kind.name != "balance_transactions" {
		return timeRange{}, nil
	}
	at, ok := payouts.live(id)
	if !ok {
		return timeRange{}, missing("payout", "payout", id)
	}
	members, _ := readMembers(s.raw(payouts, at)) // the fake holds valid objects only
	if string(find(members, "automatic")) != "true" {
		return timeRange{}, invalid(http.StatusBadRequest, "", "payout", "Balance transactions are known for automatic payouts, and %s is a manual one.", id)
	}
	var from, until int64
	if at > 0 {
		from = payouts.entries[at-1].created + 1 - payoutDelay
	}
	until = payouts.entries[at].created + 1 - payoutDelay
	return timeRange{&from, &until}, nil
}

// window is the part of a shelf that a list request may show: positions
// [lo, hi), walked from the newest, or from the oldest after ending_before.
type window struct {
	lo, hi  int
	upwards bool
}

func (s *Server) window(sh *shelf, p params) (window, *apiError) {
	var w window
	w.lo, w.hi = sh.within(p.timeRange("created"))
	w.lo = max(w.lo, s.oldest(sh))
	after, before := p.scalar["starting_after"], p.scalar["ending_before"]
	if after != "" && before != "" {
		return w, invalid(http.StatusBadRequest, "parameter_invalid", "ending_before", "You cannot send both starting_after and ending_before.")
	}
	if after != "" {
		at, err := s.cursor(sh, "starting_after", after)
		if err != nil {
			return w, err
		}
		w.hi = min(w.hi, at)
	}
	if before != "" {
		at, err := s.cursor(sh, "ending_before", before)
		if err != nil {
			return w, err
		}
		w.lo, w.upwards = max(w.lo, at+1), true
	}
	return w, nil
}

// cursor finds the object that a cursor names; it must still exist.
func (s *Server) cursor(sh *shelf, param, id string) (int, *apiError) {
	at, ok := sh.live(id)
	if ok && at < s.oldest(sh) {
		return 0, invalid(http.StatusBadRequest, "", param, "The event %s has aged out of our retention policy.", id)
	}
	if !ok || s.gone(sh, at) {
		return 0, missing(sh.kind.component, param, id)
	}
	return at, nil
}

// walk collects up to limit live positions that match, newest first, and tells
// whether there are more in the direction of the walk.
func (s *Server) walk(sh *shelf, w window, limit int, match matcher) (found []int, more bool) {
	for i := range w.hi - w.lo {
		at := w.hi - 1 - i
		if w.upwards {
			at = w.lo + i
		}
		if s.gone(sh, at) || match != nil && !match(s.raw(sh, at)) {
			continue
		}
		if len(found) == limit {
			more = true
			break
		}
		found = append(found, at)
	}
	if w.upwards {
		slices.Reverse(found)
	}
	return found, more
}

// cutPage cuts one page out of a short list by cursor.
func cutPage(all [][]byte, component string, p params, limit int) ([][]byte, bool, *apiError) {
	lo, hi := 0, len(all)
	for _, param := range []string{"starting_after", "ending_before"} {
		id := p.scalar[param]
		if id == "" {
			continue
		}
		at := slices.IndexFunc(all, func(raw []byte) bool { return memberText(raw, "id") == id })
		if at < 0 {
			return nil, false, missing(component, param, id)
		}
		if param == "starting_after" {
			lo = at + 1
		} else {
			hi = at
		}
	}
	lo = min(lo, hi)
	if p.scalar["ending_before"] != "" && p.scalar["starting_after"] == "" {
		return all[max(lo, hi-limit):hi], hi-limit > lo, nil
	}
	return all[lo:min(hi, lo+limit)], hi-lo > limit, nil
}
