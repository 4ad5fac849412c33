package rechargefake

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
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
			if e.visible(s.clock.now()) {
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
		sh, make = s.shelves["customers"], func(_ *shelf, e *entry) []byte { return s.schedule(e, 2, s.clock.now()+365*dayMicros) }
	}
	if sh == nil {
		return nil, fmt.Errorf("the fake has no kind %q", kind)
	}
	var all [][]byte
	for _, e := range sh.entries {
		if e.visible(s.clock.now()) {
			all = append(all, make(sh, e))
		}
	}
	return all, nil
}

// action is one control request: it returns what is answered as JSON.
type action func(r *http.Request) (any, error)

// controlRoutes is the table of the control half.
func (s *Server) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, act := range map[string]action{
		"GET /_control/counts":                 func(*http.Request) (any, error) { return s.Counts(), nil },
		"GET /_control/requests":               func(*http.Request) (any, error) { return s.Requests(), nil },
		"GET /_control/refused":                func(*http.Request) (any, error) { return map[string]int{"refused": s.Refused()}, nil },
		"GET /_control/clock":                  func(*http.Request) (any, error) { return s.clockAnswer(), nil },
		"POST /_control/clock":                 s.controlClock,
		"POST /_control/step":                  s.controlStep,
		"POST /_control/settle":                func(*http.Request) (any, error) { s.Settle(); return done, nil },
		"POST /_control/create/{kind}":         s.controlCreate,
		"POST /_control/update/{kind}/{id}":    s.controlUpdate,
		"DELETE /_control/objects/{kind}/{id}": s.controlDelete,
		"POST /_control/fail":                  s.controlFail,
		"POST /_control/reset-failures":        func(*http.Request) (any, error) { s.ClearFailures(); return done, nil },
		"POST /_control/reset-requests":        func(*http.Request) (any, error) { s.ResetRequests(); return done, nil },
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answerControl(w, r, act) })
	}
	mux.HandleFunc("GET /_control/objects/{kind}", s.controlObjects)
	return mux
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
	writeJSON(w, status, append(body, '\n'))
}

// controlObjects writes the oracle as JSON lines.
func (s *Server) controlObjects(w http.ResponseWriter, r *http.Request) {
	all, err := s.Objects(r.PathValue("kind"))
	if err != nil {
		answerControl(w, r, func(*http.Request) (any, error) { return nil, err })
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 1<<16)
	for _, raw := range all {
		out.Write(raw)
		if out.WriteByte('\n') != nil {
			return // the client has gone
		}
	}
	out.Flush()
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

func (s *Server) clockAnswer() map[string]any {
	now := s.Now()
	return map[string]any{"now": now.Unix(), "time": now.Format(time.RFC3339Nano)}
}

func (s *Server) controlClock(r *http.Request) (any, error) {
	if at := r.FormValue("set"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, fmt.Errorf("clock?set= wants a time such as 2025-07-01T00:00:00Z: %w", err)
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

// controlStep lets the mutator of a seed go on. keep and silent count when it is first named.
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
		o := MutatorOptions{Seed: seed, Keep: r.FormValue("keep") == "true", Silent: r.FormValue("silent") == "true"}
		if s.mutators[seed], err = s.NewMutator(o); err != nil {
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
	patch, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of update: %w", err)
	}
	return done, s.Update(kind, id, patch)
}

func (s *Server) controlDelete(r *http.Request) (any, error) {
	kind, id, err := named(r)
	if err != nil {
		return nil, err
	}
	return done, s.Delete(kind, id)
}

// parseCount reads a number of a control request; empty means fallback.
func parseCount(text string, fallback int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of things", text)
	}
	return n, nil
}
