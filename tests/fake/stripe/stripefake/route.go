package stripefake

import (
	"net/http"
	"net/url"
	"strings"
)

// endpoint is one operation of the API, which has its own limit at Stripe.
type endpoint struct {
	segments  []string // below /v1/; {} stands for an id
	docPath   string   // as the document writes it
	resource  string   // what a restricted key must be allowed to read
	component string
	answer    func(ids []string, query url.Values) ([]byte, *apiError)
}

// endpoints lists what the fake serves.
func (s *Server) endpoints() []endpoint {
	var list []endpoint
	add := func(segments []string, k *kind, answer func(docPath string, ids []string, query url.Values) ([]byte, *apiError)) {
		docPath := s.world.doc.patterns[strings.Join(segments, "/")]
		if docPath == "" {
			return // Stripe has no such operation
		}
		list = append(list, endpoint{segments, docPath, k.name, k.component,
			func(ids []string, query url.Values) ([]byte, *apiError) { return answer(docPath, ids, query) }})
	}
	for _, sh := range s.shelves {
		k, b := sh.kind, s.bulks[sh.kind.name]
		path := strings.Split(k.urlPath(), "/")
		one := append(path[:len(path):len(path)], "{}")
		if !k.unlisted {
			add(path, k, func(_ string, _ []string, query url.Values) ([]byte, *apiError) {
				if b != nil {
					return b.list(s.world, query)
				}
				return s.list(sh, query)
			})
		}
		add(one, k, func(docPath string, ids []string, query url.Values) ([]byte, *apiError) {
			if b != nil {
				return b.get(s.world, docPath, ids[0], query)
			}
			return s.get(sh, docPath, ids[0], query)
		})
		for i := range k.children {
			c := &k.children[i]
			add(c.segments(), k, func(docPath string, ids []string, query url.Values) ([]byte, *apiError) {
				return s.listChildren(sh, c, docPath, ids, query)
			})
			get := s.getChild
			if c.flat() {
				get = s.getFlat
			}
			add(append(c.segments(), "{}"), k, func(docPath string, ids []string, query url.Values) ([]byte, *apiError) {
				return get(sh, c, docPath, ids, query)
			})
		}
		for i := range k.links {
			if l := &k.links[i]; s.shelves[l.kind] != nil {
				add(append(one[:len(one):len(one)], l.name), s.shelves[l.kind].kind, func(docPath string, ids []string, query url.Values) ([]byte, *apiError) {
					return s.listLinked(sh, l, docPath, ids, query)
				})
			}
		}
	}
	for _, l := range elementLists {
		add(strings.Split(l.path, "/"), s.world.byName[l.kind], func(docPath string, ids []string, query url.Values) ([]byte, *apiError) {
			return s.listBelowElement(l, docPath, ids[0], query)
		})
	}
	for _, l := range laterLists {
		list = append(list, endpoint{strings.Split(l.path, "/"), "/v1/" + l.path, strings.ReplaceAll(l.path, "/", "_"), l.component,
			func(_ []string, query url.Values) ([]byte, *apiError) { return s.listLater(l, query) }})
	}
	list = append(list,
		endpoint{strings.Split(metersPath, "/"), "/v1/" + metersPath, "billing_meters", "billing.meter",
			func(_ []string, query url.Values) ([]byte, *apiError) { return s.listMeters(query) }},
		endpoint{strings.Split(summariesPath, "/"), "/v1/" + summariesPath, "billing_meters", "billing.meter_event_summary",
			func(ids []string, query url.Values) ([]byte, *apiError) { return s.listSummaries(ids[0], query) }})
	for name, component := range singletons {
		add([]string{name}, &kind{name: name, component: component}, func(docPath string, _ []string, query url.Values) ([]byte, *apiError) {
			_, err := s.world.doc.readParams(docPath, query)
			return s.world.singleton(component), err
		})
	}
	return list
}

// matchPath compares a path with a pattern and returns what stands for its
// placeholders.
func matchPath(pattern, path []string) (ids []string, ok bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	for i, want := range pattern {
		switch {
		case want == "{}" && path[i] != "":
			ids = append(ids, unescape(path[i]))
		case want != path[i]:
			return nil, false
		}
	}
	return ids, true
}

// find returns the endpoint that a request is for, and the ids in its path.
func (s *Server) find(r *http.Request) (*endpoint, []string) {
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/")
	if r.Method != http.MethodGet || !ok {
		return nil, nil
	}
	path := strings.Split(below, "/")
	for i := range s.served {
		if ids, ok := matchPath(s.served[i].segments, path); ok {
			return &s.served[i], ids
		}
	}
	return nil, nil
}

// route answers what the path of a request names.
func (s *Server) route(r *http.Request, key Key) ([]byte, *apiError) {
	e, ids := s.find(r)
	if e == nil {
		return nil, unrecognized(r)
	}
	if err := s.permits(key, e.resource, e.component, s.options.Account); err != nil {
		return nil, err
	}
	if err := s.enabled(e); err != nil {
		return nil, err
	}
	return e.answer(ids, r.URL.Query())
}
