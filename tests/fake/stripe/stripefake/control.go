package stripefake

import (
	"fmt"
	"iter"
	"net/http"
	"slices"

	"tapline/tests/fake/serve"
)

// Kinds lists the names of everything the fake lists, events last.
func (s *Server) Kinds() []string {
	var names []string
	for _, k := range s.world.kinds {
		names = append(names, k.name)
	}
	return append(names, eventsKind.name)
}

// Counts is the number of live objects by kind.
func (s *Server) Counts() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	counts := map[string]int{}
	for name, sh := range s.shelves {
		for at := s.oldest(sh); at < len(sh.entries); at++ {
			if !s.gone(sh, at) {
				counts[name]++
			}
		}
	}
	return counts
}

// Objects is the oracle: every live object of a kind, oldest first, as a GET
// with those expand[] paths answers it, in compact JSON. The bytes belong to
// the fake and must not be changed.
func (s *Server) Objects(kind string, expand ...string) ([][]byte, error) {
	all, err := s.all(kind, expand)
	if err != nil {
		return nil, err
	}
	return slices.Collect(all), nil
}

// Object returns one live object like Objects.
func (s *Server) Object(kind, id string) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sh := s.shelves[kind]
	if sh == nil {
		return nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	at, ok := sh.live(id)
	if !ok || s.gone(sh, at) {
		return nil, fmt.Errorf("there is no %s %s", kind, id)
	}
	return s.raw(sh, at), nil
}

// all makes the objects one by one, each as it is when its turn comes, of
// those that lived when all was called.
func (s *Server) all(kind string, expand []string) (iter.Seq[[]byte], error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sh := s.shelves[kind]
	if sh == nil {
		return nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	t, refusal := s.world.doc.expansions(sh.kind, expand, false)
	if refusal != nil {
		return nil, refusal
	}
	lo, hi := s.oldest(sh), len(sh.entries)
	return func(yield func([]byte) bool) {
		for at := lo; at < hi; at++ {
			raw := s.liveRaw(sh, at, t)
			if raw != nil && !yield(raw) {
				return
			}
		}
	}, nil
}

func (s *Server) liveRaw(sh *shelf, at int, t tree) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.gone(sh, at) {
		return nil
	}
	return s.render(sh, at, t)
}

// controlRoutes is the table of the control half.
func (s *Server) controlRoutes() *http.ServeMux {
	mux := serve.Routes(map[string]serve.Action{
		"GET /_control/counts":                    serve.Tell(s.Counts),
		"GET /_control/requests":                  serve.Tell(s.Requests),
		"GET /_control/refused":                   serve.Tell(s.Refused),
		"GET /_control/clock":                     s.ShowClock,
		"POST /_control/clock":                    s.TurnClock,
		"POST /_control/mutate":                   s.controlMutate,
		"POST /_control/step":                     s.controlStep,
		"POST /_control/settle":                   serve.Tell(func() map[string]int { return map[string]int{"settled": s.Settle()} }),
		"DELETE /_control/accounts/{id}":          func(r *http.Request) (any, error) { return serve.Done, s.Deauthorize(r.PathValue("id")) },
		"POST /_control/create/{kind}":            s.controlCreate,
		"POST /_control/recreate/{kind}/{id...}":  s.controlRecreate,
		"POST /_control/update/{kind}/{id...}":    s.controlUpdate,
		"DELETE /_control/objects/{kind}/{id...}": s.controlDelete,
		"POST /_control/fail":                     s.controlFail,
		"POST /_control/reset-failures":           serve.Do(s.ClearFailures),
		"POST /_control/reset-requests":           serve.Do(s.ResetRequests),
	})
	mux.HandleFunc("GET /_control/objects/{kind}", s.controlObjects)
	return mux
}

// control answers a request of the control half. With Stripe-Account it is
// about a connected account.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	account := s.target(r)
	if account == nil {
		serve.Refuse(w, r, fmt.Errorf("the fake has no connected account %q", r.Header.Get("Stripe-Account")))
		return
	}
	account.routes.ServeHTTP(w, r)
}

// controlObjects writes the oracle as JSON lines.
func (s *Server) controlObjects(w http.ResponseWriter, r *http.Request) {
	all, err := s.all(r.PathValue("kind"), r.URL.Query()["expand[]"])
	if err != nil {
		serve.Refuse(w, r, err)
		return
	}
	serve.Lines(w, all)
}

func (s *Server) controlMutate(r *http.Request) (any, error) {
	n, err := serve.Number(r, "n")
	if err != nil {
		return nil, err
	}
	seed, err := serve.Seed(r)
	if err != nil {
		return nil, err
	}
	return s.Mutate(n, seed)
}

// controlStep lets the mutator of a seed go on.
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
		if s.mutators[seed], err = s.NewMutator(MutatorOptions{Seed: seed}); err != nil {
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
	return map[string][]string{"ids": ids}, err
}

func (s *Server) controlRecreate(r *http.Request) (any, error) {
	return serve.Done, s.Recreate(r.PathValue("kind"), r.PathValue("id"))
}

func (s *Server) controlUpdate(r *http.Request) (any, error) {
	patch, err := serve.Body(r)
	if err != nil {
		return nil, err
	}
	return serve.Done, s.Update(r.PathValue("kind"), r.PathValue("id"), patch)
}

func (s *Server) controlDelete(r *http.Request) (any, error) {
	return serve.Done, s.Delete(r.PathValue("kind"), r.PathValue("id"))
}

func (s *Server) controlFail(r *http.Request) (any, error) {
	var f Failure
	if err := serve.Decode(r, &f); err != nil {
		return nil, err
	}
	return serve.Done, s.Fail(f)
}
