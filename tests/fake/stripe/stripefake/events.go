package stripefake

import (
	"slices"
	"time"
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
	since := s.Ticks() - int64(Retention.Seconds())
	for _, k := range s.world.kinds {
		if k.created == nil && k.byStatus == nil {
			continue
		}
		moments := s.world.created[k.name]
		first, _ := slices.BinarySearch(moments, since)
		for index := first; index < len(moments); index++ {
			status := ""
			if k.byStatus != nil {
				status = s.world.status(k, index, moments[index])
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
	for _, typ := range types {
		if account := s.feedOf(typ, snapshot); account != s {
			account.mu.Lock() // an account never waits for its platform
			account.tell(typ, snapshot, previous)
			account.mu.Unlock()
			continue
		}
		s.tell(typ, snapshot, previous)
	}
}

// tell appends an event of now to the feed of this account.
func (s *Server) tell(typ string, snapshot, previous []byte) {
	events, now := s.shelves[eventsKind.name], s.Ticks()
	at := len(events.entries)
	body := s.eventBody(at, now, typ, snapshot, previous)
	events.add(entry{id: s.world.id(eventsKind, at), created: now, raw: body})
}

// gone reports whether nobody can read the object at a position: it was
// deleted, has aged out, or is an event that has not appeared yet.
func (s *Server) gone(sh *shelf, at int) bool {
	e := sh.entries[at]
	if e.deleted || sh.kind != eventsKind {
		return e.deleted
	}
	age := s.Ticks() - e.created
	return age > int64(Retention.Seconds()) || age < int64(s.options.EventDelay/time.Second) && age < s.eventDelay(at)
}

// eventDelay is for how many seconds an event stays hidden.
func (s *Server) eventDelay(at int) int64 {
	longest := int64(s.options.EventDelay / time.Second)
	if longest < 1 {
		return 0
	}
	return 1 + s.world.random(eventsKind.name, at, "delay").Int64N(longest)
}

// eventVersion is the API version at which an event is written.
func (s *Server) eventVersion(at int) string {
	if len(s.options.EventVersions) == 0 {
		return Version
	}
	return s.options.EventVersions[s.world.random(eventsKind.name, at, "version").IntN(len(s.options.EventVersions))]
}

// eventBody writes an event at the API version that it was made at. previous
// is nil but for changes.
func (s *Server) eventBody(at int, created int64, typ string, snapshot, previous []byte) []byte {
	d := s.world.draw(eventsKind, at, created, "event")
	version := s.eventVersion(at)
	snapshot, previous = renderAt(version, snapshot, previous)
	data := []member{{"object", snapshot}}
	if previous != nil {
		data = append(data, member{"previous_attributes", previous})
	}
	request := `{"id":null,"idempotency_key":null}`
	if d.chance(0.5) {
		request = `{"id":` + quote("req_"+token(d.Rand, 14)) + `,"idempotency_key":` + quote(token(d.Rand, 36)) + `}`
	}
	if version < objectRequest {
		members, _ := readMembers([]byte(request))
		request = string(find(members, "id"))
	}
	return writeMembers([]member{
		{"id", []byte(quote(s.world.id(eventsKind, at)))},
		{"object", []byte(`"event"`)},
		{"api_version", []byte(quote(version))},
		{"created", []byte(itoa(created))},
		{"data", writeMembers(data)},
		{"livemode", []byte("false")},
		{"pending_webhooks", []byte(itoa(d.Int64N(3)))},
		{"request", []byte(request)},
		{"type", []byte(quote(typ))},
	})
}
