package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Action is a request of the half for tests. It returns what is answered as JSON; an error is answered with 400.
type Action func(r *http.Request) (any, error)

// Done answers an action that has nothing to tell.
var Done = map[string]bool{"ok": true}

// Tell makes an action of what cannot fail.
func Tell[T any](what func() T) Action {
	return func(*http.Request) (any, error) { return what(), nil }
}

// Do makes an action of what has nothing to tell.
func Do(what func()) Action {
	return func(*http.Request) (any, error) { what(); return Done, nil }
}

// Routes serves actions by pattern, as of [http.ServeMux].
func Routes(actions map[string]Action) *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, act := range actions {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { Answer(w, r, act) })
	}
	return mux
}

// Answer answers a request with what an action returns.
func Answer(w http.ResponseWriter, r *http.Request, act Action) {
	answer, err := act(r)
	status := http.StatusOK
	if err != nil {
		status, answer = http.StatusBadRequest, map[string]string{"error": err.Error()}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer does not encode"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // a client that has gone is not the fake's concern
}

// Refuse answers a request of the half for tests with an error.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	Answer(w, r, func(*http.Request) (any, error) { return nil, err })
}

// Lines answers with objects as JSON lines.
func Lines(w http.ResponseWriter, objects iter.Seq[[]byte]) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 1<<16)
	for raw := range objects {
		out.Write(raw)
		if out.WriteByte('\n') != nil {
			return // the client has gone
		}
	}
	out.Flush()
}

// actionOf is what a request of the half for tests asks for, such as create of /_control/create/charges.
func actionOf(r *http.Request) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/_control/"), "/")
	return name
}

// Number reads a number of things that a request names; 1 where it names none.
func Number(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s?%s=: %q is not a number of things", actionOf(r), name, text)
	}
	return n, nil
}

// Seed reads the seed that a request names; 0 where it names none.
func Seed(r *http.Request) (uint64, error) {
	seed, err := strconv.ParseUint("0"+r.FormValue("seed"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s?seed=: %w", actionOf(r), err)
	}
	return seed, nil
}

// Body reads the body of a request.
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of %s: %w", actionOf(r), err)
	}
	return body, nil
}

// Decode reads the body of a request as JSON into the struct that into points to, which has every member.
func Decode(r *http.Request, into any) error {
	body, err := Body(r)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the body of %s: %w", actionOf(r), err)
	}
	return nil
}

// ShowClock answers with the time of a fake.
func (c *Clock) ShowClock(*http.Request) (any, error) {
	now := c.Now()
	return map[string]any{"now": now.Unix(), "time": now.Format(time.RFC3339Nano)}, nil
}

// TurnClock puts the clock to ?set= or moves it by ?advance=.
func (c *Clock) TurnClock(r *http.Request) (any, error) {
	if at := r.FormValue("set"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, fmt.Errorf("clock?set= wants a time such as 2024-05-01T00:00:00Z: %w", err)
		}
		if err := c.SetClock(t); err != nil {
			return nil, err
		}
		return c.ShowClock(r)
	}
	by, err := time.ParseDuration(r.FormValue("advance"))
	if err != nil {
		return nil, fmt.Errorf("clock?advance= wants a duration such as 90s or 48h: %w", err)
	}
	if err := c.Advance(by); err != nil {
		return nil, err
	}
	return c.ShowClock(r)
}
