package stripefake

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// tree is a set of expand[] paths: the members to expand, and what in them.
type tree map[string]tree

// expansions checks expand[] against the document. Paths of a list start with data.
func (doc *document) expansions(k *kind, paths []string, list bool) (tree, *apiError) {
	root := tree{}
	for _, path := range paths {
		segments := strings.Split(path, ".")
		if list && segments[0] != "data" || len(segments) > 4 || !doc.expands(k, segments, list) {
			return nil, invalid(http.StatusBadRequest, "", "expand", "This property cannot be expanded (%s).", path)
		}
		if list {
			segments = segments[1:]
		}
		at := root
		for _, name := range segments {
			if at[name] == nil {
				at[name] = tree{}
			}
			at = at[name]
		}
	}
	return root, nil
}

// expands reports whether a path leads, over members that the document calls
// expandable, to one that a plain answer does not show in full.
func (doc *document) expands(k *kind, segments []string, list bool) bool {
	if list {
		segments = segments[1:]
	}
	at := []*schema{doc.components[k.component]}
	for i, name := range segments {
		var next []*schema
		hidden := i == 0 && slices.Contains(k.expandOnly, name)
		for _, s := range at {
			p := s.Properties[name]
			if p == nil || !hidden && !slices.Contains(s.ExpandableFields, name) {
				continue
			}
			hidden = hidden || p.expandable() || p.Items != nil && p.Items.expandable()
			next = append(next, doc.objectsOf(p)...)
		}
		if len(next) == 0 && !hidden || i == len(segments)-1 && !hidden {
			return false
		}
		at = next
	}
	return len(segments) > 0
}

// objectsOf lists the object schemas that a value may have, elements of arrays included.
func (doc *document) objectsOf(s *schema) []*schema {
	if s.Items != nil {
		return doc.objectsOf(s.Items)
	}
	if len(s.AnyOf) == 0 {
		return []*schema{s.resolved()}
	}
	var list []*schema
	for _, option := range s.AnyOf {
		if option.target != nil {
			list = append(list, option.target)
		}
	}
	return list
}

// render returns the bytes of the object at a position with its expansions.
func (s *Server) render(sh *shelf, at int, t tree) []byte {
	raw := s.raw(sh, at)
	if len(t) == 0 {
		return raw
	}
	members, err := readMembers(raw)
	if err != nil {
		panic(err) // the fake holds valid objects only
	}
	if len(sh.kind.expandOnly) > 0 {
		for _, extra := range s.extras(sh, at) {
			if _, wanted := t[extra.name]; wanted {
				members = append(members, extra)
			}
		}
	}
	return s.expandMembers(members, t)
}

// extras makes the members that only expand[] brings.
func (s *Server) extras(sh *shelf, at int) []member {
	e := sh.entries[at]
	list := s.world.extras(sh.kind, at, e.created)
	for i := range sh.kind.children {
		c := &sh.kind.children[i]
		if c.embedded && slices.Contains(sh.kind.expandOnly, c.name) {
			list = append(list, member{c.name, embeddedList(c, e.id, s.childrenOf(sh, at, c))})
		}
	}
	for i := range sh.kind.links {
		l := &sh.kind.links[i]
		if s.shelves[l.kind] != nil && slices.Contains(sh.kind.expandOnly, l.name) {
			all := s.linked(l, e.id)
			list = append(list, member{l.name, listBody(all[:min(len(all), cutAt)], len(all) > cutAt, l.url(sh.kind, e.id))})
		}
	}
	return list
}

func (s *Server) expandMembers(members []member, t tree) []byte {
	for i, m := range members {
		if below, wanted := t[m.name]; wanted {
			members[i].raw = s.expandValue(m.raw, below)
		}
	}
	return writeMembers(members)
}

// expandValue replaces an id by its object and goes on below objects and
// arrays. An id of a kind that the fake does not hold stays an id.
func (s *Server) expandValue(raw []byte, t tree) []byte {
	switch raw[0] {
	case '"':
		return s.lookUp(raw, t)
	case '{':
		members, err := readMembers(raw)
		if err != nil || len(t) == 0 {
			return raw
		}
		return s.expandMembers(members, t)
	case '[':
		elements := readElements(raw)
		for i := range elements {
			elements[i] = s.expandValue(elements[i], t)
		}
		return append(append([]byte{'['}, bytes.Join(elements, []byte{','})...), ']')
	default:
		return raw
	}
}

// lookUp finds the object of a quoted id among all kinds.
func (s *Server) lookUp(raw []byte, t tree) []byte {
	id := text(raw)
	if isDiscount(id) {
		members, _ := readMembers(s.world.discount(id)) // the fake makes valid objects only
		return s.expandMembers(members, t)
	}
	for _, k := range s.world.kinds {
		sh := s.shelves[k.name]
		at, ok := sh.position[id]
		switch {
		case !ok:
			continue
		case sh.entries[at].deleted:
			return deletedBody(k, id)
		default:
			return s.render(sh, at, t)
		}
	}
	return raw
}
