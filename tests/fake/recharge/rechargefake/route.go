package rechargefake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// route answers what the path of a request names.
func (s *Server) route(r *http.Request, t Token) ([]byte, *apiError) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "error", "The query string cannot be read.")
	case !s.known(path):
		return nil, notFound()
	case r.Method != http.MethodGet:
		return nil, refuse(http.StatusMethodNotAllowed, "error", "Method not allowed: the fake is read only.")
	case path[0] == "token_information" || path[0] == "store":
		return s.single(path[0], t, query)
	case len(path) == 1:
		return s.listPath(path[0], t, query)
	case len(path) == 2:
		return s.get(path[0], path[1], t, query)
	}
	return s.child(path[0], path[1], path[2], t, query)
}

// children are the paths below one object, with the name of what they show, the scopes that open it and, unless it is a
// list, the parameters that it accepts.
var children = map[string]struct {
	resource       string
	scopes, params []string
}{
	"customers/credit_summary":    {"credit_summaries", []string{"read_credit_summary"}, nil},
	"customers/delivery_schedule": {"delivery_schedules", readCustomers, []string{"delivery_count_future", "future_interval", "date_max"}},
	"async_batches/tasks":         {"async_batch_tasks", []string{"read_batches"}, nil},
}

// known reports whether the API has such a path.
func (s *Server) known(path []string) bool {
	switch len(path) {
	case 1:
		return path[0] == "store" || path[0] == "token_information" || len(s.listed(path[0])) > 0
	case 2:
		list := s.listed(path[0])
		return len(list) > 0 && !list[0].kind.alone
	case 3:
		_, ok := children[path[0]+"/"+path[2]]
		return ok
	}
	return false
}

// listed are the shelves whose list has that path: one, or for metafields one for each kind of owner.
func (s *Server) listed(path string) []*shelf {
	var list []*shelf
	for _, k := range s.world.kinds {
		if k.urlPath() == path && k.below == "" {
			list = append(list, s.shelves[k.name])
		}
	}
	return list
}

func (s *Server) listPath(path string, t Token, query url.Values) ([]byte, *apiError) {
	list := s.listed(path)
	sh := list[0]
	if path == "metafields" {
		owner, err := s.metafieldOwner(list, query)
		if err != nil {
			return nil, err
		}
		sh = owner
	}
	if err := s.permits(t, sh.kind.name, sh.kind.scopes); err != nil {
		return nil, err
	}
	return s.list(sh, query, nil)
}

// metafieldOwner finds the shelf that owner_resource names, or that a cursor belongs to.
func (s *Server) metafieldOwner(list []*shelf, query url.Values) (*shelf, *apiError) {
	if cursor, ok := query["cursor"]; ok {
		for _, sh := range list {
			if _, err := s.readCursor(place(sh.kind, nil), cursor[0]); err == nil {
				return sh, nil
			}
		}
		return list[0], nil // which refuses the cursor
	}
	owner := query.Get("owner_resource")
	if owner == "" {
		return nil, invalid("owner_resource", "Missing data for required field.")
	}
	if sh := s.shelves["metafields_"+owner]; sh != nil {
		return sh, nil
	}
	return nil, invalid("owner_resource", "Not a valid choice.")
}

// get answers GET /<kind>/<id>.
func (s *Server) get(path, id string, t Token, query url.Values) ([]byte, *apiError) {
	list := s.listed(path)
	sh, e := list[0], (*entry)(nil)
	for _, other := range list {
		if found, ok := s.named(other, id); ok {
			sh, e = other, found
		}
	}
	if err := s.permits(t, sh.kind.name, sh.kind.scopes); err != nil {
		return nil, err
	}
	var includes []include
	for name, values := range query {
		if name != "include" {
			return nil, invalid(name, "Unknown field.")
		}
		var err *apiError
		if includes, err = sh.kind.including(values[0]); err != nil {
			return nil, err
		}
	}
	if e == nil {
		return nil, notFound()
	}
	raws := [][]byte{s.raw(sh, e)}
	s.addIncludes(raws, includes)
	return wrap(sh.kind.one, raws[0]), nil
}

// named finds an object by what its path calls it.
func (s *Server) named(sh *shelf, id string) (*entry, bool) {
	if sh.kind.name == "products" {
		for at, e := range sh.entries {
			if s.world.product(at) == quote(id) && e.visible(s.Ticks()) {
				return e, true
			}
		}
		return nil, false
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, false
	}
	return sh.find(n, s.Ticks())
}

func wrap(name string, raw []byte) []byte {
	b := append([]byte(`{"`), name...)
	return append(append(append(b, '"', ':'), raw...), '}')
}

// single answers what a store has one of.
func (s *Server) single(name string, t Token, query url.Values) ([]byte, *apiError) {
	if name == "store" {
		if err := s.permits(t, "store", storeScopes); err != nil {
			return nil, err
		}
	}
	for param := range query {
		return nil, invalid(param, "Unknown field.")
	}
	if name == "store" {
		return wrap(name, s.store()), nil
	}
	return wrap(name, tokenInformation(t)), nil
}

// child answers a path below one object.
func (s *Server) child(parent, id, name string, t Token, query url.Values) ([]byte, *apiError) {
	c := children[parent+"/"+name]
	if err := s.permits(t, c.resource, c.scopes); err != nil {
		return nil, err
	}
	e, ok := s.named(s.shelves[parent], id)
	if !ok {
		return nil, notFound()
	}
	if sh := s.shelves[c.resource]; sh != nil {
		return s.list(sh, query, url.Values{"batch_id": {id}})
	}
	for param := range query {
		if !slices.Contains(c.params, param) {
			return nil, invalid(param, "Unknown field.")
		}
	}
	if name == "credit_summary" {
		return wrap(name, s.creditSummary(e)), nil
	}
	return s.deliverySchedule(e, query)
}
