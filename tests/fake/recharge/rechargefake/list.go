package rechargefake

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// walk is a list that a request began: what it filters and sorts by. Later pages carry it in their cursor.
type walk struct {
	Query   string `json:"q"` // of the first page
	Sort    string `json:"s"`
	Key     int64  `json:"v"` // of the last object that was shown
	ID      int64  `json:"i"`
	Back    bool   `json:"b,omitempty"` // towards the beginning
	Started bool   `json:"-"`
}

// cursor writes a walk as the text that a client must hand back as it is. A sum over it keeps clients from making
// their own, and from using that of another list.
func (s *Server) cursor(place string, w walk) []byte {
	body, _ := json.Marshal(w) // plain values always encode
	sealed, _ := json.Marshal(map[string]any{"walk": json.RawMessage(body), "sum": s.seal(place, body)})
	return []byte(quote(base64.StdEncoding.EncodeToString(sealed)))
}

// seal is the sum over a cursor of one list.
func (s *Server) seal(place string, body []byte) string {
	h := fnv.New64a()
	h.Write([]byte(place + strconv.FormatUint(s.world.seed, 10)))
	h.Write(body)
	return strconv.FormatUint(h.Sum64(), 36)
}

func (s *Server) readCursor(place, text string) (walk, *apiError) {
	var sealed struct {
		Walk json.RawMessage
		Sum  string
	}
	var w walk
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &sealed) != nil || s.seal(place, sealed.Walk) != sealed.Sum || json.Unmarshal(sealed.Walk, &w) != nil {
		return w, invalid("cursor", "Invalid value")
	}
	w.Started = true
	return w, nil
}

// listing is a list request after checking.
type listing struct {
	walk
	limit    int
	member   string // sorted by
	down     bool
	tests    []test
	includes []include
}

// place names the list of a kind under filters that its path implies.
func place(k *kind, given url.Values) string { return k.name + "?" + given.Encode() }

// read checks the parameters of a list. given are filters that the path implies.
func (s *Server) read(k *kind, query, given url.Values) (listing, *apiError) {
	l := listing{limit: 50}
	l.Sort = "id-desc"
	rest := maps.Clone(query)
	if value, ok := query["limit"]; ok {
		n, err := strconv.Atoi(value[0])
		if err != nil || n < 1 || n > 250 {
			return l, invalid("limit", "Must be between 1 and 250.")
		}
		l.limit = n
		delete(rest, "limit")
	}
	if text, ok := query["cursor"]; ok {
		delete(rest, "cursor")
		for _, name := range slices.Sorted(maps.Keys(rest)) {
			return l, invalid(name, "Cannot be used with a cursor: only limit can.")
		}
		w, err := s.readCursor(place(k, given), text[0])
		if err != nil {
			return l, err
		}
		l.walk = w
		rest, _ = url.ParseQuery(w.Query) // the fake wrote it
		return l, l.choose(k, rest)
	}
	if value, ok := rest["sort_by"]; ok {
		l.Sort = value[0]
		delete(rest, "sort_by")
	}
	for name, values := range given {
		if rest.Has(name) {
			return l, invalid(name, "Unknown field.")
		}
		rest[name] = values
	}
	l.Query = rest.Encode()
	return l, l.choose(k, rest)
}

// choose turns the sort, the filters and the includes of a first page into what a walk does with them.
func (l *listing) choose(k *kind, query url.Values) *apiError {
	member, direction, _ := strings.Cut(l.Sort, "-")
	if !k.sortable(member) || direction != "asc" && direction != "desc" {
		return invalid("sort_by", "Not a valid choice.")
	}
	l.member, l.down = member, direction == "desc"
	if k.required != "" && query.Get(k.required) == "" {
		return invalid(k.required, "Missing data for required field.")
	}
	if k.hidden.param != "" && !query.Has(k.hidden.param) {
		l.tests = append(l.tests, k.hidden.test)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		value, err := query[name][0], (*apiError)(nil)
		if name == "include" {
			l.includes, err = k.including(value)
		} else {
			err = l.filter(k, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// filter adds the test of one parameter.
func (l *listing) filter(k *kind, name, value string) *apiError {
	if name == k.hidden.param && name != "" {
		shown, err := strconv.ParseBool(value)
		if err != nil {
			return invalid(name, "Not a valid boolean.")
		}
		if !shown {
			l.tests = append(l.tests, k.hidden.test)
		}
		return nil
	}
	i := slices.IndexFunc(k.filters, func(f filter) bool { return f.param == name })
	if i < 0 {
		return invalid(name, "Unknown field.")
	}
	test, ok := k.filters[i].parse(value)
	switch {
	case !ok:
		return invalid(name, "Not a valid value.")
	case strings.HasPrefix(name, "created_at_") || strings.HasPrefix(name, "updated_at_"):
		l.tests = slices.Insert(l.tests, 0, test) // it needs no look at an object's bytes
	default:
		l.tests = append(l.tests, test)
	}
	return nil
}

// test lets pass what is not hidden.
func (h hiding) test(o candidate) bool { return !o.holds(h.member) }

// holds reports whether a member is there and is neither null nor false.
func (c candidate) holds(member string) bool {
	raw := string(memberRaw(c.s.raw(c.sh, c.e), member))
	return raw != "" && raw != "null" && raw != "false"
}

// list answers one page.
func (s *Server) list(sh *shelf, query, given url.Values) ([]byte, *apiError) {
	l, err := s.read(sh.kind, query, given)
	if err != nil {
		return nil, err
	}
	order := s.orderBy(sh, l.member)
	found, more := s.page(sh, order, l)
	if l.Back {
		slices.Reverse(found)
	}
	next, previous := []byte("null"), []byte("null")
	if len(found) > 0 {
		mark := func(at int, back bool) []byte {
			return s.cursor(place(sh.kind, given), walk{Query: l.Query, Sort: l.Sort, Key: order.keys[at], ID: sh.entries[at].id, Back: back})
		}
		if more || l.Back {
			next = mark(found[len(found)-1], false)
		}
		if l.Started && !l.Back || l.Back && more {
			previous = mark(found[0], true)
		}
	}
	return s.pageBody(sh, found, l.includes, next, previous), nil
}

// page collects the positions of the objects of one page in the direction of the walk, and tells whether there are
// more.
func (s *Server) page(sh *shelf, order order, l listing) (found []int, more bool) {
	down := l.down != l.Back
	next, step := 0, 1
	if down {
		next, step = len(order.at)-1, -1
	}
	if l.Started {
		next = order.after(sh, l.Key, l.ID)
		if down {
			next = order.after(sh, l.Key, l.ID-1) - 1
		}
	}
	now := s.Ticks()
	for ; next >= 0 && next < len(order.at); next += step {
		at := order.at[next]
		if e := sh.entries[at]; !e.visible(now) || !passes(candidate{s, sh, e}, l.tests) {
			continue
		}
		if len(found) == l.limit {
			return found, true
		}
		found = append(found, at)
	}
	return found, false
}

func passes(o candidate, tests []test) bool {
	for _, t := range tests {
		if !t(o) {
			return false
		}
	}
	return true
}

func (s *Server) pageBody(sh *shelf, found []int, includes []include, next, previous []byte) []byte {
	raws := make([][]byte, len(found))
	for i, at := range found {
		raws[i] = s.raw(sh, sh.entries[at])
	}
	s.addIncludes(raws, includes)
	b := append([]byte(`{"next_cursor":`), next...)
	b = append(append(b, `,"previous_cursor":`...), previous...)
	b = append(append(append(b, ',', '"'), sh.kind.urlPath()...), `":[`...)
	for i, raw := range raws {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
	}
	return append(b, "]}"...)
}
