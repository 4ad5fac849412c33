package rechargefake

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// shelf holds the objects of one kind, oldest first. The server's lock guards it.
type shelf struct {
	kind     *kind
	entries  []*entry
	position map[int64]int
	late     []int // positions of entries with versions that nobody can read yet
	orders   map[string]order
}

// entry is one object. Its place on the shelf is the index it is made from.
type entry struct {
	id, created int64
	version               // the one that readers see, once its moment has come
	coming      []version // those they will see, oldest first
	deleted     bool
}

// version is an object between two changes. Times are unix microseconds.
type version struct {
	raw     []byte // nil while the object is as the world makes it
	updated int64
	shown   int64 // since when it can be read
	gone    int64 // since when it has aged out of the API; 0: never
}

// order is the entries of a shelf sorted by a member, ties by id.
type order struct {
	keys []int64 // by position on the shelf
	at   []int   // positions
}

// newest is the version that the next change starts from.
func (e *entry) newest() *version {
	if n := len(e.coming); n > 0 {
		return &e.coming[n-1]
	}
	return &e.version
}

// visible reports whether an entry can be read at a moment.
func (e *entry) visible(now int64) bool {
	return !e.deleted && e.shown <= now && (e.gone == 0 || now <= e.gone)
}

// settle lets the versions appear whose moment has come.
func (sh *shelf) settle(now int64) {
	sh.late = slices.DeleteFunc(sh.late, func(at int) bool {
		e := sh.entries[at]
		for len(e.coming) > 0 && e.coming[0].shown <= now {
			e.version, e.coming = e.coming[0], e.coming[1:]
			sh.orders = nil
		}
		return len(e.coming) == 0
	})
}

// add puts an entry on the shelf and returns its position.
func (sh *shelf) add(e *entry) int {
	sh.entries = append(sh.entries, e)
	sh.position[e.id] = len(sh.entries) - 1
	sh.orders = nil
	return len(sh.entries) - 1
}

// find returns an object that can be read.
func (sh *shelf) find(id, now int64) (*entry, bool) {
	at, ok := sh.position[id]
	if !ok || !sh.entries[at].visible(now) {
		return nil, false
	}
	return sh.entries[at], true
}

// orderBy sorts the shelf by a member. The result holds until the shelf changes.
func (s *Server) orderBy(sh *shelf, member string) order {
	if o, ok := sh.orders[member]; ok {
		return o
	}
	o := order{keys: make([]int64, len(sh.entries)), at: make([]int, len(sh.entries))}
	for at, e := range sh.entries {
		o.at[at] = at
		switch member {
		case "id":
			o.keys[at] = e.id
		case "updated_at":
			o.keys[at] = e.updated
		case "created_at":
			o.keys[at] = e.created
		default:
			if t, ok := parseTime(strings.Trim(string(memberRaw(s.raw(sh, e), member)), `"`)); ok {
				o.keys[at] = t
			}
		}
	}
	slices.SortFunc(o.at, func(a, b int) int {
		return cmp.Or(cmp.Compare(o.keys[a], o.keys[b]), cmp.Compare(sh.entries[a].id, sh.entries[b].id))
	})
	if sh.orders == nil {
		sh.orders = map[string]order{}
	}
	sh.orders[member] = o
	return o
}

// after is the place in the order of the first entry beyond a key and an id.
func (o order) after(sh *shelf, key, id int64) int {
	return sort.Search(len(o.at), func(i int) bool {
		at := o.at[i]
		return cmp.Or(cmp.Compare(o.keys[at], key), cmp.Compare(sh.entries[at].id, id)) > 0
	})
}

// raw returns the bytes of the version of an entry that readers see.
func (s *Server) raw(sh *shelf, e *entry) []byte { return s.bytes(sh, e, &e.version) }

func (s *Server) bytes(sh *shelf, e *entry, v *version) []byte {
	if v.raw != nil {
		return v.raw
	}
	return s.world.object(sh.kind, sh.position[e.id], moments{e.created, v.updated})
}
