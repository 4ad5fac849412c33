package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"

	"tapline/schemas"
)

// apiDocument is the part of Stripe's OpenAPI document that says what a list is asked with and shows.
type apiDocument struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Required bool
		}
		Responses map[string]struct {
			Content map[string]struct {
				Schema struct {
					Properties struct {
						Data struct {
							Items reference
						}
					}
				}
			}
		}
	}
	Components struct{ Schemas map[string]apiComponent }
}

type reference struct {
	Ref string `json:"$ref"`
}

type apiComponent struct {
	Properties map[string]struct{ Type, Format string }
	Expandable []string `json:"x-expandableFields"`
}

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
	for i := range streams {
		st := &streams[i]
		t.Run(st.name, func(t *testing.T) {
			for _, fault := range document.faults(t, st) {
				t.Error(fault)
			}
		})
	}
}

// faults lists what a row says that the document or the stream's schema denies.
func (d *apiDocument) faults(t *testing.T, st *stream) []string {
	t.Helper()
	list, ok := d.Paths[st.path]["get"]
	if !ok {
		return []string{"the document has no GET " + st.path}
	}
	var faults []string
	asked := []string{"limit", "starting_after", "created"}
	if len(st.expand) > 0 {
		asked = append(asked, "expand")
	}
	for _, query := range st.lists {
		if name, _, ok := strings.Cut(query, "="); ok {
			asked = append(asked, name)
		}
	}
	for _, p := range list.Parameters {
		asked = slices.DeleteFunc(asked, func(name string) bool { return p.In == "query" && p.Name == name })
		if p.Required {
			faults = append(faults, "the list cannot be read without "+p.Name)
		}
	}
	for _, name := range asked {
		faults = append(faults, "the list takes no parameter "+name)
	}
	name := strings.TrimPrefix(list.Responses["200"].Content["application/json"].Schema.Properties.Data.Items.Ref, "#/components/schemas/")
	object, ok := d.Components.Schemas[name]
	if !ok {
		return append(faults, "the list shows no one kind of object")
	}
	if object.Properties["id"].Type != "string" {
		faults = append(faults, "the objects have no id")
	}
	if cursor := object.Properties[st.cursor]; cursor.Format != "unix-time" {
		faults = append(faults, "the objects have no time in "+st.cursor)
	}
	for _, path := range st.expand {
		field, ok := strings.CutPrefix(path, "data.")
		if !ok || !slices.Contains(object.Expandable, field) {
			faults = append(faults, path+" cannot be expanded")
		}
	}
	return append(faults, schemaFaults(t, st, name)...)
}

// schemaFaults lists where a row and the generated schema of its stream say different things.
func schemaFaults(t *testing.T, st *stream, object string) []string {
	t.Helper()
	known, err := schemas.StripeStream(st.name)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	if known.Object != object {
		faults = append(faults, "the schema is of "+known.Object+", the list of "+object)
	}
	if known.ReplicationKey != st.cursor {
		faults = append(faults, "the schema's replication key is "+known.ReplicationKey)
	}
	if !slices.Equal(known.KeyProperties, []string{"id"}) {
		faults = append(faults, "the schema's key is not the id alone")
	}
	return faults
}

func TestARowThatTheDocumentDeniesIsFound(t *testing.T) {
	document := readDocument(t)
	good := *findStream("prices")
	if faults := document.faults(t, &good); len(faults) > 0 {
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
		{"no one kind of object", func(st *stream) { st.path = "/v1/account" }},
		{"no time in date", func(st *stream) { st.cursor = "date" }},
		{"data.colours cannot be expanded", func(st *stream) { st.expand = []string{"data.colours"} }},
		{"tiers cannot be expanded", func(st *stream) { st.expand = []string{"tiers"} }},
		{`no stripe schema for stream "pricing"`, func(st *stream) { st.name = "pricing" }},
		{"the schema is of plan, the list of price", func(st *stream) { st.name = "plans" }},
		{"replication key is created", func(st *stream) { st.cursor = "updated" }},
		{"key is not the id alone", func(st *stream) { st.name, st.path = "payout_transactions", "/v1/balance_transactions" }},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			row := good
			tt.change(&row)
			faults := document.faults(t, &row)
			if !strings.Contains(strings.Join(faults, "\n"), tt.want) {
				t.Errorf("faults are %q, want one with %q", faults, tt.want)
			}
		})
	}
}
