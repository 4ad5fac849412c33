package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"

	"tapline/schemas"
)

// apiDocument is the part of Stripe's OpenAPI document that says what a list is asked with and shows.
type apiDocument struct {
	Paths      map[string]map[string]*apiOperation
	Components struct{ Schemas map[string]apiComponent }
}

type apiOperation struct {
	Parameters []struct {
		Name, In string
		Required bool
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema apiSchema }
	}
}

type apiSchema struct {
	Ref        string `json:"$ref"`
	Properties struct{ Data struct{ Items *apiSchema } }
	AnyOf      []apiSchema
}

// components are the names of what may be there.
func (s apiSchema) components() (names []string) {
	for _, one := range append(s.AnyOf, s) {
		if name, ok := strings.CutPrefix(one.Ref, "#/components/schemas/"); ok {
			names = append(names, name)
		}
	}
	return names
}

type apiComponent struct {
	Properties map[string]struct {
		Type, Format string
		Properties   map[string]json.RawMessage
		AnyOf        []apiSchema
		Items        *apiSchema
	}
	Expandable []string `json:"x-expandableFields"`
}

// newer are paths that stripe-go v76.25 asks for and the document, three months older, does not have, or not with the
// parameter named.
var newer = map[string]string{
	"/v1/credit_notes":                        "created",
	"/v1/billing/meters":                      "",
	"/v1/billing/meters/{id}/event_summaries": "",
	"/v1/entitlements/features":               "",
	"/v1/entitlements/active_entitlements":    "",
	"/v1/forwarding/requests":                 "",
	"/v1/issuing/personalization_designs":     "",
	"/v1/issuing/physical_bundles":            "",
}

// newerMembers are of objects that the document knows without them.
var newerMembers = []string{"subscription.discounts", "subscription_item.discounts"}

func readDocument(t *testing.T) *apiDocument {
	t.Helper()
	var document apiDocument
	if err := json.Unmarshal(embedded.OpenAPISpec, &document); err != nil {
		t.Fatal(err)
	}
	return &document
}

func TestStripesOwnDocumentHasEveryRow(t *testing.T) {
	document := readDocument(t)
	rows := slices.Concat(streams, branches)
	for i := range rows {
		st := &rows[i]
		t.Run(st.name, func(t *testing.T) {
			for _, fault := range append(document.faults(st), rowFaults(st)...) {
				t.Error(fault)
			}
		})
	}
}

func TestAllSchemasAreStreams(t *testing.T) {
	var absent []string
	for _, name := range schemas.StripeNames() {
		if (findStream(name) == nil) != slices.Contains(absent, name) {
			t.Errorf("there is a row for %s: %t", name, findStream(name) != nil)
		}
	}
	if len(streams) != len(schemas.StripeNames())-len(absent) {
		t.Errorf("%d rows for %d schemas", len(streams), len(schemas.StripeNames()))
	}
}

// path is where the document has the objects of a stream: the ids in it are called otherwise there.
func (d *apiDocument) path(st *stream) string {
	path := st.path
	switch {
	case st.parent != nil:
		path = st.parent.path
	case len(st.lists) == 0 && !st.single:
		path += "/{id}"
	}
	pattern := regexp.MustCompile("^" + regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, `\{[^}/]*\}`) + "$")
	for known := range d.Paths {
		if pattern.MatchString(known) && d.Paths[known]["get"] != nil {
			return known
		}
	}
	return path
}

// faults lists what a row says that the document denies.
func (d *apiDocument) faults(st *stream) []string {
	if st.parent != nil && st.parent.path == "" {
		return d.shownFaults(st)
	}
	path := d.path(st)
	operation := d.Paths[path]["get"]
	if parameter, ok := newer[path]; ok && parameter == "" {
		return nil
	}
	if operation == nil {
		return []string{"the document has no GET " + path}
	}
	faults := d.parameterFaults(st, path, operation)
	shown := operation.Responses["200"].Content["application/json"].Schema
	if !st.single && (st.parent == nil || !st.parent.one) && len(st.lists)+len(st.parentPath()) > 0 {
		if shown.Properties.Data.Items == nil {
			return append(faults, path+" is no list")
		}
		shown = *shown.Properties.Data.Items
	}
	known, err := schemas.StripeStream(cmp.Or(st.into, st.name))
	if err != nil {
		return append(faults, err.Error())
	}
	if !slices.Contains(shown.components(), known.Object) {
		return append(faults, fmt.Sprintf("the schema is of %s, and %s shows %v", known.Object, path, shown.components()))
	}
	return append(faults, d.objectFaults(st, known.Object)...)
}

// shownFaults compares what a row says of objects that their parents alone show with the document.
func (d *apiDocument) shownFaults(st *stream) []string {
	known, err := schemas.StripeStream(cmp.Or(st.into, st.name))
	if err != nil {
		return []string{err.Error()}
	}
	above, err := schemas.StripeStream(st.parent.stream)
	if err != nil {
		return []string{err.Error()}
	}
	member := d.Components.Schemas[above.Object].Properties[st.parent.embedded]
	shown := apiSchema{AnyOf: member.AnyOf}
	if st.parent.expanded { // a list of ids
		if slices.Contains(newerMembers, above.Object+"."+st.parent.embedded) {
			return nil
		}
		if member.Items == nil || !slices.Contains(d.Components.Schemas[above.Object].Expandable, st.parent.embedded) {
			return []string{fmt.Sprintf("%s shows no list in %s that can be expanded", above.Object, st.parent.embedded)}
		}
		shown.AnyOf = member.Items.AnyOf
	}
	if !slices.Contains(shown.components(), known.Object) {
		return []string{fmt.Sprintf("%s shows no %s in %s", above.Object, known.Object, st.parent.embedded)}
	}
	return nil
}

// parentPath is the path of a child stream's lists, or "".
func (st *stream) parentPath() string {
	if st.parent == nil {
		return ""
	}
	return st.parent.path
}

// parameterFaults compares what the list is asked with and what it takes.
func (d *apiDocument) parameterFaults(st *stream, path string, operation *apiOperation) (faults []string) {
	var asked []string
	listed := st.parent != nil && !st.parent.one || len(st.lists) > 0
	if listed && !st.unpaged {
		asked = append(asked, "limit", "starting_after")
	}
	if st.cursor != "" && newer[path] != "created" {
		asked = append(asked, "created")
	}
	if len(st.expand)+len(st.hidden()) > 0 {
		asked = append(asked, "expand")
	}
	queries := st.lists
	if st.parent != nil {
		queries = []string{st.parent.query}
	}
	for _, query := range queries {
		if name, _, ok := strings.Cut(query, "="); ok {
			name, _, _ = strings.Cut(name, "[")
			asked = append(asked, name)
		}
	}
	for _, p := range operation.Parameters {
		if p.In != "query" {
			continue
		}
		if p.Required && !slices.Contains(asked, p.Name) {
			faults = append(faults, "the list cannot be read without "+p.Name)
		}
		if p.Name == "limit" && st.unpaged {
			faults = append(faults, "the list has pages")
		}
		if p.Name == "created" && st.parent == nil && st.cursor == "" && !st.full {
			faults = append(faults, "the list can be asked for a range of time")
		}
		asked = slices.DeleteFunc(asked, func(name string) bool { return p.Name == name })
	}
	for _, name := range asked {
		faults = append(faults, "the list takes no parameter "+name)
	}
	return faults
}

// objectFaults compares what a row says of its objects and what they have.
func (d *apiDocument) objectFaults(st *stream, name string) (faults []string) {
	object, ok := d.Components.Schemas[name]
	if !ok {
		return []string{"there is no component " + name}
	}
	if object.Properties["id"].Type != "string" && st.time == "" {
		faults = append(faults, "the objects have no id")
	}
	if st.cursor != "" && object.Properties[st.cursor].Format != "unix-time" {
		faults = append(faults, "the objects have no time in "+st.cursor)
	}
	for _, path := range st.expand {
		if field, ok := strings.CutPrefix(path, "data."); !ok || !slices.Contains(object.Expandable, field) {
			faults = append(faults, path+" cannot be expanded")
		}
	}
	if st.parent == nil || st.parent.embedded == "" {
		return faults
	}
	known, err := schemas.StripeStream(st.parent.stream)
	if err != nil {
		return append(faults, err.Error())
	}
	parent := d.Components.Schemas[known.Object]
	if parent.Properties[st.parent.embedded].Properties["has_more"] == nil {
		faults = append(faults, known.Object+" shows no list "+st.parent.embedded)
	}
	if st.parent.expanded && !slices.Contains(parent.Expandable, st.parent.embedded) {
		faults = append(faults, st.parent.embedded+" cannot be expanded")
	}
	return faults
}

// rowFaults lists where a row contradicts itself or the generated schema of its stream.
func rowFaults(st *stream) (faults []string) {
	known, err := schemas.StripeStream(cmp.Or(st.into, st.name))
	if err != nil {
		return []string{err.Error()}
	}
	if st.object != "" && st.object != known.Object {
		faults = append(faults, "its objects are of "+known.Object)
	}
	if st.cursor != "" && known.ReplicationKey != st.cursor {
		faults = append(faults, "the schema's replication key is "+known.ReplicationKey)
	}
	if st.parent == nil && !st.full && !st.single && st.cursor == "" && len(st.lists) > 0 {
		faults = append(faults, "it is neither read by time nor whole")
	}
	if st.parent != nil && (st.path != "" || st.lists != nil || st.cursor != "" || findStream(st.parent.stream) == nil) {
		faults = append(faults, "a child has no list of its own, but a parent")
	}
	var shape struct{ Properties map[string]json.RawMessage }
	if err := json.Unmarshal(known.Schema, &shape); err != nil {
		return append(faults, err.Error())
	}
	for _, key := range known.KeyProperties {
		if shape.Properties[key] == nil {
			faults = append(faults, "its schema lacks the key "+key)
		}
	}
	if st.parent != nil && st.into == "" && shape.Properties[st.parent.as] == nil {
		faults = append(faults, "its schema lacks the parent's id "+st.parent.as)
	}
	if st.time != "" && shape.Properties[st.time] == nil {
		faults = append(faults, "its schema lacks "+st.time)
	}
	return faults
}

func TestARowThatTheDocumentDeniesIsFound(t *testing.T) {
	document := readDocument(t)
	good := *findStream("prices")
	if faults := append(document.faults(&good), rowFaults(&good)...); len(faults) > 0 {
		t.Fatalf("the row these cases break is not good itself: %v", faults)
	}
	tests := []struct {
		want   string
		change func(*stream)
	}{
		{"no GET /v1/pricing", func(st *stream) { st.path = "/v1/pricing" }},
		{"no parameter colour", func(st *stream) { st.lists = []string{"colour=red"} }},
		{"no parameter created", func(st *stream) { st.name, st.path = "quotes", "/v1/quotes" }},
		{"cannot be read without card", func(st *stream) { st.path = "/v1/issuing/tokens" }},
		{"the list has pages", func(st *stream) { st.unpaged = true }},
		{"no parameter limit", func(st *stream) { st.path = "/v1/reporting/report_types" }},
		{"can be asked for a range", func(st *stream) { st.cursor = "" }},
		{"neither read by time nor whole", func(st *stream) { st.cursor = "" }},
		{"no time in date", func(st *stream) { st.cursor = "date" }},
		{"data.colours cannot be expanded", func(st *stream) { st.expand = []string{"data.colours"} }},
		{"tiers cannot be expanded", func(st *stream) { st.expand = []string{"tiers"} }},
		{`no stripe schema for stream "pricing"`, func(st *stream) { st.name = "pricing" }},
		{"the schema is of plan, and /v1/prices shows [price]", func(st *stream) { st.name = "plans" }},
		{"replication key is created", func(st *stream) { st.cursor = "updated" }},
		{"its objects are of price", func(st *stream) { st.object = "plan" }},
		{"a child has no list of its own", func(st *stream) { st.parent = &parentage{stream: "products"} }},
		{"lacks the parent's id colour", func(st *stream) { st.parent = &parentage{stream: "products", as: "colour"} }},
		{"no GET /v1/prices/{id}/colours", func(st *stream) { st.parent = &parentage{stream: "products", path: "/v1/prices/{id}/colours"} }},
		{"subscription shows no list colours", func(st *stream) {
			*st = *findStream("subscription_items")
			st.parent = &parentage{stream: "subscriptions", path: "/v1/subscription_items", query: "subscription={id}", as: "subscription", embedded: "colours"}
		}},
		{"items cannot be expanded", func(st *stream) {
			*st = *findStream("subscription_items")
			p := *st.parent
			p.stream, p.embedded, p.expanded = "customers", "items", true
			st.parent = &p
		}},
		{"customer shows no discount in address", func(st *stream) {
			*st = *findStream("discounts")
			p := *st.parent
			p.embedded = "address"
			st.parent = &p
		}},
		{"customer shows no list in address that can be expanded", func(st *stream) {
			*st = *findStream("discounts")
			p := *st.parent
			p.embedded, p.expanded = "address", true
			st.parent = &p
		}},
		{"the schema is of review, and /v1/charges/{charge} shows [charge]", func(st *stream) {
			*st = branches[0]
			p := *st.parent
			p.path = "/v1/charges/{review}"
			st.parent = &p
		}},
		{"lacks birthday", func(st *stream) { st.time = "birthday" }},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			row := good
			tt.change(&row)
			faults := append(document.faults(&row), rowFaults(&row)...)
			if !strings.Contains(strings.Join(faults, "\n"), tt.want) {
				t.Errorf("faults are %q, want one with %q", faults, tt.want)
			}
		})
	}
}
