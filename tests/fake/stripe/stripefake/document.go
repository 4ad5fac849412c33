package stripefake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
)

// document is the part of Stripe's OpenAPI document that the fake uses.
// It is immutable once loaded.
type document struct {
	components map[string]*schema
	lists      map[string][]parameter // query parameters by path, such as /v1/customers
	patterns   map[string]string      // those paths by their form below /v1/, such as customers/{}
	remains    map[string]bool        // paths that answer for a deleted object, too, with the member deleted
}

// schema is one node of the document, with references resolved to pointers.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Enum                 enum               `json:"enum"`
	MaxLength            int                `json:"maxLength"`
	Nullable             bool               `json:"nullable"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	Items                *schema            `json:"items"`
	AnyOf                []*schema          `json:"anyOf"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	ExpansionResources   json.RawMessage    `json:"x-expansionResources"`
	ExpandableFields     []string           `json:"x-expandableFields"`
	ResourceID           string             `json:"x-resourceId"`

	component string     // name, when this is a component
	target    *schema    // what Ref names
	members   *schema    // the type of the values of a map, when AdditionalProperties is a schema
	props     []property // Properties in Stripe's order: id, object, then by name
	variants  []string   // optional sub-objects of which a real object has one, such as payment_method_details.card
}

// enum is the strings that a value is limited to. The document also limits
// booleans, on the remains of deleted objects only; those are left out.
type enum []string

// UnmarshalJSON keeps the strings of a list.
func (e *enum) UnmarshalJSON(text []byte) error {
	var values []any
	if err := json.Unmarshal(text, &values); err != nil {
		return fmt.Errorf("decoding an enum: %w", err)
	}
	for _, v := range values {
		if s, ok := v.(string); ok {
			*e = append(*e, s)
		}
	}
	return nil
}

type property struct {
	name     string
	schema   *schema
	required bool
}

type parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// loadDocument decodes the embedded document once for the process.
var loadDocument = sync.OnceValues(func() (*document, error) {
	var file struct {
		Components struct{ Schemas map[string]*schema }
		Paths      map[string]struct {
			Get *struct {
				Parameters []parameter
				Responses  map[string]struct {
					Content map[string]struct{ Schema *schema }
				}
			}
		}
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &file); err != nil {
		return nil, fmt.Errorf("decoding the embedded OpenAPI document: %w", err)
	}
	doc := &document{components: file.Components.Schemas, lists: map[string][]parameter{}, patterns: map[string]string{}, remains: map[string]bool{}}
	doc.addLater()
	for name, s := range doc.components {
		s.component = name
		if err := doc.link(s); err != nil {
			return nil, err
		}
	}
	for path, item := range file.Paths {
		if item.Get == nil {
			continue
		}
		doc.patterns[placeholder.ReplaceAllString(strings.TrimPrefix(path, "/v1/"), "{}")] = path
		if s := item.Get.Responses["200"].Content["application/json"].Schema; s != nil {
			doc.remains[path] = slices.ContainsFunc(s.AnyOf, func(o *schema) bool { return strings.Contains(o.Ref, "/deleted_") })
		}
		for _, p := range item.Get.Parameters {
			if err := doc.link(p.Schema); err != nil {
				return nil, err
			}
			if p.In == "query" {
				doc.lists[path] = append(doc.lists[path], p)
			}
		}
	}
	return doc, nil
})

// link resolves references and orders properties below s.
func (doc *document) link(s *schema) error {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		s.target = doc.components[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
		if s.target == nil {
			return fmt.Errorf("the OpenAPI document refers to %s, which it lacks", s.Ref)
		}
		return nil
	}
	if len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{' {
		if err := json.Unmarshal(s.AdditionalProperties, &s.members); err != nil {
			return fmt.Errorf("decoding additionalProperties of %s: %w", s.component, err)
		}
	}
	below := append([]*schema{s.Items, s.members}, s.AnyOf...)
	for name, p := range s.Properties {
		s.props = append(s.props, property{name, p, slices.Contains(s.Required, name)})
		below = append(below, p)
	}
	slices.SortFunc(s.props, compareProperties)
	if s.component != "payment_method_configuration" { // it has settings for every method side by side
		s.variants = variantsOf(s.props)
	}
	for _, b := range below {
		if err := doc.link(b); err != nil {
			return err
		}
	}
	return nil
}

func compareProperties(a, b property) int {
	rank := func(name string) int { return slices.Index([]string{"object", "id"}, name) }
	if d := rank(b.name) - rank(a.name); d != 0 {
		return d
	}
	return strings.Compare(a.name, b.name)
}

// variantsOf names the optional sub-objects that exclude each other. The
// document does not say so; many of them side by side, most often with a
// member type that names the one present, is how it looks.
func variantsOf(props []property) []string {
	var names []string
	typed := false
	for _, p := range props {
		typed = typed || p.name == "type"
		if !p.required && !p.schema.Nullable && isObjectReference(p.schema) {
			names = append(names, p.name)
		}
	}
	if len(names) >= 8 || typed && len(names) >= 3 {
		return names
	}
	return nil
}

func isObjectReference(s *schema) bool {
	if s.Ref != "" {
		return true
	}
	if len(s.ExpansionResources) > 0 || len(s.AnyOf) == 0 {
		return false
	}
	return s.AnyOf[0].Ref != ""
}

// resolved follows a reference, if s is one.
func (s *schema) resolved() *schema {
	if s.target != nil {
		return s.target
	}
	return s
}

// expandable reports whether the value is an id that expand[] turns into the object.
func (s *schema) expandable() bool { return len(s.ExpansionResources) > 0 }

// isList reports whether s is Stripe's list object, embedded or not.
func (s *schema) isList() bool {
	return s.Properties["has_more"] != nil && s.Properties["data"] != nil
}
