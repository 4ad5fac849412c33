package stripefake

import (
	"slices"
)

// origin is what a seeded event tells of: the creation of a seeded object.
type origin struct {
	kind    *kind
	index   int
	created int64
	typ     string
}

// seedEvents makes the events of the objects that were created within the
// retention. Their bodies are made when they are asked for.
func (s *Server) seedEvents() {
	since := s.now - int64(Retention.Seconds())
	for _, k := range s.world.kinds {
		if k.created == nil && k.byStatus == nil {
			continue
		}
		moments := s.world.created[k.name]
		first, _ := slices.BinarySearch(moments, since)
		for index := first; index < len(moments); index++ {
			status := ""
			if k.byStatus != nil {
				status = text([]byte(k.facts(s.world.draw(k, index, moments[index], "object"))["status"]))
			}
			for _, typ := range k.eventTypes(Created, status) {
				s.origins = append(s.origins, origin{k, index, moments[index], typ})
			}
		}
	}
	slices.SortStableFunc(s.origins, func(a, b origin) int { return int(a.created - b.created) })
	events := newShelf(s.world, eventsKind)
	for i, o := range s.origins {
		events.add(entry{id: s.world.id(eventsKind, i), created: o.created})
	}
	s.shelves[eventsKind.name] = events
}

// seededEvent makes the body of a seeded event.
func (s *Server) seededEvent(at int) []byte {
	o := s.origins[at]
	return s.eventBody(at, o.created, o.typ, s.world.object(o.kind, o.index, o.created), nil)
}

// emit appends an event of now for each type.
func (s *Server) emit(types []string, snapshot, previous []byte) {
	events := s.shelves[eventsKind.name]
	for _, typ := range types {
		at := len(events.entries)
		body := s.eventBody(at, s.now, typ, snapshot, previous)
		events.add(entry{id: s.world.id(eventsKind, at), created: s.now, raw: body})
	}
}

// eventBody writes an event as the API version of the account renders it.
// previous is null but for changes.
func (s *Server) eventBody(at int, created int64, typ string, snapshot, previous []byte) []byte {
	d := s.world.draw(eventsKind, at, created, "event")
	data := []member{{"object", snapshot}}
	if previous != nil {
		data = append(data, member{"previous_attributes", previous})
	}
	request := `{"id":null,"idempotency_key":null}`
	if d.chance(0.5) {
		request = `{"id":` + quote("req_"+token(d.Rand, 14)) + `,"idempotency_key":` + quote(token(d.Rand, 36)) + `}`
	}
	return writeMembers([]member{
		{"id", []byte(quote(s.world.id(eventsKind, at)))},
		{"object", []byte(`"event"`)},
		{"api_version", []byte(quote(Version))},
		{"created", []byte(itoa(created))},
		{"data", writeMembers(data)},
		{"livemode", []byte("false")},
		{"pending_webhooks", []byte(itoa(d.Int64N(3)))},
		{"request", []byte(request)},
		{"type", []byte(quote(typ))},
	})
}
