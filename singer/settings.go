package singer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tapline/internal/rawjson"
)

// setting is one node of a config's JSON Schema: a property, or the config as a whole, whose properties are the
// settings. Only what the runner itself acts on is here; gojsonschema judges the rest of the schema.
type setting struct {
	Name        string            `json:"-"`
	Types       typeNames         `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Default     json.RawMessage   `json:"default"`
	Enum        []json.RawMessage `json:"enum"`
	Examples    []json.RawMessage `json:"examples"`
	Sensitive   bool              `json:"x-sensitive"`
	URL         bool              `json:"x-url"`      // if Sensitive, only as far as it is a URL with credentials in it
	Kind        string            `json:"x-kind"`     // Meltano's word for what it holds
	AliasOf     string            `json:"x-alias-of"` // the setting of which this is another name
	Required    []string          `json:"required"`
	Properties  properties        `json:"properties"`
}

// parseSettings reads the JSON Schema of a config. A config whose schema does not say otherwise has no settings but
// those the schema names, which is what makes a misspelt one a fault; closed is the schema with that said.
func parseSettings(schema []byte) (root *setting, closed []byte, err error) {
	if len(bytes.TrimSpace(schema)) == 0 {
		schema = []byte(`{"type":"object"}`)
	}
	root = &setting{}
	if err := json.Unmarshal(schema, root); err != nil {
		return nil, nil, fmt.Errorf("reading the JSON Schema of the settings: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(schema, &members); err != nil {
		return nil, nil, fmt.Errorf("reading the JSON Schema of the settings: %w", err)
	}
	if _, ok := members["additionalProperties"]; !ok {
		members["additionalProperties"] = json.RawMessage("false")
		if schema, err = json.Marshal(members); err != nil {
			return nil, nil, fmt.Errorf("closing the JSON Schema of the settings: %w", err)
		}
	}
	return root, schema, nil
}

// property returns the setting of that name, or nil.
func (s *setting) property(name string) *setting {
	for _, p := range s.Properties {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *setting) names() []string {
	var names []string
	for _, p := range s.Properties {
		names = append(names, p.Name)
	}
	return names
}

// at follows a dotted path as far as the schema names its steps; sensitive is true when a step on it is.
func (s *setting) at(path string) (found *setting, sensitive bool) {
	found = s
	for step := range strings.SplitSeq(path, ".") {
		next := found.property(step)
		if next == nil {
			return found, sensitive
		}
		found, sensitive = next, sensitive || next.Sensitive
	}
	return found, sensitive
}

// properties are settings in the order of the schema's text, which is the order in which they are best explained.
type properties []*setting

// UnmarshalJSON reads the value of "properties".
func (p *properties) UnmarshalJSON(text []byte) error {
	var m rawjson.Members
	for m.Reset(text); m.Next(); {
		s := &setting{Name: string(m.Key)}
		if err := json.Unmarshal(m.Value, s); err != nil {
			return fmt.Errorf("property %s: %w", m.Key, err)
		}
		*p = append(*p, s)
	}
	return m.Err()
}

// typeNames is the value of "type": one name or several.
type typeNames []string

// UnmarshalJSON reads a string or an array of strings.
func (t *typeNames) UnmarshalJSON(text []byte) error {
	if rawjson.KindOf(text) == rawjson.String {
		*t = typeNames{""}
		return json.Unmarshal(text, &(*t)[0])
	}
	return json.Unmarshal(text, (*[]string)(t))
}

func (t typeNames) has(name string) bool { return slices.Contains(t, name) }

// String lists the types a user can write; null stands for an absent setting.
func (t typeNames) String() string {
	written := slices.DeleteFunc(slices.Clone(t), func(name string) bool { return name == "null" })
	if len(written) == 0 {
		return "any"
	}
	return strings.Join(written, " or ")
}

// cast turns the text of an environment variable into a value of the setting's type. Text that does not fit stays a
// string, which validation then finds at fault.
func (s *setting) cast(text string) any {
	if yes, err := strconv.ParseBool(text); err == nil && s.Types.has("boolean") {
		return yes
	}
	value, err := decodeExact([]byte(text))
	if err != nil {
		return text
	}
	fits := false
	switch value.(type) {
	case map[string]any:
		fits = s.Types.has("object")
	case []any:
		fits = s.Types.has("array")
	case json.Number:
		fits = !s.Types.has("string") && (s.Types.has("integer") || s.Types.has("number"))
	}
	if fits {
		return value
	}
	return text
}

// castTexts turns texts that a file has in the place of other values into those, as they are written in the environment:
// Meltano and some templates write "0.5" where 0.5 is meant.
func (s *setting) castTexts(values map[string]any) {
	for _, p := range s.Properties {
		if text, ok := values[p.Name].(string); ok && len(p.Types) > 0 && !p.Types.has("string") {
			values[p.Name] = p.cast(text)
		}
	}
}

// fillDefaults sets absent members of values to the defaults of the schema, at any depth that values has.
func (s *setting) fillDefaults(values map[string]any) {
	for _, p := range s.Properties {
		value, present := values[p.Name]
		if !present && p.Default != nil {
			if def, err := decodeExact(p.Default); err == nil && def != nil {
				values[p.Name], value = def, def
			}
		}
		if inner, ok := value.(map[string]any); ok {
			p.fillDefaults(inner)
		}
	}
}

// mergeAliases gives values under another name of a setting to the setting itself. It returns a fault for each setting
// that has two values under two names.
func (s *setting) mergeAliases(values map[string]any) (faults []string) {
	for _, p := range s.Properties {
		value, given := values[p.Name]
		if p.AliasOf == "" || !given {
			continue
		}
		delete(values, p.Name)
		if main, both := values[p.AliasOf]; both && !reflect.DeepEqual(main, value) {
			faults = append(faults, fmt.Sprintf("setting %q is another name of %q, and they say different things; keep one of them", p.Name, p.AliasOf))
			continue
		}
		values[p.AliasOf] = value
	}
	return faults
}

// secrets calls replace for every string below a sensitive setting and stores what it returns.
func (s *setting) secrets(values map[string]any, replace func(path, secret string) string) {
	s.walkSecrets("", s.Sensitive, values, replace)
}

func (s *setting) walkSecrets(path string, sensitive bool, value any, replace func(path, secret string) string) any {
	switch value := value.(type) {
	case string:
		if sensitive && !(s.URL && bareURL(value)) {
			return replace(path, value)
		}
	case map[string]any:
		for name, inner := range value {
			next := s.property(name)
			if next == nil {
				next = &setting{}
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			value[name] = next.walkSecrets(at, sensitive || next.Sensitive, inner, replace)
		}
	case []any:
		for i, inner := range value {
			value[i] = (&setting{}).walkSecrets(fmt.Sprintf("%s.%d", path, i), sensitive, inner, replace)
		}
	}
	return value
}

var credential = regexp.MustCompile(`(?i)pass|secret|token|key|sig|cred|auth`)

// bareURL tells whether text is a URL without a password and without a parameter whose name sounds like one's. Messages
// would be of little use that hide where the data goes. file://DIRECTORY is one, and no reference to a file.
func bareURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" && !strings.HasPrefix(text, "file://") {
		return false
	}
	_, password := u.User.Password()
	parameters, err := url.ParseQuery(u.RawQuery)
	return err == nil && !password && !slices.ContainsFunc(slices.Collect(maps.Keys(parameters)), credential.MatchString)
}

// decodeExact decodes one JSON value, keeping numbers as they are written.
func decodeExact(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("not one JSON value")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	return value, err
}

// dropNulls removes members that are null, which runners write for settings that are not set.
func dropNulls(values map[string]any) {
	for name, value := range values {
		switch value := value.(type) {
		case nil:
			delete(values, name)
		case map[string]any:
			dropNulls(value)
		}
	}
}
