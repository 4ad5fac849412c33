package recharge

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tapline/internal/rawjson"
)

// newError reads a refusal. Recharge words them in several shapes, under "error", "errors" or "warning": a text, a list
// of texts, or an object that names the parameters; gateways send HTML, which is left alone.
func newError(a *answer, token string) *Error {
	e := &Error{Status: a.status, RequestID: a.header.Get("X-Request-Id"), wait: askedWait(a)}
	said := saying{fields: map[string][]string{}, token: token}
	m := rawjson.Members{}
	for m.Reset(a.body); m.Next(); {
		switch string(m.Key) {
		case "error", "errors", "warning":
			said.read("", m.Value, 0)
		}
	}
	if len(said.fields) > 0 {
		e.Fields = said.fields
	}
	e.Message = shorten(said.message(), longestMessage)
	return e
}

const (
	longestMessage = 500 // bytes of what is repeated of the server's words
	deepestSaying  = 4   // levels of objects and lists that are read
)

// A saying collects what a refusal says, in general and of single parameters.
type saying struct {
	general []string
	fields  map[string][]string
	token   string // which is struck out
}

// read adds what value says of the parameter field, or in general if field is "".
func (s *saying) read(field string, value []byte, depth int) {
	if depth > deepestSaying {
		return
	}
	switch rawjson.KindOf(value) {
	case rawjson.Object:
		m := rawjson.Members{}
		for m.Reset(value); m.Next(); {
			name := s.clean(m.Key)
			if field != "" {
				name = field + "." + name
			}
			s.read(name, m.Value, depth+1)
		}
	case rawjson.Array:
		for _, element := range elements(value, 1) {
			s.read(field, element, depth+1)
		}
	case rawjson.String:
		text, _ := rawjson.Text(value, nil, true)
		s.add(field, s.clean(text))
	case rawjson.Number, rawjson.Bool:
		s.add(field, s.clean(value))
	}
}

func (s *saying) add(field, text string) {
	switch {
	case text == "":
	case field == "":
		s.general = append(s.general, text)
	default:
		s.fields[field] = append(s.fields[field], text)
	}
}

// message is all of a saying in one line.
func (s *saying) message() string {
	parts := slices.Clone(s.general)
	for _, field := range slices.Sorted(maps.Keys(s.fields)) {
		parts = append(parts, field+": "+strings.Join(s.fields[field], ", "))
	}
	return strings.Join(parts, "; ")
}

// clean makes text fit to be shown: no token, one line, nothing that moves a cursor.
func (s *saying) clean(text []byte) string {
	shown := strings.ToValidUTF8(string(text), "�")
	if s.token != "" {
		shown = strings.ReplaceAll(shown, s.token, "***")
	}
	shown = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, shown)
	return shorten(strings.Join(strings.Fields(shown), " "), longestMessage)
}

// shorten cuts text to at most n bytes and three dots.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// askedWait reads the header Retry-After, in either of its forms.
func askedWait(a *answer) time.Duration {
	const longest = time.Hour
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil && !a.date().IsZero() {
		return min(max(0, at.Sub(a.date())), longest)
	}
	return 0
}
