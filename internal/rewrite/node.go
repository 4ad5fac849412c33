package rewrite

import (
	"encoding/json"
	"slices"
	"strings"
)

// A shape is what a JSON Schema says about types, times and members; the rest of it does not matter here.
type shape struct {
	Type                 types            `json:"type"`
	Format               string           `json:"format"`
	Lowercase            bool             `json:"x-lowercase"`
	Separator            string           `json:"x-separator"`
	Properties           map[string]shape `json:"properties"`
	Items                *part            `json:"items"`
	AdditionalProperties *part            `json:"additionalProperties"`
	AnyOf                []shape          `json:"anyOf"`
	OneOf                []shape          `json:"oneOf"`
	AllOf                []shape          `json:"allOf"`
}

// A part is a schema where JSON Schema also allows true, false and, for items, a list; those describe nothing here.
type part struct{ shape }

func (p *part) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	return json.Unmarshal(text, &p.shape)
}

// A node is a place in records: what to do with the value there, and the places below it.
type node struct {
	path    []string
	drop    bool
	time    bool
	date    bool
	lower   bool
	types   types  // all that the schema declares; none: it says nothing
	joint   string // stands between the items of a list that becomes text
	told    bool   // a value that cannot be coerced has been reported
	closed  bool   // the schema names properties here, so that other names are unknown to it
	items   *node
	rest    *shape // of members that the schema does not name
	members map[string]*node

	// Members stand in the same order in most records. To compare a name with the one that stood there last time is
	// quicker than to find its end and look it up.
	name  string // as it stands in a record, in quotes and with its colon; "": it was not met, or has escapes
	first *node  // the member that the last object at this place began with
	next  *node  // the member that came behind this one last time
	bit   uint64 // of [Rewriter.Met]
}

// compile makes the node at path, with all nodes below it that the schema names.
func (r *Rewriter) compile(s *shape, path []string) *node {
	n := &node{path: path, members: map[string]*node{}}
	r.describe(n, s)
	return n
}

// describe adds what s says to n. Alternatives are laid over each other: what one of them names is known.
func (r *Rewriter) describe(n *node, s *shape) {
	n.types |= s.Type
	n.time = n.time || s.Format == "date-time"
	n.date = n.date || s.Format == "date"
	n.lower = n.lower || s.Lowercase
	if s.Separator != "" {
		n.joint = s.Separator
	}
	n.closed = n.closed || len(s.Properties) > 0
	for name, property := range s.Properties {
		if have := n.members[name]; have != nil {
			r.describe(have, &property)
		} else {
			n.members[name] = r.place(&property, n.path, name)
		}
	}
	if s.Items != nil {
		if n.items == nil {
			n.items = r.compile(&s.Items.shape, n.path)
		} else {
			r.describe(n.items, &s.Items.shape)
		}
	}
	if s.AdditionalProperties != nil {
		n.rest = &s.AdditionalProperties.shape
	}
	for _, alternatives := range [][]shape{s.AnyOf, s.OneOf, s.AllOf} {
		for i := range alternatives {
			r.describe(n, &alternatives[i])
		}
	}
}

// place makes the node of the member of that name below a path.
func (r *Rewriter) place(s *shape, parent []string, name string) *node {
	path := append(slices.Clip(slices.Clone(parent)), name)
	if !r.selected(path...) {
		return &node{path: path, drop: true}
	}
	return r.compile(s, path)
}

// maxLearned bounds how many names of members are remembered that the schema does not know, because keys of free-form
// objects may be ids. Names beyond it work as well, only slower.
const maxLearned = 1 << 16

// member returns the node of the member of that name, and learns it if it is new.
func (r *Rewriter) member(n *node, name []byte) *node {
	if child := n.members[string(name)]; child != nil {
		return child
	}
	s := n.rest
	if s == nil {
		s = &shape{}
	}
	child := r.place(s, n.path, string(name))
	if r.learned < maxLearned {
		r.learned++
		n.members[string(name)] = child
		if n.closed && !child.drop {
			r.unknown(strings.Join(child.path, "."))
		}
	}
	return child
}
