package rechargefake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"tapline/tests/fake/serve"
)

// Kinds lists the names of everything that [Server.Objects] knows: the kinds that can be counted, then what there is
// apart from them.
func (s *Server) Kinds() []string {
	var names []string
	for _, k := range s.world.kinds {
		names = append(names, k.name)
	}
	return append(names, "store", "token_information", "credit_summaries", "delivery_schedules")
}

// Counts is the number of objects that can be read, by kind.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	counts := map[string]int{}
	for name, sh := range s.shelves {
		counts[name] = 0
		for _, e := range sh.entries {
			if e.visible(s.Ticks()) {
				counts[name]++
			}
		}
	}
	return counts
}

// Objects is the oracle: every object of a kind that can be read now, oldest first, as the API sends it. What a list
// shows only when asked to (cancelled onetimes) is among them. token_information is that of the first token.
func (s *Server) Objects(kind string) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	switch kind {
	case "store":
		return [][]byte{s.store()}, nil
	case "token_information":
		return [][]byte{tokenInformation(s.options.Tokens[0])}, nil
	}
	sh, make := s.shelves[kind], s.raw
	switch kind {
	case "credit_summaries":
		sh, make = s.shelves["customers"], func(_ *shelf, e *entry) []byte { return s.creditSummary(e) }
	case "delivery_schedules":
		sh, make = s.shelves["customers"], func(_ *shelf, e *entry) []byte { return s.schedule(e, 2, s.Ticks()+365*dayMicros) }
	}
	if sh == nil {
		return nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	var all [][]byte
	for _, e := range sh.entries {
		if e.visible(s.Ticks()) {
			all = append(all, make(sh, e))
		}
	}
	return all, nil
}

// controlRoutes is the table of the control half.
func (s *Server) controlRoutes() *http.ServeMux {
	mux := serve.Routes(map[string]serve.Action{
		"GET /_control/counts":                 serve.Tell(s.Counts),
		"GET /_control/requests":               serve.Tell(s.Requests),
		"GET /_control/refused":                serve.Tell(func() map[string]int { return map[string]int{"refused": s.Refused()} }),
		"GET /_control/clock":                  s.ShowClock,
		"POST /_control/clock":                 s.TurnClock,
		"POST /_control/step":                  s.controlStep,
		"POST /_control/settle":                serve.Do(s.Settle),
		"POST /_control/create/{kind}":         s.controlCreate,
		"POST /_control/update/{kind}/{id}":    s.controlUpdate,
		"DELETE /_control/objects/{kind}/{id}": s.controlDelete,
		"POST /_control/fail":                  s.controlFail,
		"POST /_control/reset-failures":        serve.Do(s.ClearFailures),
		"POST /_control/reset-requests":        serve.Do(s.ResetRequests),
	})
	mux.HandleFunc("GET /_control/objects/{kind}", s.controlObjects)
	return mux
}

// controlObjects writes the oracle as JSON lines.
func (s *Server) controlObjects(w http.ResponseWriter, r *http.Request) {
	all, err := s.Objects(r.PathValue("kind"))
	if err != nil {
		serve.Refuse(w, r, err)
		return
	}
	serve.Lines(w, slices.Values(all))
}

func (s *Server) controlFail(r *http.Request) (any, error) {
	var f Failure
	if err := serve.Decode(r, &f); err != nil {
		return nil, err
	}
	return serve.Done, s.Fail(f)
}

// controlStep lets the mutator of a seed go on. keep and silent count when it is first named.
func (s *Server) controlStep(r *http.Request) (any, error) {
	n, err := serve.Number(r, "n")
	if err != nil {
		return nil, err
	}
	seed, err := serve.Seed(r)
	if err != nil {
		return nil, err
	}
	s.stepMu.Lock()
	defer s.stepMu.Unlock()
	if s.mutators[seed] == nil {
		o := MutatorOptions{Seed: seed, Keep: r.FormValue("keep") == "true", Silent: r.FormValue("silent") == "true"}
		if s.mutators[seed], err = s.NewMutator(o); err != nil {
			return nil, err
		}
	}
	return s.mutators[seed].Step(n)
}

func (s *Server) controlCreate(r *http.Request) (any, error) {
	n, err := serve.Number(r, "n")
	if err != nil {
		return nil, err
	}
	ids, err := s.Create(r.PathValue("kind"), n)
	return map[string][]int64{"ids": ids}, err
}

// named is the kind and the id in the path of a control request.
func named(r *http.Request) (kind string, id int64, err error) {
	id, err = strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		err = fmt.Errorf("%q is not the id of an object", r.PathValue("id"))
	}
	return r.PathValue("kind"), id, err
}

func (s *Server) controlUpdate(r *http.Request) (any, error) {
	kind, id, err := named(r)
	if err != nil {
		return nil, err
	}
	patch, err := serve.Body(r)
	if err != nil {
		return nil, err
	}
	return serve.Done, s.Update(kind, id, patch)
}

func (s *Server) controlDelete(r *http.Request) (any, error) {
	kind, id, err := named(r)
	if err != nil {
		return nil, err
	}
	return serve.Done, s.Delete(kind, id)
}
