package stripefake

import (
	"maps"
	"slices"
	"strings"
)

// shape is how objects of one component look at API versions other than
// [Version]: what an event shows whose api_version lies before or since a date
// (https://docs.stripe.com/upgrades#api-versions).
type shape struct {
	component     string
	before, since string            // dates; one of them is set
	rename        map[string]string // from the name of Version
	drop          []string
	add           fields // members that Version does not send; %s is the id
}

const embeddedNothing = `{"object":"list","data":[],"has_more":false,"url":`

var shapes = []shape{
	{component: "customer", before: "2019-10-17", rename: map[string]string{"balance": "account_balance"}},
	{component: "customer", before: "2020-08-27", add: fields{
		"sources":       embeddedNothing + `"/v1/customers/%s/sources"}`,
		"subscriptions": embeddedNothing + `"/v1/customers/%s/subscriptions"}`,
		"tax_ids":       embeddedNothing + `"/v1/customers/%s/tax_ids"}`,
	}},
	{component: "subscription", before: "2019-10-17", rename: map[string]string{"collection_method": "billing"}},
	{component: "invoice", before: "2019-10-17", rename: map[string]string{"collection_method": "billing"}},
	{component: "charge", before: "2022-11-15", add: fields{"refunds": embeddedNothing + `"/v1/charges/%s/refunds"}`}},
	{component: "invoice", since: "2025-03-31", drop: []string{"charge", "paid", "payment_intent", "subscription"}, add: fields{"parent": "null"}},
	{component: "subscription", since: "2025-03-31", drop: []string{"current_period_end", "current_period_start"}},
}

// objectRequest is the version since which request of an event is an object.
const objectRequest = "2017-05-25"

// at renders members of an object, or its previous attributes, at a version.
// Previous attributes are only renamed and dropped. The members given are not
// changed.
func (s *shape) at(members []member, id string, previous bool) []member {
	list := slices.Clone(members)
	for i, m := range list {
		if to, ok := s.rename[m.name]; ok {
			list[i].name = to
		}
	}
	list = slices.DeleteFunc(list, func(m member) bool { return slices.Contains(s.drop, m.name) })
	if previous {
		return list
	}
	for _, name := range slices.Sorted(maps.Keys(s.add)) {
		list = set(list, name, []byte(strings.ReplaceAll(s.add[name], "%s", id)))
	}
	return list
}

// applies reports whether objects of a component have this shape at a version.
func (s *shape) applies(component, version string) bool {
	return s.component == component && (s.before != "" && version < s.before || s.since != "" && version >= s.since)
}

// renderAt shows an object, and what it was before a change, at a version.
func renderAt(version string, object, previous []byte) (at, before []byte) {
	if version == Version {
		return object, previous
	}
	component, id := memberText(object, "object"), memberText(object, "id")
	for i := range shapes {
		if !shapes[i].applies(component, version) {
			continue
		}
		members, _ := readMembers(object) // the fake holds valid objects only
		object = writeMembers(shapes[i].at(members, id, false))
		if previous != nil {
			was, _ := readMembers(previous)
			previous = writeMembers(shapes[i].at(was, id, true))
		}
	}
	return object, previous
}
