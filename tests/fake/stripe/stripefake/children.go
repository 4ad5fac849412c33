package stripefake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// child describes objects that belong to one of another kind and have a list
// of their own below it.
type child struct {
	name       string   // last segment of the path, and member of the parent that embeds the list
	path       string   // below /v1/, with %s for the id of the parent
	components []string // what an element can be
	embedded   bool     // the parent shows the first ten (if expandOnly lists name, on demand)
	backlink   string   // member of the element that holds the id of the parent
	make       func(d *draw, parent string, n int) fields

	created, updated, deleted []string                 // event types about the element
	parent                    []string                 // event types about the parent when an element comes
	frozen                    bool                     // elements are there from the start and stay
	latest                    string                   // member of the parent that holds the id of the newest element
	counts                    string                   // member of the parent to which the amount of a new element is added
	closed                    func(parent []byte) bool // whether only the parent itself may read the list; nil: never
}

// tells reports whether changes of an element have events.
func (c *child) tells() bool {
	return len(c.created)+len(c.updated)+len(c.parent) > 0 || c.counts != ""
}

// shown reports whether objects of the kind show the list without being asked to.
func (c *child) shown(k *kind) bool { return c.embedded && !slices.Contains(k.expandOnly, c.name) }

// link is the list, below an object, of objects of another kind: the refunds of a charge.
type link struct {
	name string // last segment of the path, and member of the parent that shows the first ten on demand
	kind string
	key  string // member of those objects that holds the id of the parent
}

// flat reports whether the id of the parent is a parameter, not part of the path.
func (c *child) flat() bool { return strings.Contains(c.path, "?") }

// sought reports whether elements are asked for without their parent.
func (c *child) sought(k *kind) bool {
	return c.flat() || slices.ContainsFunc(elementLists, func(l elementList) bool { return l.kind == k.name && l.list == c.name })
}

// url is the path of the list of an object's children.
func (c *child) url(parent string) string {
	if c.flat() {
		return "/v1/" + fmt.Sprintf(c.path, url.QueryEscape(parent))
	}
	return "/v1/" + fmt.Sprintf(c.path, url.PathEscape(parent))
}

// segments is the path as a pattern; {} stands for an id.
func (c *child) segments() []string {
	path, _, _ := strings.Cut(c.path, "?")
	return strings.Split(strings.ReplaceAll(path, "%s", "{}"), "/")
}

// parentParam is the parameter with the id of the parent of a flat path.
func (c *child) parentParam() string {
	_, query, _ := strings.Cut(c.path, "?")
	name, _, _ := strings.Cut(query, "=")
	return name
}

// elementFacts are the members of an element that follow from its place.
func (c *child) elementFacts(d *draw, parent string, n int) fields {
	if c.make != nil {
		return c.make(d, parent, n)
	}
	f := fields{"created": itoa(d.created)}
	if c.backlink != "" {
		f[c.backlink] = quote(parent)
	}
	return f
}

// embeddedList makes the list that is cut at ten, with the path of the rest.
func embeddedList(c *child, parent string, all [][]byte) []byte {
	return listBody(all[:min(len(all), cutAt)], len(all) > cutAt, c.url(parent))
}

// children draws the elements that an object starts with.
func (d *draw) children(c *child, parent string) [][]byte {
	purpose := ""
	if at := slices.IndexFunc(d.kind.children, func(other child) bool { return other.name == c.name }); at > 0 {
		purpose = c.name + " " // the lists of one object differ
	}
	n := 1 + d.world.random(d.kind.name, d.index, purpose+"size").IntN(3)
	switch {
	case d.index%25 == 7:
		n += cutAt
	case d.index%3 == 2 && c.latest != "":
		n = 0 // nothing was tried yet
	}
	list := make([][]byte, n)
	for i := range list {
		list[i] = d.element(c, parent, purpose, i)
	}
	return list
}

func (d *draw) element(c *child, parent, purpose string, n int) []byte {
	e := *d
	e.Rand = d.world.random(d.kind.name, d.index, purpose+"child "+strconv.Itoa(n))
	component := c.components[n%len(c.components)]
	return e.object(nil, d.world.doc.components[component], c.elementFacts(&e, parent, n), 1)
}

// childrenOf returns the elements of the object at a position as they are now.
func (s *Server) childrenOf(sh *shelf, at int, c *child) [][]byte {
	e := &sh.entries[at]
	if list, ok := e.children[c.name]; ok {
		return list
	}
	return s.world.children(sh.kind, c, at, e.created, e.id)
}

// setChildren replaces the elements and shows them in the parent.
func (s *Server) setChildren(sh *shelf, at int, c *child, list [][]byte) {
	e := &sh.entries[at]
	if e.children == nil {
		e.children = map[string][][]byte{}
	}
	e.children[c.name] = list
	if sh.owners != nil && c.sought(sh.kind) {
		for _, raw := range list {
			sh.owners[memberText(raw, "id")] = at
		}
	}
	if !c.shown(sh.kind) {
		return
	}
	members, _ := readMembers(s.raw(sh, at)) // the fake holds valid objects only
	e.raw = writeMembers(set(members, c.name, embeddedList(c, e.id, list)))
}

// sum adds up an integer member of elements.
func sum(list [][]byte, member string) (total int64) {
	for _, raw := range list {
		total += memberNumber(raw, member)
	}
	return total
}

// count adds an amount to an integer member.
func (s *Server) count(sh *shelf, at int, member string, amount int64) {
	members, _ := readMembers(s.raw(sh, at)) // the fake holds valid objects only
	sh.entries[at].raw = writeMembers(set(members, member, []byte(itoa(number(find(members, member))+amount))))
}

// listChildren answers the path of the children of an object, in the order of
// the list that it embeds.
func (s *Server) listChildren(sh *shelf, c *child, docPath string, ids []string, query url.Values) ([]byte, *apiError) {
	p, err := s.world.doc.readParams(docPath, query)
	if err != nil {
		return nil, err
	}
	parent, param := p.scalar[c.parentParam()], c.parentParam()
	delete(p.scalar, param)
	if !c.flat() {
		parent, param = ids[0], "id"
	}
	at, ok := sh.live(parent)
	if !ok {
		return nil, missing(sh.kind.component, param, parent)
	}
	if err := s.open(sh, at, c); err != nil {
		return nil, err
	}
	k := &kind{name: c.name, component: c.components[0]}
	return s.page(k, p, s.childrenOf(sh, at, c), c.url(parent))
}

// open refuses a list that only the object itself may read.
func (s *Server) open(sh *shelf, at int, c *child) *apiError {
	if c.closed == nil || !c.closed(s.raw(sh, at)) {
		return nil
	}
	return invalid(http.StatusForbidden, "", "", "The %s of %s cannot be read with this key because of Platform Controls.", c.name, sh.entries[at].id)
}

// page answers a list of objects that are there whole: filtered, then cut.
func (s *Server) page(k *kind, p params, all [][]byte, url string) ([]byte, *apiError) {
	tree, err := s.world.doc.expansions(k, p.array["expand"], true)
	if err != nil {
		return nil, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	match, err := filter(k, p)
	if err != nil {
		return nil, err
	}
	created := p.timeRange("created")
	all = slices.DeleteFunc(slices.Clone(all), func(raw []byte) bool {
		return match != nil && !match(raw) || !created.open() && !created.holds(memberNumber(raw, "created"))
	})
	if !p.paged {
		limit = len(all)
	}
	shown, more, err := cutPage(all, k.component, p, limit)
	if err != nil {
		return nil, err
	}
	if len(tree) > 0 {
		shown = slices.Clone(shown)
		for i := range shown {
			shown[i] = s.expandElement(k, shown[i], tree)
		}
	}
	return listBody(shown, more, url), nil
}

// expandElement expands an object that is on a shelf or a child.
func (s *Server) expandElement(k *kind, raw []byte, t tree) []byte {
	if sh := s.shelves[k.name]; sh != nil && sh.kind == k {
		return s.render(sh, sh.position[memberText(raw, "id")], t)
	}
	members, _ := readMembers(raw) // the fake holds valid objects only
	return s.expandMembers(members, t)
}

// getChild answers GET of one element below its parent.
func (s *Server) getChild(sh *shelf, c *child, docPath string, ids []string, query url.Values) ([]byte, *apiError) {
	p, err := s.world.doc.readParams(docPath, query)
	if err != nil {
		return nil, err
	}
	k := &kind{name: c.name, component: c.components[0]}
	tree, err := s.world.doc.expansions(k, p.array["expand"], false)
	if err != nil {
		return nil, err
	}
	at, ok := sh.live(ids[0])
	if !ok {
		return nil, missing(sh.kind.component, "id", ids[0])
	}
	if err := s.open(sh, at, c); err != nil {
		return nil, err
	}
	list := s.childrenOf(sh, at, c)
	i := slices.IndexFunc(list, func(raw []byte) bool { return memberText(raw, "id") == ids[1] })
	if i < 0 {
		return nil, missing(c.components[0], "id", ids[1])
	}
	return s.expandElement(k, list[i], tree), nil
}

// getFlat answers GET of one element whose path does not name its parent.
func (s *Server) getFlat(sh *shelf, c *child, docPath string, ids []string, query url.Values) ([]byte, *apiError) {
	at, ok := s.owner(sh, ids[0])
	if !ok || s.gone(sh, at) {
		return nil, missing(c.components[0], "id", ids[0])
	}
	return s.getChild(sh, c, docPath, []string{sh.entries[at].id, ids[0]}, query)
}

// owner finds the object that has an element. What was added to the shelf
// since the last call is read first.
func (s *Server) owner(sh *shelf, id string) (at int, ok bool) {
	s.linkMu.Lock()
	defer s.linkMu.Unlock()
	if sh.owners == nil {
		sh.owners = map[string]int{}
	}
	for ; sh.owned < len(sh.entries); sh.owned++ {
		for i := range sh.kind.children {
			if c := &sh.kind.children[i]; c.sought(sh.kind) {
				for _, raw := range s.childrenOf(sh, sh.owned, c) {
					sh.owners[memberText(raw, "id")] = sh.owned
				}
			}
		}
	}
	at, ok = sh.owners[id]
	return at, ok
}

// listLinked answers the list, below an object, of objects of another kind.
func (s *Server) listLinked(sh *shelf, l *link, docPath string, ids []string, query url.Values) ([]byte, *apiError) {
	p, err := s.world.doc.readParams(docPath, query)
	if err != nil {
		return nil, err
	}
	if _, ok := sh.live(ids[0]); !ok {
		return nil, missing(sh.kind.component, "id", ids[0])
	}
	return s.page(s.shelves[l.kind].kind, p, s.linked(l, ids[0]), l.url(sh.kind, ids[0]))
}

func (l *link) url(k *kind, parent string) string {
	return "/v1/" + k.urlPath() + "/" + url.PathEscape(parent) + "/" + l.name
}

// linked returns the live objects whose key names the parent, newest first.
func (s *Server) linked(l *link, parent string) [][]byte {
	sh := s.shelves[l.kind]
	var list [][]byte
	for _, at := range slices.Backward(s.positions(sh, l.key, parent)) {
		if s.gone(sh, at) {
			continue
		}
		if raw := s.raw(sh, at); memberText(raw, l.key) == parent { // a payment method can be detached
			list = append(list, raw)
		}
	}
	return list
}

// positions finds the objects that were made for a parent. What was added to
// the shelf since the last call is read first.
func (s *Server) positions(sh *shelf, key, parent string) []int {
	s.linkMu.Lock()
	defer s.linkMu.Unlock()
	if sh.parents == nil {
		sh.parents = map[string][]int{}
	}
	for ; sh.linked < len(sh.entries); sh.linked++ {
		id := memberText(s.raw(sh, sh.linked), key)
		sh.parents[id] = append(sh.parents[id], sh.linked)
	}
	return slices.Clone(sh.parents[parent])
}
