package stripefake

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// params are the parameters of a request after checking.
type params struct {
	scalar map[string]string
	array  map[string][]string
	object map[string]map[string]string // created[gte]=1 as object["created"]["gte"]
	paged  bool                         // the path knows limit and cursors
}

// readParams checks a query against the parameters of a path of the document,
// written with its placeholders: /v1/customers/{customer}.
func (doc *document) readParams(path string, query url.Values) (params, *apiError) {
	return readAllowed(append(slices.Clone(doc.lists[path]), laterParameters[path]...), query)
}

// readAllowed checks a query against the parameters of an operation.
func readAllowed(allowed []parameter, query url.Values) (params, *apiError) {
	p := params{scalar: map[string]string{}, array: map[string][]string{}, object: map[string]map[string]string{}}
	p.paged = slices.ContainsFunc(allowed, func(a parameter) bool { return a.Name == "limit" })
	for _, key := range slices.Sorted(maps.Keys(query)) {
		values := query[key]
		name, rest, _ := strings.Cut(key, "[")
		sub := strings.TrimSuffix(rest, "]")
		i := slices.IndexFunc(allowed, func(a parameter) bool { return a.Name == name })
		if i < 0 {
			return p, unknownParameter(key)
		}
		if err := p.take(key, name, sub, name != key, allowed[i].Schema, values); err != nil {
			return p, err
		}
	}
	for _, a := range allowed {
		_, sent := p.scalar[a.Name]
		if a.Required && !sent && p.object[a.Name] == nil {
			return p, invalid(http.StatusBadRequest, "parameter_missing", a.Name, "Missing required param: %s.", a.Name)
		}
	}
	return p, nil
}

func unknownParameter(key string) *apiError {
	return invalid(http.StatusBadRequest, "parameter_unknown", key, "Received unknown parameter: %s", key)
}

// take stores the values of one key of the query, by the shape of its schema.
func (p *params) take(key, name, sub string, bracketed bool, s *schema, values []string) *apiError {
	scalar, object := s, s
	for _, option := range s.AnyOf {
		if option.Type == "object" {
			object = option
		} else {
			scalar = option
		}
	}
	switch {
	case s.Type == "array":
		if _, err := strconv.Atoi(sub); !bracketed || sub != "" && err != nil {
			return invalid(http.StatusBadRequest, "", name, "Invalid array: write %s[]=value.", name)
		}
		p.array[name] = append(p.array[name], values...)
		return checkAll(key, s.Items, values)
	case bracketed:
		member, ok := object.Properties[sub]
		if !ok {
			return unknownParameter(key)
		}
		if p.object[name] == nil {
			p.object[name] = map[string]string{}
		}
		p.object[name][sub] = values[len(values)-1]
		return checkAll(key, member, values)
	case scalar.Type == "object":
		return invalid(http.StatusBadRequest, "", name, "Invalid object: write %s[member]=value.", name)
	default:
		p.scalar[name] = values[len(values)-1]
		return checkAll(key, scalar, values)
	}
}

func checkAll(key string, s *schema, values []string) *apiError {
	for _, v := range values {
		if err := check(key, s, v); err != nil {
			return err
		}
	}
	return nil
}

func check(key string, s *schema, value string) *apiError {
	bad := func(code, format string, args ...any) *apiError {
		return invalid(http.StatusBadRequest, code, key, format, args...)
	}
	switch {
	case value == "":
		return bad("parameter_invalid_empty", "You passed an empty string for '%s'. Leave the parameter out instead.", key)
	case s.Type == "integer":
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return bad("parameter_invalid_integer", "Invalid integer: %s", value)
		}
	case s.Type == "boolean" && value != "true" && value != "false":
		return bad("", "Invalid boolean: %s", value)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, value):
		return bad("", "Invalid %s: must be one of %s", key, strings.Join(s.Enum, ", "))
	case s.MaxLength > 0 && len([]rune(value)) > s.MaxLength:
		return bad("", "Invalid string: %.20s...; must be at most %d characters", value, s.MaxLength)
	}
	return nil
}

// timeRange reads a parameter such as created, plain or with comparisons.
func (p params) timeRange(name string) timeRange {
	var r timeRange
	narrow := func(text string, fromAdd, untilAdd int64, from, until bool) {
		n, _ := strconv.ParseInt(text, 10, 64) // checked when it was read
		n = min(max(n, -1<<53), 1<<53)         // so that adding one cannot overflow
		if lo := n + fromAdd; from && (r.from == nil || lo > *r.from) {
			r.from = &lo
		}
		if hi := n + untilAdd; until && (r.until == nil || hi < *r.until) {
			r.until = &hi
		}
	}
	if at, ok := p.scalar[name]; ok {
		narrow(at, 0, 1, true, true)
	}
	for comparison, at := range p.object[name] {
		switch comparison {
		case "gte":
			narrow(at, 0, 0, true, false)
		case "gt":
			narrow(at, 1, 0, true, false)
		case "lt":
			narrow(at, 0, 0, false, true)
		case "lte":
			narrow(at, 0, 1, false, true)
		}
	}
	return r
}

// limit reads the page size: 1 to 100, 10 unless told.
func (p params) limit() (int, *apiError) {
	value, ok := p.scalar["limit"]
	if !ok {
		return 10, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 || n > 100 {
		return 0, invalid(http.StatusBadRequest, "parameter_invalid_integer", "limit", "Invalid limit: %s. It must be from 1 to 100.", value)
	}
	return int(n), nil
}
