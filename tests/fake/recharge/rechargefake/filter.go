package rechargefake

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// filter is a parameter of a list that chooses among its objects.
type filter struct {
	param string
	parse func(value string) (test, bool) // false: the value is not of the right type
}

// test decides whether a list shows an object.
type test func(o candidate) bool

// candidate is an object that is being looked at.
type candidate struct {
	s  *Server
	sh *shelf
	e  *entry
}

// texts returns what the object says at a path, as plain text.
func (c candidate) texts(path string) []string {
	var list []string
	for _, raw := range reach(c.s.raw(c.sh, c.e), path) {
		list = append(list, plainText(raw))
	}
	return list
}

// has reports whether one of the values stands at a path, whatever its case.
func (c candidate) has(path string, values []string) bool {
	return slices.ContainsFunc(c.texts(path), func(have string) bool {
		return slices.ContainsFunc(values, func(want string) bool { return strings.EqualFold(have, want) })
	})
}

// at returns a time of the object. That of its creation and of its last change need no look at its bytes.
func (c candidate) at(member string) (int64, bool) {
	switch member {
	case "created_at":
		return c.e.created, true
	case "updated_at":
		return c.e.updated, true
	}
	list := c.texts(member)
	if len(list) == 0 {
		return 0, false
	}
	return parseTime(list[0])
}

// pathOf is where a filter looks: the parameter's own name unless said.
func pathOf(param string, other []string) string {
	if len(other) > 0 {
		return other[0]
	}
	return param
}

// is compares text.
func is(param string, at ...string) filter {
	return filter{param, func(value string) (test, bool) {
		return func(o candidate) bool { return o.has(pathOf(param, at), []string{value}) }, value != ""
	}}
}

// isNumber compares an id.
func isNumber(param string, at ...string) filter {
	return filter{param, func(value string) (test, bool) {
		_, err := strconv.ParseInt(value, 10, 64)
		return func(o candidate) bool { return o.has(pathOf(param, at), []string{value}) }, err == nil
	}}
}

// in accepts a list with commas.
func in(param string, at ...string) filter {
	return filter{param, func(value string) (test, bool) {
		values := strings.Split(value, ",")
		return func(o candidate) bool { return o.has(pathOf(param, at), values) }, !slices.Contains(values, "")
	}}
}

// inNumbers accepts a list of ids with commas.
func inNumbers(param string, at ...string) filter {
	return filter{param, func(value string) (test, bool) {
		values, ok := numbers(value)
		return func(o candidate) bool { return o.has(pathOf(param, at), values) }, ok
	}}
}

// numbers splits a list of ids.
func numbers(value string) ([]string, bool) {
	values := strings.Split(value, ",")
	return values, !slices.ContainsFunc(values, func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err != nil })
}

// isSet asks whether a member has a value.
func isSet(param, member string) filter {
	return filter{param, func(value string) (test, bool) {
		want, err := strconv.ParseBool(value)
		return func(o candidate) bool {
			texts := o.texts(member)
			return (len(texts) > 0 && texts[0] != "") == want
		}, err == nil
	}}
}

// isActive asks whether an active subscription has at its member theirs what the object has at mine.
func isActive(param, mine, theirs string) filter {
	return filter{param, func(value string) (test, bool) {
		want, err := strconv.ParseBool(value)
		var active map[string]bool
		return func(o candidate) bool {
			if active == nil {
				active = o.s.activeSubscriptions(theirs)
			}
			return slices.ContainsFunc(o.texts(mine), func(id string) bool { return active[id] }) == want
		}, err == nil
	}}
}

// activeSubscriptions are the values of a member of the active subscriptions.
func (s *Server) activeSubscriptions(member string) map[string]bool {
	active, sh := map[string]bool{}, s.shelves["subscriptions"]
	for _, e := range sh.entries {
		raw := s.raw(sh, e)
		if e.visible(s.Ticks()) && plainText(memberRaw(raw, "status")) == "active" {
			active[plainText(memberRaw(raw, member))] = true
		}
	}
	return active
}

// isDate compares a day.
func isDate(param string) filter {
	return filter{param, func(value string) (test, bool) {
		_, err := time.Parse(time.DateOnly, value)
		return func(o candidate) bool { return o.has(param, []string{value}) }, err == nil
	}}
}

// from and until are the bounds of a time. Both are inclusive.
func from(member string) filter {
	return filter{member + "_min", func(value string) (test, bool) {
		bound, ok := parseTime(value)
		return func(o candidate) bool { at, known := o.at(member); return known && at >= bound }, ok
	}}
}

func until(member string) filter {
	return filter{member + "_max", func(value string) (test, bool) {
		bound, ok := parseTime(value)
		return func(o candidate) bool { at, known := o.at(member); return known && at <= bound }, ok
	}}
}

// timeLayouts are the notations of a bound that connectors in use send: Airbyte's writes offsets without a colon, and
// singer-io's a blank before the time.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly,
}

// parseTime reads a day or a time; one without an offset is in UTC.
func parseTime(value string) (micros int64, ok bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
