package singer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// validateConfig holds settings against the JSON Schema of the config. Every fault is a sentence that names the setting
// and what to do, without the value of a sensitive one. The error is about the schema, not about the settings.
func validateConfig(schema []byte, root *setting, values map[string]any, l *configLoader) ([]string, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encoding the settings: %w", err)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the JSON Schema of the settings: %w", err)
	}
	var faults []string
	for _, found := range result.Errors() {
		if l.partial && found.Type() == "required" {
			continue
		}
		if fault := describeFault(found, root, l); fault != "" && !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	slices.Sort(faults)
	return faults, nil
}

// describeFault turns one finding of gojsonschema into a sentence.
func describeFault(found gojsonschema.ResultError, root *setting, l *configLoader) string {
	path := strings.TrimPrefix(strings.TrimPrefix(found.Context().String(), gojsonschema.STRING_ROOT_SCHEMA_PROPERTY), ".")
	property, _ := found.Details()["property"].(string)
	switch found.Type() {
	case "required":
		return missing(joinPath(path, property), root, l)
	case "condition_then", "condition_else":
		return "" // what is wrong in the branch is found too
	case "additional_property_not_allowed":
		return unknown(path, property, root)
	}
	if path == "" {
		return "the settings together are at fault: " + lowerFirst(found.Description())
	}
	s, sensitive := root.at(path)
	fault := fmt.Sprintf("setting %q must %s", path, demand(found, s))
	if shown := showValue(found.Value()); shown != "" && !sensitive && !holdsSecret(s) {
		fault += ", but is " + shown
		if text, ok := found.Value().(string); ok && found.Type() == "invalid_type" && s.Types.has("array") && !strings.HasPrefix(text, "[") {
			list, _ := json.Marshal(strings.Split(text, ","))
			fault += "; as a list it is " + string(list)
		}
	}
	return fault
}

func missing(path string, root *setting, l *configLoader) string {
	fault := fmt.Sprintf("setting %q is missing: put it in a config file", path)
	if !strings.Contains(path, ".") {
		fault += fmt.Sprintf(" or set %s and pass --config %s", l.variable(path), envSource)
	}
	if s, _ := root.at(path); s.Description != "" {
		fault += " (" + strings.TrimSuffix(lowerFirst(s.Description), ".") + ")"
	}
	return fault
}

func unknown(path, property string, root *setting) string {
	in := root
	if path != "" {
		in, _ = root.at(path)
	}
	fault := fmt.Sprintf("setting %q is not known", joinPath(path, property))
	if near := nearest(property, in.names()); near != "" {
		return fault + fmt.Sprintf("; did you mean %q?", joinPath(path, near))
	}
	if len(in.Properties) == 0 {
		return fault
	}
	return fault + "; known are " + strings.Join(in.names(), ", ")
}

// demand completes the sentence "setting x must ...", where s is x.
func demand(found gojsonschema.ResultError, s *setting) string {
	detail := func(name string) string { return fmt.Sprint(found.Details()[name]) }
	switch found.Type() {
	case "invalid_type":
		return "be of type " + expectedTypes(detail("expected"))
	case "enum":
		return "be one of " + strings.ReplaceAll(detail("allowed"), `"`, "")
	case "const":
		return "be " + detail("allowed")
	case "format":
		return describeFormat(detail("format"))
	case "pattern":
		if len(s.Examples) > 0 { // which a person understands sooner
			return "look like " + choices(s.Examples, " or ")
		}
		return "match the pattern " + detail("pattern")
	case "number_gte":
		return "be at least " + detail("min")
	case "number_gt":
		return "be more than " + detail("min")
	case "number_lte":
		return "be at most " + detail("max")
	case "number_lt":
		return "be less than " + detail("max")
	case "string_gte":
		return "have " + detail("min") + " or more characters"
	case "string_lte":
		return "have " + detail("max") + " or fewer characters"
	case "array_min_items":
		return "have " + detail("min") + " or more items"
	case "array_max_items":
		return "have " + detail("max") + " or fewer items"
	}
	return "fit its description (" + lowerFirst(found.Description()) + ")"
}

// expectedTypes turns gojsonschema's list of types, such as [integer,null], into words. A user writes no null.
func expectedTypes(list string) string {
	return typeNames(strings.Split(strings.Trim(list, "[]"), ",")).String()
}

func describeFormat(format string) string {
	switch format {
	case "date-time":
		return "be a date-time such as 2024-01-31T00:00:00Z"
	case "date":
		return "be a date such as 2024-01-31"
	case "uri":
		return "be a URI such as https://host/path"
	}
	return "be of the format " + format
}

// choices lists values of a schema for a person.
func choices(values []json.RawMessage, between string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = plain(value)
	}
	return strings.Join(texts, between)
}

// showValue prints a scalar; what is longer than a person reads stays out.
func showValue(value any) string {
	switch value.(type) {
	case map[string]any, []any, nil:
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil || len(text) > 80 {
		return ""
	}
	return string(text)
}

// holdsSecret tells whether a sensitive setting lies below s, so that a value in its place may be one.
func holdsSecret(s *setting) bool {
	return s.Sensitive || slices.ContainsFunc(s.Properties, holdsSecret)
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lowerFirst(text string) string {
	if len(text) < 2 || text[1] >= 'A' && text[1] <= 'Z' { // an abbreviation such as URL
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// RecordValidator compiles a SCHEMA into a judge of its records by the letter of JSON Schema, drafts 4 to 7. The judge is
// safe for several goroutines; what it returns names the first few faults, without the values. A reference that leads out
// of the SCHEMA is a failure, and nothing is fetched.
func RecordValidator(m *Schema) (func(record []byte) error, error) {
	loader := gojsonschema.NewSchemaLoader()
	loader.AutoDetect = false // a draft that the library does not know is no reason to give up
	schema, err := loader.Compile(closed{gojsonschema.NewBytesLoader(m.Schema)})
	if err != nil {
		return nil, fmt.Errorf("the SCHEMA is no JSON Schema that records can be held against: %w", err)
	}
	return func(record []byte) error {
		result, err := schema.Validate(gojsonschema.NewBytesLoader(record))
		if err != nil {
			return fmt.Errorf("the record is not JSON: %w", err)
		}
		return describeMisfits(result.Errors())
	}, nil
}

// mostMisfits is how many faults of one record are told.
const mostMisfits = 3

func describeMisfits(found []gojsonschema.ResultError) error {
	if len(found) == 0 {
		return nil
	}
	var texts []string
	for _, f := range found {
		texts = append(texts, f.Field()+": "+lowerFirst(f.Description()))
	}
	slices.Sort(texts) // the library finds them in the order of a map
	if more := len(texts) - mostMisfits; more > 0 {
		texts = append(texts[:mostMisfits], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("it does not fit its SCHEMA: %s", strings.Join(texts, "; "))
}

// closed is a document whose references cannot lead out of it.
type closed struct{ gojsonschema.JSONLoader }

// LoaderFactory makes the loaders of the documents that this one refers to.
func (c closed) LoaderFactory() gojsonschema.JSONLoaderFactory { return c }

// New makes a loader that fails.
func (c closed) New(source string) gojsonschema.JSONLoader { return outside{c.JSONLoader, source} }

// outside is a document that is referred to and not read.
type outside struct {
	gojsonschema.JSONLoader
	source string
}

// LoadJSON fails.
func (o outside) LoadJSON() (any, error) {
	return nil, fmt.Errorf("it refers to %s, which is outside of it", o.source)
}
