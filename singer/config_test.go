package singer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const shopSchema = `{
	"type": "object",
	"required": ["api_key", "shop"],
	"properties": {
		"api_key": {"type": "string", "description": "The key of the shop's API.", "x-sensitive": true, "minLength": 8},
		"shop": {"type": "string", "pattern": "^[a-z]+$"},
		"start_date": {"type": "string", "format": "date-time"},
		"page_size": {"type": "integer", "minimum": 1, "maximum": 250, "default": 100},
		"ratio": {"type": ["number", "null"]},
		"verbose": {"type": "boolean", "default": false},
		"mode": {"type": "string", "enum": ["fast", "safe"]},
		"select": {"type": "array", "items": {"type": "string"}, "minItems": 1},
		"sink": {
			"type": "object",
			"required": ["url"],
			"additionalProperties": false,
			"properties": {
				"url": {"type": "string", "default": "https://localhost"},
				"password": {"type": "string", "x-sensitive": true},
				"port": {"type": "integer", "default": 5432}
			}
		}
	}
}`

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func envOf(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}
}

func shopLoader(variables map[string]string) *configLoader {
	return &configLoader{schema: []byte(shopSchema), prefix: "TAP_SHOP_", env: envOf(variables)}
}

func TestConfigMergesFilesAndEnvironment(t *testing.T) {
	first := writeFile(t, "first.json", "\ufeff"+`{"api_key":"key-from-file","shop":"a","page_size":10,"ratio":null,"sink":{"url":"u","password":null}}`)
	texts := writeFile(t, "texts.json", `{"api_key":"key-in-file","shop":"b","page_size":"20","ratio":"0.50","verbose":"false","select":"[\"a.*\"]"}`)
	second := writeFile(t, "second.json", `{"shop":"b","ratio":1234567890.12345678901234567890,"verbose":true}`)
	variables := map[string]string{
		"TAP_SHOP_API_KEY": "key-from-env", "TAP_SHOP_SELECT": `["a.*","!a.b"]`, "TAP_SHOP_PAGE_SIZE": "20",
		"TAP_SHOP_MODE": "", "TAP_SHOP_VERBOSE": "0", "TAP_SHOP_OTHER": "x", "API_KEY": "y",
	}
	for _, c := range []struct {
		name    string
		sources []string
		want    map[string]any
	}{
		{"later files win, nulls are absent, defaults fill", []string{first, second}, map[string]any{
			"api_key": "key-from-file", "shop": "b", "page_size": json.Number("10"), "verbose": true,
			"ratio": json.Number("1234567890.12345678901234567890"), "sink": map[string]any{"url": "u", "port": json.Number("5432")},
		}},
		{"the environment wins, wherever ENV stands", []string{envSource, second}, map[string]any{
			"api_key": "key-from-env", "shop": "b", "page_size": json.Number("20"), "verbose": false,
			"ratio": json.Number("1234567890.12345678901234567890"), "select": []any{"a.*", "!a.b"},
		}},
		{"texts stand for what they write", []string{texts}, map[string]any{
			"api_key": "key-in-file", "shop": "b", "page_size": json.Number("20"), "verbose": false, "ratio": json.Number("0.50"), "select": []any{"a.*"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := shopLoader(variables).load(c.sources)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, config.values); diff != "" {
				t.Errorf("settings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigDecodesIntoAStruct(t *testing.T) {
	path := writeFile(t, "config.json", `{"api_key":"long-enough","shop":"a","sink":{"url":"u"}}`)
	config, err := shopLoader(nil).load([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		APIKey   Secret `json:"api_key"`
		PageSize int    `json:"page_size"`
		Sink     struct{ Port int }
	}
	if err := config.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.APIKey.Reveal() != "long-enough" || got.PageSize != 100 || got.Sink.Port != 5432 {
		t.Errorf("decoded to %+v with key %q", got, got.APIKey.Reveal())
	}
	if err := config.Decode(&struct{ Shop int }{}); err == nil {
		t.Error("a string decodes into an int")
	}
}

func TestConfigTellsAllFaultsAtOnceAndNoSecret(t *testing.T) {
	path := writeFile(t, "config.json", `{
		"api_key": "s3cret", "shopp": "a", "start_date": "yesterday", "page_size": 1000, "ratio": "x", "verbose": "no",
		"mode": "quick", "select": [], "sink": {"pasword": "s3cret2", "password": 5550123, "port": "x"}}`)
	_, err := shopLoader(nil).load([]string{path})
	var config *ConfigError
	if !errors.As(err, &config) {
		t.Fatalf("load = %v, want a ConfigError", err)
	}
	want := []string{
		`setting "api_key" must have 8 or more characters`,
		`setting "mode" must be one of fast, safe, but is "quick"`,
		`setting "page_size" must be at most 250, but is 1000`,
		`setting "ratio" must be of type number, but is "x"`,
		`setting "select" must have 1 or more items`,
		`setting "shop" is missing: put it in a config file or set TAP_SHOP_SHOP and pass --config ENV`,
		`setting "shopp" is not known; did you mean "shop"?`,
		`setting "sink.password" must be of type string`,
		`setting "sink.pasword" is not known; did you mean "sink.password"?`,
		`setting "sink.port" must be of type integer, but is "x"`,
		`setting "sink.url" is missing: put it in a config file`,
		`setting "start_date" must be a date-time such as 2024-01-31T00:00:00Z, but is "yesterday"`,
		`setting "verbose" must be of type boolean, but is "no"`,
	}
	if diff := cmp.Diff(want, config.Faults); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"s3cret", "s3cret2", "5550123"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the failure shows %s", secret)
		}
	}
}

func TestConfigForDiscoveryMayMissSettings(t *testing.T) {
	l := shopLoader(nil)
	l.partial = true
	if _, err := l.load(nil); err != nil {
		t.Errorf("discovery without settings: %v", err)
	}
	if _, err := l.load([]string{writeFile(t, "config.json", `{"page_size":0}`)}); err == nil {
		t.Error("discovery takes a page size of 0")
	}
}

func TestConfigFilesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"broken", "{\n  \"shop\": \"a\",\n  \"page_size\": 1,\n}", "is not JSON: line 4, column 1:"},
		{"cut", `{"shop": "a`, "is not JSON: line 1, column 11:"},
		{"list", `[1]`, "does not hold a JSON object"},
		{"two values", `{} {}`, "is not JSON: line 1"},
		{"empty", ``, "is not JSON: line 1, column 1:"},
	} {
		_, err := shopLoader(nil).load([]string{writeFile(t, c.name+".json", c.content)})
		var config *ConfigError
		if !errors.As(err, &config) || len(config.Faults) != 1 || !strings.Contains(config.Faults[0], c.want) {
			t.Errorf("%s: load = %v, want one fault with %q", c.name, err, c.want)
		}
	}
	missing := []string{filepath.Join(t.TempDir(), "a.json"), filepath.Join(t.TempDir(), "b.json")}
	_, err := shopLoader(nil).load(missing)
	var config *ConfigError
	if !errors.As(err, &config) || len(config.Faults) != 2 {
		t.Errorf("two missing files: %v, want two faults", err)
	}
}

func TestConfigResolvesReferencesToSecrets(t *testing.T) {
	secret := writeFile(t, "key", "key-in-a-file\n")
	path := writeFile(t, "config.json", `{"api_key":"file:`+secret+`","shop":"a","sink":{"url":"file:x","password":"env:SINK_PW"}}`)
	l := shopLoader(map[string]string{"SINK_PW": "pw-in-env"})
	config, err := l.load([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"url": "file:x", "password": "pw-in-env", "port": json.Number("5432")}
	if diff := cmp.Diff(want, config.values["sink"]); diff != "" {
		t.Errorf("sink differs (-want +got):\n%s", diff)
	}
	if config.values["api_key"] != "key-in-a-file" {
		t.Errorf("api_key is %q", config.values["api_key"])
	}
	if len(l.secrets) != 2 {
		t.Errorf("secrets to mask: %q", l.secrets)
	}
	path = writeFile(t, "config.json", `{"api_key":"file:/nowhere/key","shop":"a","sink":{"url":"u","password":"env:UNSET"}}`)
	_, err = shopLoader(nil).load([]string{path})
	for _, want := range []string{`"api_key" refers to a file that cannot be read`, `"sink.password" refers to the environment variable UNSET, which is not set`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("load = %v, want %q", err, want)
		}
	}
}

func TestConfigSchemaThatAllowsUnknownSettings(t *testing.T) {
	l := &configLoader{schema: []byte(`{"properties":{"a":{}},"additionalProperties":true}`), env: envOf(nil)}
	config, err := l.load([]string{writeFile(t, "config.json", `{"b":1}`)})
	if err != nil || config.values["b"] != json.Number("1") {
		t.Errorf("load = %v, %v", config, err)
	}
	l.schema = []byte(`{"properties":`)
	var usage *ConfigError
	if _, err := l.load(nil); err == nil || errors.As(err, &usage) {
		t.Errorf("a broken schema gives %v, which is not the user's fault", err)
	}
}

func TestCast(t *testing.T) {
	for _, c := range []struct {
		types typeNames
		text  string
		want  any
	}{
		{typeNames{"string"}, "5", "5"},
		{typeNames{"string"}, "true", "true"},
		{typeNames{"integer"}, "5", json.Number("5")},
		{typeNames{"integer", "null"}, "12345678901234567890", json.Number("12345678901234567890")},
		{typeNames{"integer"}, "five", "five"},
		{typeNames{"number"}, "1.50", json.Number("1.50")},
		{typeNames{"boolean"}, "TRUE", true},
		{typeNames{"boolean"}, "0", false},
		{typeNames{"boolean"}, "yes", "yes"},
		{typeNames{"array"}, `["a",1]`, []any{"a", json.Number("1")}},
		{typeNames{"array"}, `a,b`, "a,b"},
		{typeNames{"string", "array"}, `[1]`, []any{json.Number("1")}},
		{typeNames{"object"}, `{"a":null}`, map[string]any{"a": nil}},
		{nil, "[1]", "[1]"},
	} {
		if diff := cmp.Diff(c.want, (&setting{Types: c.types}).cast(c.text)); diff != "" {
			t.Errorf("cast of %s to %v differs (-want +got):\n%s", c.text, c.types, diff)
		}
	}
}

// FuzzConfig holds that whatever stands in a config file is taken or refused by a ConfigError, and never a panic.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{`{"api_key":"topsecret","shop":"a"}`, `{"sink":{"password":["topsecret"]}}`, `{"api_key":{"x":"topsecret"}}`, `{`, `[]`} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "config.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := shopLoader(nil).load([]string{path})
		var config *ConfigError
		if err != nil && !errors.As(err, &config) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func TestAliasesAreOtherNamesOfASetting(t *testing.T) {
	const schema = `{"properties":{"metadata":{"type":"boolean","default":true},"meta":{"type":"boolean","x-alias-of":"metadata"}}}`
	for _, c := range []struct {
		config string
		env    map[string]string
		want   map[string]any
		fault  string
	}{
		{config: `{}`, want: map[string]any{"metadata": true}},
		{config: `{"meta":false}`, want: map[string]any{"metadata": false}},
		{config: `{"meta":null,"metadata":false}`, want: map[string]any{"metadata": false}},
		{config: `{"meta":false,"metadata":false}`, want: map[string]any{"metadata": false}},
		{config: `{}`, env: map[string]string{"T_META": "0"}, want: map[string]any{"metadata": false}},
		{config: `{"meta":false,"metadata":true}`, fault: `setting "meta" is another name of "metadata", and they say different things; keep one of them`},
		{config: `{"meta":"no"}`, fault: `setting "meta" must be of type boolean, but is "no"`},
	} {
		l := &configLoader{schema: []byte(schema), prefix: "T_", env: envOf(c.env)}
		config, err := l.load([]string{writeFile(t, "c.json", c.config), envSource})
		var faults *ConfigError
		switch {
		case c.fault != "":
			if !errors.As(err, &faults) || len(faults.Faults) != 1 || faults.Faults[0] != c.fault {
				t.Errorf("%s: %v, want %q", c.config, err, c.fault)
			}
		case err != nil:
			t.Errorf("%s: %v", c.config, err)
		default:
			if diff := cmp.Diff(c.want, config.values); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.config, diff)
			}
		}
	}
}
