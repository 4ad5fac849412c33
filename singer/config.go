package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Config holds the settings of a run: read from files and environment, free of faults, defaults filled in.
type Config struct {
	values map[string]any // numbers are of type json.Number
}

// Decode stores the settings in the struct that into points to, by its json tags. Settings that the struct does not
// name are left out. Settings that the config's schema marks as sensitive fit fields of type [Secret]. A number that its
// field cannot hold, because it is too large or because a whole number is written as 1e2, is a [*ConfigError].
func (c *Config) Decode(into any) error {
	text, err := json.Marshal(c.values)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	var misfit *json.UnmarshalTypeError
	if errors.As(err, &misfit) && strings.HasPrefix(misfit.Value, "number ") {
		return &ConfigError{Source: "the config", Faults: []string{fmt.Sprintf(
			"setting %q cannot take the %s; it is too large, or not written in plain digits", misfit.Field, misfit.Value)}}
	}
	if err != nil {
		return fmt.Errorf("decoding the settings: %w", err)
	}
	return nil
}

// texts returns a setting that is a list of strings.
func (c *Config) texts(name string) []string {
	var texts []string
	list, _ := c.values[name].([]any)
	for _, item := range list {
		if text, ok := item.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// configLoader turns the values of --config into a Config.
type configLoader struct {
	schema  []byte
	prefix  string // of environment variables, such as "TAP_STRIPE_"
	env     func(string) (string, bool)
	partial bool // discovery may miss settings that a sync requires

	// Found on the way, for the log and the scrubber.
	secrets  []string
	warnings []string
}

// load reads the sources in order: of files, later ones replace the settings of earlier ones; the environment, named by
// the source ENV, replaces both, wherever it stands. The error is a [*ConfigError] with all faults.
func (l *configLoader) load(sources []string) (*Config, error) {
	root, closed, err := parseSettings(l.schema)
	if err != nil {
		return nil, err
	}
	values, faults := map[string]any{}, []string{}
	for _, source := range sources {
		if source == envSource {
			continue
		}
		read, err := l.readFile(source, root)
		if err != nil {
			faults = append(faults, err.Error())
		}
		maps.Copy(values, read)
	}
	if slices.Contains(sources, envSource) {
		maps.Copy(values, l.readEnv(root))
	}
	if len(faults) == 0 { // else what the unread files hold would be called missing
		faults = append(faults, l.resolveSecrets(root, values)...)
		found, err := validateConfig(closed, root, values, l)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
		faults = append(faults, root.mergeAliases(values)...)
	}
	if len(faults) > 0 {
		return nil, &ConfigError{Source: describeSources(sources), Faults: faults}
	}
	root.fillDefaults(values)
	return &Config{values: values}, nil
}

// envSource is the value of --config that stands for the environment.
const envSource = "ENV"

func describeSources(sources []string) string {
	switch len(sources) {
	case 0:
		return "the config (no --config was given)"
	case 1:
		if sources[0] == envSource {
			return "the config from the environment"
		}
		return "the config " + sources[0]
	}
	return "the config from " + strings.Join(sources, ", ")
}

// readFile reads one config file. Its failure is a whole sentence.
func (l *configLoader) readFile(path string, root *setting) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	values, err := decodeObject(path, text)
	if err != nil {
		return nil, err
	}
	dropNulls(values)
	root.castTexts(values)
	l.warnReadable(path, root, values)
	return values, nil
}

// decodeObject decodes a JSON object and says where in the file its syntax is at fault.
func decodeObject(path string, text []byte) (map[string]any, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &whole); errors.As(err, &syntax) {
		before := text[:min(int(syntax.Offset), len(text))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := max(1, len(before)-(bytes.LastIndexByte(before, '\n')+1))
		return nil, fmt.Errorf("%s is not JSON: line %d, column %d: %w", path, line, column, err)
	}
	value, err := decodeExact(text)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be decoded: %w", path, err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s does not hold a JSON object", path)
	}
	return object, nil
}

// readEnv takes the settings that have an environment variable with something in it.
func (l *configLoader) readEnv(root *setting) map[string]any {
	values := map[string]any{}
	for _, s := range root.Properties {
		if text, ok := l.env(l.variable(s.Name)); ok && text != "" {
			values[s.Name] = s.cast(text)
		}
	}
	return values
}

// variable is the name of the environment variable of a setting.
func (l *configLoader) variable(name string) string { return l.prefix + envName(name) }

// envName spells a name the way environment variables are spelt.
func envName(name string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(name))
}

func isReference(text string) bool {
	return strings.HasPrefix(text, "file:") || strings.HasPrefix(text, "env:")
}

// resolveSecrets replaces the references that sensitive settings may hold instead of a secret: "file:PATH" is the text of
// a file without the line ends behind it, "env:NAME" an environment variable. It returns faults.
func (l *configLoader) resolveSecrets(root *setting, values map[string]any) (faults []string) {
	root.secrets(values, func(name, text string) string {
		secret, fault := l.resolve(text)
		if fault != "" {
			faults = append(faults, fmt.Sprintf("setting %q %s", name, fault))
			return text
		}
		l.secrets = append(l.secrets, secret)
		return secret
	})
	slices.Sort(faults)
	return faults
}

func (l *configLoader) resolve(text string) (secret, fault string) {
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Sprintf("refers to a file that cannot be read: %v", err)
		}
		return strings.TrimRight(string(content), "\r\n"), ""
	}
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		value, ok := l.env(name)
		if !ok || value == "" {
			return "", fmt.Sprintf("refers to the environment variable %s, which is not set", name)
		}
		return value, ""
	}
	return text, ""
}
