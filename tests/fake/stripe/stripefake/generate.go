package stripefake

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// fields are members decided before the drawing: raw JSON by name.
type fields map[string]string

// absent in fields keeps a member out of the object.
const absent = ""

// maxDepth ends what a schema would let grow for ever (an error that holds a
// payment intent that holds an error).
const maxDepth = 8

// cutAt is the number of elements that an embedded list shows.
const cutAt = 10

// draw makes one object: its randomness and what its parts must agree on.
type draw struct {
	*rand.Rand
	world    *world
	kind     *kind
	index    int
	created  int64
	currency string
}

func quote(s string) string { return string(appendString(nil, s)) }
func itoa(n int64) string   { return strconv.FormatInt(n, 10) }

// chance is true with probability p.
func (d *draw) chance(p float64) bool { return d.Float64() < p }

// value appends a value of schema s, which is the member called name of owner.
func (d *draw) value(b []byte, s *schema, name string, owner *schema, depth int) []byte {
	switch {
	case s.expandable():
		return append(b, d.reference(s, owner)...)
	case s.target != nil:
		return d.component(b, s.target, depth)
	case len(s.AnyOf) > 0:
		return d.value(b, s.AnyOf[d.IntN(len(s.AnyOf))], name, owner, depth)
	case s.isList():
		return d.list(b, s, name, depth)
	case s.Type == "array":
		return d.array(b, s, name, owner, depth)
	case s.Type == "object" && s.members != nil:
		return d.mapping(b, s, name, owner, depth)
	case s.Type == "object":
		return d.object(b, s, nil, depth)
	default:
		return d.scalar(b, s, name, owner)
	}
}

// component appends an object of a named schema. A kind that other objects
// copy is copied from the world, so that its id exists.
func (d *draw) component(b []byte, s *schema, depth int) []byte {
	for _, k := range d.world.kinds {
		if k.embedded && k.component == s.component && len(d.world.created[k.name]) > 0 {
			index := d.older(k)
			return append(b, d.world.object(k, index, d.world.created[k.name][index])...)
		}
	}
	return d.object(b, s, nil, depth)
}

// object appends an object with every member of its schema; nullable ones are
// sometimes null, optional ones sometimes missing, and some objects carry
// members that the document does not know.
func (d *draw) object(b []byte, s *schema, given fields, depth int) []byte {
	variant := d.variant(s, given)
	b = append(b, '{')
	start := len(b)
	for _, p := range s.props {
		raw, decided := given[p.name]
		if decided && raw == absent || !decided && !d.present(s, p, variant, depth) {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(appendString(b, p.name), ':')
		switch {
		case decided:
			b = append(b, raw...)
		case p.name == "type" && variant != "" && allows(p.schema, variant):
			b = appendString(b, variant)
		case p.schema.Nullable && d.isNull(p.schema, depth):
			b = append(b, "null"...)
		default:
			b = d.value(b, p.schema, p.name, s, depth+1)
		}
	}
	return append(d.unknownMembers(b, len(b) > start, depth), '}')
}

// variant picks which of the sub-objects that exclude each other is there.
func (d *draw) variant(s *schema, given fields) string {
	if len(s.variants) == 0 {
		return ""
	}
	if raw, ok := given["type"]; ok && slices.Contains(s.variants, raw[1:len(raw)-1]) {
		return raw[1 : len(raw)-1]
	}
	return s.variants[d.IntN(len(s.variants))]
}

func allows(s *schema, value string) bool {
	return len(s.Enum) == 0 || slices.Contains(s.Enum, value)
}

// present decides whether a member is there at all.
func (d *draw) present(s *schema, p property, variant string, depth int) bool {
	if p.required || p.schema.Nullable {
		return true
	}
	if slices.Contains(s.variants, p.name) {
		return p.name == variant && depth < maxDepth
	}
	if isObjectReference(p.schema) && depth > 1 {
		return d.chance(0.3) && depth < maxDepth
	}
	return d.chance(0.9)
}

// isNull decides whether a nullable member is null; whole resources inside
// resources are rare, and nothing nests without end.
func (d *draw) isNull(s *schema, depth int) bool {
	switch {
	case depth >= maxDepth:
		return true
	case depth == 0:
		return d.chance(0.25)
	case isObjectReference(s):
		return d.chance(0.75)
	default:
		return d.chance(0.5)
	}
}

// reference returns the id that stands for an expandable object.
func (d *draw) reference(s *schema, owner *schema) string {
	for _, option := range s.AnyOf {
		if option.target == nil {
			continue
		}
		for _, k := range d.world.kinds {
			if k.component == option.target.component {
				return d.ref(k.name)
			}
		}
	}
	for _, option := range s.AnyOf {
		if option.target != nil {
			return d.newID(option.target)
		}
	}
	return d.newID(owner)
}

// ref returns the quoted id of a seeded object that is probably older.
func (d *draw) ref(name string) string {
	k := d.world.byName[name]
	if len(d.world.created[name]) == 0 {
		return quote(k.prefix + token(d.Rand, 24))
	}
	return quote(d.world.id(k, d.older(k)))
}

// older picks the index of a seeded object of kind k among those that lie, by
// their share, before this one.
func (d *draw) older(k *kind) int {
	n, own := len(d.world.created[k.name]), len(d.world.created[d.kind.name])
	if d.index < own {
		n = max(1, int(float64(n)*float64(d.index+1)/float64(own)))
	}
	return d.IntN(n)
}

func (d *draw) newID(s *schema) string {
	prefix, ok := prefixes[s.component]
	if !ok {
		prefix = "id_"
	}
	return quote(prefix + token(d.Rand, 24))
}

// list appends a list object that an object embeds.
func (d *draw) list(b []byte, s *schema, name string, depth int) []byte {
	b = append(b, `{"object":"list","data":`...)
	item := s.Properties["data"].Items
	if item.target != nil && d.listed(item.target.component) {
		b = append(b, "[]"...) // of objects that have a list of their own
	} else {
		b = d.array(b, s.Properties["data"], "data", s, depth)
	}
	b = append(b, `,"has_more":false,"url":`...)
	return append(appendString(b, "/v1/"+d.kind.name+"/"+d.world.id(d.kind, d.index)+"/"+name), '}')
}

func (d *draw) listed(component string) bool {
	return slices.ContainsFunc(d.world.kinds, func(k *kind) bool { return k.component == component && !k.embedded })
}

func (d *draw) array(b []byte, s *schema, name string, owner *schema, depth int) []byte {
	n := d.IntN(3)
	if depth >= maxDepth {
		n = 0
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.value(b, s.Items, name, owner, depth+1)
	}
	return append(b, ']')
}

// mapping appends an object whose keys are free: metadata, or one entry per currency.
func (d *draw) mapping(b []byte, s *schema, name string, owner *schema, depth int) []byte {
	if s.members.Type == "string" {
		return d.metadata(b)
	}
	b = append(b, '{')
	first := d.IntN(len(currencies))
	for i := range d.IntN(3) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, currencies[(first+i)%len(currencies)]), ':')
		b = d.value(b, s.members, name, owner, depth+1)
	}
	return append(b, '}')
}
