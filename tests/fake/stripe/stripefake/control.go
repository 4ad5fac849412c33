package stripefake

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"
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

// action is one control request: it returns what is answered as JSON.
type action func(r *http.Request) (any, error)

// controlRoutes is the table of the control half.
func (s *Server) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, act := range map[string]action{
		"GET /_control/counts":                   func(*http.Request) (any, error) { return s.Counts(), nil },
		"GET /_control/requests":                 func(*http.Request) (any, error) { return s.Requests(), nil },
		"GET /_control/refused":                  func(*http.Request) (any, error) { return s.Refused(), nil },
		"GET /_control/clock":                    func(*http.Request) (any, error) { return s.clockAnswer(), nil },
		"POST /_control/clock":                   s.controlClock,
		"POST /_control/mutate":                  s.controlMutate,
		"POST /_control/step":                    s.controlStep,
		"POST /_control/settle":                  func(*http.Request) (any, error) { return map[string]int{"settled": s.Settle()}, nil },
		"DELETE /_control/accounts/{id}":         func(r *http.Request) (any, error) { return done, s.Deauthorize(r.PathValue("id")) },
		"POST /_control/create/{kind}":           s.controlCreate,
		"POST /_control/recreate/{kind}/{id...}": s.controlRecreate,
		"POST /_control/update/{kind}/{id...}":   s.controlUpdate,
		"DELETE /_control/objects/{kind}/{id...}": func(r *http.Request) (any, error) {
			return done, s.Delete(r.PathValue("kind"), r.PathValue("id"))
		},
		"POST /_control/fail":           s.controlFail,
		"POST /_control/reset-failures": func(*http.Request) (any, error) { s.ClearFailures(); return done, nil },
		"POST /_control/reset-requests": func(*http.Request) (any, error) { s.ResetRequests(); return done, nil },
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answerControl(w, r, act) })
	}
	mux.HandleFunc("GET /_control/objects/{kind}", s.controlObjects)
	return mux
}

// control answers a request of the control half. With Stripe-Account it is
// about a connected account.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	account := s.target(r)
	if account == nil {
		answerControl(w, r, func(*http.Request) (any, error) {
			return nil, fmt.Errorf("the fake has no connected account %q", r.Header.Get("Stripe-Account"))
		})
		return
	}
	account.routes.ServeHTTP(w, r)
}

// done answers an action that has nothing to tell.
var done = map[string]bool{"ok": true}

func answerControl(w http.ResponseWriter, r *http.Request, act action) {
	answer, err := act(r)
	status := http.StatusOK
	if err != nil {
		status, answer = http.StatusBadRequest, map[string]string{"error": err.Error()}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer does not encode"}`)
	}
	writeJSON(w, status, body)
}

// controlObjects writes the oracle as JSON lines.
func (s *Server) controlObjects(w http.ResponseWriter, r *http.Request) {
	all, err := s.all(r.PathValue("kind"), r.URL.Query()["expand[]"])
	if err != nil {
		answerControl(w, r, func(*http.Request) (any, error) { return nil, err })
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 1<<16)
	for raw := range all {
		out.Write(raw)
		if out.WriteByte('\n') != nil {
			return // the client has gone
		}
	}
	out.Flush()
}

func (s *Server) clockAnswer() map[string]any {
	now := s.Now()
	return map[string]any{"now": now.Unix(), "time": now.Format(time.RFC3339)}
}

func (s *Server) controlClock(r *http.Request) (any, error) {
	if at := r.FormValue("set"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, fmt.Errorf("clock?set= wants a time such as 2024-05-01T00:00:00Z: %w", err)
		}
		err = s.SetClock(t)
		return s.clockAnswer(), err
	}
	by, err := time.ParseDuration(r.FormValue("advance"))
	if err != nil {
		return nil, fmt.Errorf("clock?advance= wants a duration such as 90s or 48h: %w", err)
	}
	err = s.Advance(by)
	return s.clockAnswer(), err
}

func (s *Server) controlMutate(r *http.Request) (any, error) {
	n, err := parseCount(r.FormValue("n"), 1)
	if err != nil {
		return nil, fmt.Errorf("mutate?n=: %w", err)
	}
	seed, err := strconv.ParseUint("0"+r.FormValue("seed"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("mutate?seed=: %w", err)
	}
	return s.Mutate(n, seed)
}

// controlStep lets the mutator of a seed go on.
func (s *Server) controlStep(r *http.Request) (any, error) {
	n, err := parseCount(r.FormValue("n"), 1)
	if err != nil {
		return nil, fmt.Errorf("step?n=: %w", err)
	}
	seed, err := strconv.ParseUint("0"+r.FormValue("seed"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("step?seed=: %w", err)
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
	n, err := parseCount(r.FormValue("n"), 1)
	if err != nil {
		return nil, fmt.Errorf("create?n=: %w", err)
	}
	ids, err := s.Create(r.PathValue("kind"), n)
	return map[string][]string{"ids": ids}, err
}

func (s *Server) controlRecreate(r *http.Request) (any, error) {
	return done, s.Recreate(r.PathValue("kind"), r.PathValue("id"))
}

func (s *Server) controlUpdate(r *http.Request) (any, error) {
	patch, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of update: %w", err)
	}
	return done, s.Update(r.PathValue("kind"), r.PathValue("id"), patch)
}

func (s *Server) controlFail(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of fail: %w", err)
	}
	f, err := readFailure(body)
	if err != nil {
		return nil, err
	}
	return done, s.Fail(f)
}
