package stripefake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// matcher decides by its bytes whether a list shows an object.
type matcher func(raw []byte) bool

// decoded is an object that is being filtered.
type decoded map[string]json.RawMessage

// notFilters are the parameters of a list that choose the page, not the objects.
var notFilters = []string{"limit", "starting_after", "ending_before", "expand", "created", "order_by"}

// filter makes the matcher of a request, or nil if it shows everything.
func filter(k *kind, p params) (matcher, *apiError) {
	var tests []func(decoded) bool
	if k.name == "subscriptions" {
		if test := subscriptionStatus(p.scalar["status"]); test != nil {
			tests = append(tests, test)
		}
	}
	if k.listed != nil {
		tests = append(tests, k.listed)
	}
	if k == eventsKind {
		test, err := eventType(p)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test...)
	}
	for name, value := range p.scalar {
		if !slices.Contains(notFilters, name) {
			tests = append(tests, scalarTest(k, p, name, value))
		}
	}
	for name, values := range p.array {
		if !slices.Contains(notFilters, name) && name != "types" {
			member := map[string]string{"ids": "id", "lookup_keys": "lookup_key"}[name]
			tests = append(tests, func(o decoded) bool { return slices.Contains(values, text(o[member])) })
		}
	}
	for name, values := range p.object {
		if !slices.Contains(notFilters, name) {
			tests = append(tests, objectTest(p, name, values))
		}
	}
	if len(tests) == 0 {
		return nil, nil
	}
	return func(raw []byte) bool {
		var o decoded
		if json.Unmarshal(raw, &o) != nil {
			return false
		}
		return !slices.ContainsFunc(tests, func(test func(decoded) bool) bool { return !test(o) })
	}, nil
}

// scalarTest compares a parameter with the member of the same name, but for
// the few that mean something else.
func scalarTest(k *kind, p params, name, value string) func(decoded) bool {
	switch {
	case k.name == "subscriptions" && name == "status", k == eventsKind && name == "type":
		return func(decoded) bool { return true } // done apart
	case k == eventsKind && name == "delivery_success":
		return func(o decoded) bool { return strconv.FormatBool(string(o["pending_webhooks"]) == "0") == value }
	case k.name == "subscriptions" && (name == "price" || name == "plan"):
		return func(o decoded) bool { return strings.Contains(string(o["items"]), `"`+value+`"`) }
	case strings.HasPrefix(name, "current_period_") || name == "due_date":
		return objectTest(p, name, nil)
	}
	return func(o decoded) bool { return string(o[name]) == value || text(o[name]) == value }
}

// objectTest compares a range of seconds or the members of an object.
func objectTest(p params, name string, want map[string]string) func(decoded) bool {
	r := p.timeRange(name)
	if !r.open() {
		return func(o decoded) bool {
			at, err := strconv.ParseInt(string(o[name]), 10, 64)
			return err == nil && r.holds(at)
		}
	}
	return func(o decoded) bool {
		var have decoded
		if json.Unmarshal(o[name], &have) != nil {
			return false
		}
		for member, value := range want {
			if string(have[member]) != value && text(have[member]) != value {
				return false
			}
		}
		return true
	}
}

// subscriptionStatus knows that canceled ones are hidden unless asked for.
func subscriptionStatus(want string) func(decoded) bool {
	switch want {
	case "all":
		return nil
	case "":
		return func(o decoded) bool { return text(o["status"]) != "canceled" }
	case "ended":
		return func(o decoded) bool {
			return slices.Contains([]string{"canceled", "incomplete_expired"}, text(o["status"]))
		}
	default:
		return func(o decoded) bool { return text(o["status"]) == want }
	}
}

// eventType reads type (a name, or a group followed by .*) and types[].
func eventType(p params) ([]func(decoded) bool, *apiError) {
	one, several := p.scalar["type"], p.array["types"]
	switch {
	case one != "" && several != nil:
		return nil, invalid(http.StatusBadRequest, "", "types", "You cannot send both type and types.")
	case len(several) > 20:
		return nil, invalid(http.StatusBadRequest, "", "types", "Invalid array: types may hold at most 20 values, not %d.", len(several))
	case several != nil:
		return []func(decoded) bool{func(o decoded) bool { return slices.Contains(several, text(o["type"])) }}, nil
	case strings.HasSuffix(one, ".*"):
		return []func(decoded) bool{func(o decoded) bool { return strings.HasPrefix(text(o["type"]), one[:len(one)-1]) }}, nil
	case one != "":
		return []func(decoded) bool{func(o decoded) bool { return text(o["type"]) == one }}, nil
	}
	return nil, nil
}
