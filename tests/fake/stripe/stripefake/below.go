package stripefake

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// elementList is a list below an element of another list.
type elementList struct {
	kind, list string // the list that the element is in: of which objects, and its name
	element    string // component of the element, and member that names it
	path       string // below /v1/; {} stands for the id of the element
	component  string
}

var elementLists = []elementList{
	{"subscriptions", "items", "subscription_item", "subscription_items/{}/usage_record_summaries", "usage_record_summary"},
	{"customers", "sources", "source", "sources/{}/source_transactions", "source_transaction"},
}

// listBelowElement answers such a list. Nothing in it ever changes.
func (s *Server) listBelowElement(l elementList, docPath, id string, query url.Values) ([]byte, *apiError) {
	p, err := s.world.doc.readParams(docPath, query)
	if err != nil {
		return nil, err
	}
	sh := s.shelves[l.kind]
	c := &sh.kind.children[slices.IndexFunc(sh.kind.children, func(c child) bool { return c.name == l.list })]
	element, at := s.element(sh, c, l.element, id)
	if element == nil {
		return nil, missing(l.element, "id", id)
	}
	if l.element == "subscription_item" && !metered(element) {
		return nil, invalid(http.StatusBadRequest, "", "", "The subscription item %s is not on the legacy metered billing system.", id)
	}
	k := &kind{name: l.component, component: l.component, prefix: prefixes[l.component]}
	return s.page(k, p, s.belowElement(l, k, sh.entries[at].created, id), "/v1/"+strings.ReplaceAll(l.path, "{}", url.PathEscape(id)))
}

// element finds an element of that component and the object that has it.
func (s *Server) element(sh *shelf, c *child, component, id string) (raw []byte, at int) {
	at, ok := s.owner(sh, id)
	if !ok || s.gone(sh, at) {
		return nil, 0
	}
	list := s.childrenOf(sh, at, c)
	i := slices.IndexFunc(list, func(raw []byte) bool { return memberText(raw, "id") == id && memberText(raw, "object") == component })
	if i < 0 {
		return nil, 0
	}
	return list[i], at
}

// metered reports whether a subscription item is charged by what was used.
func metered(item []byte) bool {
	return memberText(memberRaw(memberRaw(item, "price"), "recurring"), "usage_type") == "metered"
}

// belowElement makes one to twelve elements, newest first.
func (s *Server) belowElement(l elementList, k *kind, created int64, id string) [][]byte {
	size := 1 + s.world.random(l.component+id, 0, "size").IntN(12)
	list := make([][]byte, size)
	for i := range list {
		from := created + int64(size-1-i)*30*day
		d := s.world.draw(k, i, from, id)
		given := fields{
			"id": quote(k.prefix + token(d.Rand, 24)), "created": itoa(from), l.element: quote(id),
			"period": `{"start":` + itoa(from) + `,"end":` + itoa(from+30*day) + `}`,
		}
		list[i] = d.object(nil, s.world.doc.components[l.component], given, 1)
	}
	return list
}
