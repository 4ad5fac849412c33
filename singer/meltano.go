package singer

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// aboutMeltano writes the program as a plugin definition for a Meltano project: a file that meltano.yml can include.
//
// https://docs.meltano.com/concepts/plugins#custom-plugins
func (p *program) aboutMeltano(w io.Writer, root *setting) error {
	var groups struct {
		Groups [][]string `json:"x-setting-groups"` // each a set of settings that together are enough
	}
	if len(p.config) > 0 {
		if err := json.Unmarshal(p.config, &groups); err != nil {
			return fmt.Errorf("reading the JSON Schema of the settings: %w", err)
		}
	}
	if groups.Groups == nil && len(root.Required) > 0 {
		groups.Groups = [][]string{root.Required}
	}
	kind := "extractors"
	if p.kind == kindTarget {
		kind = "loaders"
	}
	y := yaml{indent: "  "}
	y.text.WriteString("# Written by: " + p.name + " --about --format meltano\nplugins:\n  " + kind + ":\n")
	y.item("name", p.name)
	y.member("variant", "tapline")
	y.member("namespace", strings.ReplaceAll(p.name, "-", "_"))
	y.member("label", p.name)
	y.member("description", p.description)
	y.member("executable", p.name)
	y.member("capabilities", p.capabilities)
	if groups.Groups != nil {
		y.member("settings_group_validation", groups.Groups)
	}
	if len(root.Properties) > 0 {
		y.text.WriteString("    settings:\n")
	}
	y.indent = "    "
	for _, s := range root.Properties {
		y.setting(s)
	}
	_, err := io.WriteString(w, y.text.String())
	return err
}

// yaml writes lists of objects as YAML whose scalars and lists are JSON, which YAML includes.
type yaml struct {
	text   strings.Builder
	indent string
}

// item begins an object of a list by its first member.
func (y *yaml) item(name string, value any) { y.line(y.indent+"- ", name, value) }

// member adds a member to the object.
func (y *yaml) member(name string, value any) { y.line(y.indent+"  ", name, value) }

func (y *yaml) line(before, name string, value any) {
	encoded, _ := marshal(value) // texts, bools, lists of texts and JSON always encode
	y.text.WriteString(before + name + ": " + string(encoded) + "\n")
}

// setting writes a setting. One that must be of one of several values gets them as options.
func (y *yaml) setting(s *setting) {
	y.item("name", s.Name)
	if s.Title != "" {
		y.member("label", s.Title)
	}
	if kind := s.meltanoKind(); kind != "" {
		y.member("kind", kind)
	}
	if s.Sensitive {
		y.member("sensitive", true)
	}
	if s.Default != nil {
		y.member("value", s.Default)
	}
	if len(s.Examples) > 0 {
		y.member("placeholder", "Ex. "+plain(s.Examples[0]))
	}
	if text := s.describe(); text != "" {
		y.member("description", text)
	}
	if s.meltanoKind() == "options" {
		var options []map[string]json.RawMessage
		for _, value := range s.Enum {
			label, _ := marshal(plain(value))
			options = append(options, map[string]json.RawMessage{"label": label, "value": value})
		}
		y.member("options", options)
	}
}

// meltanoKind is Meltano's word for what a setting holds. What it calls a password is a string marked as sensitive. A
// number has none: Meltano 4.4 cannot hand over a setting of its kind decimal, and without one it passes the text on.
func (s *setting) meltanoKind() string {
	switch {
	case slices.Contains(s.Types, "number"):
		return ""
	case s.Kind != "" && s.Kind != "password":
		return s.Kind
	case len(s.Enum) > 0:
		return "options"
	case len(s.Types) == 1:
		return s.Types[0]
	}
	return "string"
}
