package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/xeipuuv/gojsonschema"

	"tapline/schemas"
)

var binaries = []string{"tap-recharge", "tap-stripe", "target-warehouse"}

func TestConfigIsNilForAnUnknownBinary(t *testing.T) {
	if got := schemas.Config("tap-nothing"); got != nil {
		t.Errorf("got %s", got)
	}
}

func TestConfigReturnsBytesOfTheCaller(t *testing.T) {
	first := schemas.Config("tap-stripe")
	first[0] = 'x'
	if second := schemas.Config("tap-stripe"); second[0] != '{' {
		t.Error("a change of the returned bytes is seen by the next caller")
	}
}

func TestConfigDescribesEverySetting(t *testing.T) {
	kinds := map[string]bool{
		"string": true, "password": true, "integer": true, "decimal": true, "boolean": true, "array": true, "object": true,
		"options": true, "file": true, "date_iso8601": true,
	}
	for _, binary := range binaries {
		var schema struct {
			AdditionalProperties *bool
			Properties           map[string]struct {
				Title, Description string
				Type, Default      any
				Kind               string `json:"x-kind"`
				Sensitive          bool   `json:"x-sensitive"`
				AliasOf            string `json:"x-alias-of"`
			}
		}
		if err := json.Unmarshal(schemas.Config(binary), &schema); err != nil {
			t.Fatalf("%s: %v", binary, err)
		}
		if schema.AdditionalProperties == nil || *schema.AdditionalProperties {
			t.Errorf("%s: an unknown setting would be accepted", binary)
		}
		for name, setting := range schema.Properties {
			if setting.Title == "" || setting.Description == "" || setting.Type == nil || !kinds[setting.Kind] {
				t.Errorf("%s: %s lacks a title, description, type or kind: %+v", binary, name, setting)
			}
			if setting.Sensitive != (setting.Kind == "password") || setting.Sensitive && setting.Default != nil {
				t.Errorf("%s: %s: kind %q, sensitive %t, default %v", binary, name, setting.Kind, setting.Sensitive, setting.Default)
			}
			if setting.AliasOf == "" {
				continue
			}
			if of, ok := schema.Properties[setting.AliasOf]; !ok || of.AliasOf != "" || of.Kind != setting.Kind || setting.Default != nil {
				t.Errorf("%s: %s cannot be another name of %s: %+v", binary, name, setting.AliasOf, setting)
			}
		}
	}
}

// Each default must be a value that the schema itself accepts.
func TestConfigDefaultsAreValid(t *testing.T) {
	required := map[string]map[string]any{
		"tap-recharge":     {"access_token": "sk_1x1_123"},
		"tap-stripe":       {"api_key": "sk_test_123"},
		"target-warehouse": {"path": ":memory:"},
	}
	for _, binary := range binaries {
		var schema struct {
			Properties map[string]struct{ Default any }
		}
		if err := json.Unmarshal(schemas.Config(binary), &schema); err != nil {
			t.Fatalf("%s: %v", binary, err)
		}
		config := required[binary]
		for name, setting := range schema.Properties {
			if setting.Default != nil {
				config[name] = setting.Default
			}
		}
		for _, fault := range validate(t, binary, gojsonschema.NewGoLoader(config)) {
			t.Errorf("%s: %s", binary, fault)
		}
	}
}

// Who breaks a pattern is shown the examples, so there must be some, and they must fit.
func TestConfigPatternsHaveExamplesThatFit(t *testing.T) {
	for _, binary := range binaries {
		var schema struct {
			Properties map[string]struct {
				Pattern  string
				Examples []any
			}
		}
		if err := json.Unmarshal(schemas.Config(binary), &schema); err != nil {
			t.Fatalf("%s: %v", binary, err)
		}
		for name, setting := range schema.Properties {
			if setting.Pattern != "" && len(setting.Examples) == 0 {
				t.Errorf("%s: %s has a pattern and no examples", binary, name)
			}
			for _, example := range setting.Examples {
				config := map[string]any{"path": ":memory:", name: example}
				if binary != "target-warehouse" {
					delete(config, "path")
				}
				for _, fault := range validate(t, binary, gojsonschema.NewGoLoader(config)) {
					t.Errorf("%s: %s %v: %s", binary, name, example, fault)
				}
			}
		}
	}
}

func TestConfigAcceptsAndRefuses(t *testing.T) {
	tests := []struct {
		name, binary, config string
		ok                   bool
	}{
		{"the key alone", "tap-stripe", `{"api_key":"sk_test_1"}`, true},
		{"the key under singer-io's name", "tap-stripe", `{"client_secret":"sk_test_1","account_id":"acct_1A"}`, true},
		{"no key, which the tap asks for in its own words", "tap-stripe", `{"start_date":"2024-01-01"}`, true},
		{"an empty key", "tap-stripe", `{"api_key":""}`, false},
		{"an unknown setting", "tap-stripe", `{"api_key":"k","apikey":"k"}`, false},
		{"a date", "tap-stripe", `{"api_key":"k","start_date":"2024-01-31"}`, true},
		{"a time", "tap-stripe", `{"api_key":"k","start_date":"2024-01-31T10:00:00.5+01:00"}`, true},
		{"a month that does not exist", "tap-stripe", `{"api_key":"k","start_date":"2024-13-01"}`, false},
		{"a time without zone", "tap-stripe", `{"api_key":"k","start_date":"2024-01-31T10:00:00"}`, false},
		{"selection", "tap-stripe", `{"api_key":"k","select":["charges.*","!charges.metadata"]}`, true},
		{"selection that is no list", "tap-stripe", `{"api_key":"k","select":"charges.*"}`, false},
		{"https", "tap-stripe", `{"api_key":"k","base_url":"https://proxy.example/stripe/"}`, true},
		{"loopback", "tap-stripe", `{"api_key":"k","base_url":"http://127.0.0.1:12111"}`, true},
		{"loopback of IPv6", "tap-stripe", `{"api_key":"k","base_url":"http://[::1]:12111/"}`, true},
		{"http elsewhere", "tap-stripe", `{"api_key":"k","base_url":"http://api.stripe.com"}`, false},
		{"http to a host that begins like loopback", "tap-stripe", `{"api_key":"k","base_url":"http://localhost.example"}`, false},
		{"http with a user that looks like loopback", "tap-stripe", `{"api_key":"k","base_url":"http://localhost:1@example.com"}`, false},
		{"a rate below one", "tap-stripe", `{"api_key":"k","request_rate":0.5}`, false},
		{"a page too large", "tap-stripe", `{"api_key":"k","page_size":101}`, false},
		{"a fraction of a retry", "tap-stripe", `{"api_key":"k","max_retries":1.5}`, false},

		{"the path alone", "target-warehouse", `{"path":"a.duckdb"}`, true},
		{"no path", "target-warehouse", `{"destination":"duckdb"}`, false},
		{"an unknown destination", "target-warehouse", `{"path":"a","destination":"oracle"}`, false},
		{"an unknown setting", "target-warehouse", `{"path":"a","pth":"b"}`, false},
		{"append-only", "target-warehouse", `{"path":"a","load_method":"append-only"}`, true},
		{"an unknown load method", "target-warehouse", `{"path":"a","load_method":"append"}`, false},
		{"memory in bytes", "target-warehouse", `{"path":"a","max_memory":1000000}`, true},
		{"memory in gigabytes", "target-warehouse", `{"path":"a","max_memory":"1.5 GB"}`, true},
		{"memory in words", "target-warehouse", `{"path":"a","max_memory":"much"}`, false},
		{"no memory", "target-warehouse", `{"path":"a","max_memory":0}`, false},
		{"no rows in a batch", "target-warehouse", `{"path":"a","batch_size_rows":0}`, false},
		{"no wait", "target-warehouse", `{"path":"a","batch_wait_limit_seconds":0}`, false},
		{"files elsewhere", "target-warehouse", `{"destination":"files","url":"s3://bucket/prefix"}`, true},
		{"overwrite", "target-warehouse", `{"path":"a","load_method":"overwrite"}`, true},
		{"an unknown policy", "target-warehouse", `{"path":"a","conflict":"cast"}`, false},
		{"a storage version", "target-warehouse", `{"path":"a","storage_version":"v1.2.0"}`, true},
		{"a storage version in words", "target-warehouse", `{"path":"a","storage_version":"newest"}`, false},
		{"an integration", "target-warehouse", `{"path":"a","integration_name":"shop_2"}`, true},
		{"an integration with a space", "target-warehouse", `{"path":"a","integration_name":"my shop"}`, false},
		{"an integration that begins with a digit", "target-warehouse", `{"path":"a","integration_name":"2shop"}`, false},
		{"schemas by prefix", "target-warehouse", `{"path":"a","schema_mapping":{"a":"b","c":{"target_schema":"d"}}}`, true},
		{"grants, which nobody makes", "target-warehouse", `{"path":"a","schema_mapping":{"c":{"target_schema":"d","target_schema_select_permissions":["x"]}}}`, false},
		{"schemas by prefix without a schema", "target-warehouse", `{"path":"a","schema_mapping":{"c":{}}}`, false},
		{"history of nothing", "target-warehouse", `{"path":"a","history":[""]}`, false},
		{"less than no rejects", "target-warehouse", `{"path":"a","max_rejected_records":-1}`, false},
		{"the names of other targets", "target-warehouse", `{"path":"a","add_metadata_columns":true,"data_flattening_max_level":2,"batch_config":{"encoding":{}},"stream_maps":{}}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.binary+"/"+tt.name, func(t *testing.T) {
			faults := validate(t, tt.binary, gojsonschema.NewStringLoader(tt.config))
			if (len(faults) == 0) != tt.ok {
				t.Errorf("accepted is %t, want %t; faults: %v", !tt.ok, tt.ok, faults)
			}
		})
	}
}

func validate(t *testing.T, binary string, config gojsonschema.JSONLoader) []gojsonschema.ResultError {
	t.Helper()
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schemas.Config(binary)), config)
	if err != nil {
		t.Fatalf("%s: %v", binary, err)
	}
	return result.Errors()
}
