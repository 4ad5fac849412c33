package main

import (
	"fmt"
	"slices"
	"strings"
)

// source says where in Stripe's document a stream comes from. Its claims are checked against the document, so a row that
// is wrong fails the generation instead of producing a wrong file.
type source struct {
	Stream string // name of the stream and of its file
	// Path is the endpoint that shows the objects. What it must be asked with follows a question mark. It is empty for
	// objects that are found nowhere but inside others.
	Path   string
	Object string // component of the document, and value of the records' field "object"
	Cursor string // unix-time field behind the list's filter "created"; "" when the list has no such filter
	Single bool   // whether the endpoint shows one object instead of a list

	// Parent is the field with the id of the object that the list belongs to. The tap adds it where Stripe's objects
	// lack it.
	Parent string
	// Time is a field with a time that the tap adds, because nothing else in the object tells records apart.
	Time string
	Key  []string // primary key; nil stands for the id alone

	Aliases []string // names that other taps give to the stream
}

// idKey is the primary key of most streams.
var idKey = []string{"id"}

func (s source) key() []string {
	if s.Key == nil {
		return idKey
	}
	return s.Key
}

// check compares a row with the document.
func (s source) check(doc *document) error {
	if s.Path != "" {
		if err := s.checkEndpoint(doc); err != nil {
			return err
		}
	}
	component, err := doc.component(s.Object)
	if err != nil {
		return err
	}
	if component.Properties[s.Time] != nil {
		return fmt.Errorf("component %s has a field %q of its own", s.Object, s.Time)
	}
	if s.Cursor == "" {
		return nil
	}
	if cursor := component.Properties[s.Cursor]; cursor == nil || cursor.Format != formatUnixTime {
		return fmt.Errorf("component %s has no unix-time field %q to be its cursor", s.Object, s.Cursor)
	}
	return nil
}

func (s source) checkEndpoint(doc *document) error {
	path, query, _ := strings.Cut(s.Path, "?")
	endpoint, err := doc.endpoint(path)
	if err != nil {
		return err
	}
	if endpoint.single != s.Single {
		return fmt.Errorf("GET %s answers with a list: %t, and the row says: %t", path, !endpoint.single, !s.Single)
	}
	if !slices.Contains(endpoint.components, s.Object) {
		return fmt.Errorf("%s shows objects of component %s, not %q", path, strings.Join(endpoint.components, " or "), s.Object)
	}
	if endpoint.takes("created") != (s.Cursor != "") {
		return fmt.Errorf("%s: cursor is %q, but the parameters of the list are: %s",
			path, s.Cursor, strings.Join(endpoint.parameters, ", "))
	}
	if strings.Contains(path, "{") && !s.Single && s.Parent == "" {
		return fmt.Errorf("%s belongs to an object, and the row names no parent", path)
	}
	asked := queryNames(query)
	for _, name := range endpoint.required {
		if !slices.Contains(asked, name) {
			return fmt.Errorf("%s cannot be read without the parameter %q", path, name)
		}
	}
	for _, name := range asked {
		if !endpoint.takes(name) {
			return fmt.Errorf("%s has no parameter %q", path, name)
		}
	}
	return nil
}

// queryNames returns the names in a query like "object=card&limit=".
func queryNames(query string) []string {
	var names []string
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); name != "" {
			names = append(names, name)
		}
	}
	return names
}
