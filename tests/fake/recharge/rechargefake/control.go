package rechargefake

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Kinds lists the names of everything that [Server.Objects] knows: the kinds that can be counted, then what is made from them.
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
		"GET /_control/counts":          func(*http.Request) (any, error) { return s.Counts(), nil },
		"GET /_control/requests":        func(*http.Request) (any, error) { return s.Requests(), nil },
		"GET /_control/refused":         func(*http.Request) (any, error) { return map[string]int{"refused": s.Refused()}, nil },
		"POST /_control/fail":           s.controlFail,
		"POST /_control/reset-failures": func(*http.Request) (any, error) { s.ClearFailures(); return done, nil },
		"POST /_control/reset-requests": func(*http.Request) (any, error) { s.ResetRequests(); return done, nil },
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
