package stripefake

import "sort"

// shelf holds the objects of one kind, oldest first. It is not safe for
// concurrent use; the server's lock guards it.
type shelf struct {
	kind     *kind
	entries  []entry
	position map[string]int // where the newest object of an id stands

	parents map[string][]int // for links: positions by the id of the parent
	linked  int              // how many entries parents knows
	owners  map[string]int   // positions by the id of a child whose path does not name its parent
	owned   int              // how many entries owners knows
}

// entry is one object. Its place on the shelf is the index it is made from.
type entry struct {
	id      string
	created int64
	raw     []byte // nil while the object is as the world makes it
	deleted bool

	children map[string][][]byte // lists of children that were changed, by name
}

func newShelf(w *world, k *kind) *shelf {
	moments := w.created[k.name]
	s := &shelf{kind: k, entries: make([]entry, 0, len(moments)), position: make(map[string]int, len(moments))}
	for i, at := range moments {
		s.add(entry{id: w.id(k, i), created: at})
	}
	return s
}

// add appends an object, which must not be older than the last.
func (s *shelf) add(e entry) int {
	s.entries = append(s.entries, e)
	s.position[e.id] = len(s.entries) - 1
	return len(s.entries) - 1
}

// live returns the position of an object that exists.
func (s *shelf) live(id string) (int, bool) {
	at, ok := s.position[id]
	return at, ok && !s.entries[at].deleted
}

// since returns the position of the first object created at or after a second.
func (s *shelf) since(created int64) int {
	return sort.Search(len(s.entries), func(i int) bool { return s.entries[i].created >= created })
}

// within returns the positions [lo, hi) that a filter on created leaves.
func (s *shelf) within(r timeRange) (lo, hi int) {
	lo, hi = 0, len(s.entries)
	if r.from != nil {
		lo = s.since(*r.from)
	}
	if r.until != nil {
		hi = s.since(*r.until)
	}
	return lo, max(lo, hi)
}

// timeRange is a filter on a timestamp: from inclusive, until exclusive, nil open.
type timeRange struct{ from, until *int64 }

func (r timeRange) open() bool { return r.from == nil && r.until == nil }

func (r timeRange) holds(t int64) bool {
	return (r.from == nil || t >= *r.from) && (r.until == nil || t < *r.until)
}
