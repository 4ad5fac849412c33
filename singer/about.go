package singer

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
)

// program is what a tap and a target have in common.
type program struct {
	kind         kind
	name         string
	version      string
	description  string
	config       []byte // JSON Schema
	capabilities []string
	commands     []Command
}

type kind string

const (
	kindTap    kind = "tap"
	kindTarget kind = "target"
)

// envPrefix is what the names of the program's environment variables begin with, such as "TAP_STRIPE_".
func (p *program) envPrefix() string { return envName(p.name) + "_" }

// buildVersion returns the version that was built in, else the one that the go command recorded.
func buildVersion(set string) string {
	if set != "" && set != "dev" {
		return set
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func (p *program) printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s %s (%s, %s/%s)\n", p.name, p.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

const exitCodes = `Exit codes:
  0 done   1 failed   2 usage or config   3 credentials or permission   4 other side unavailable after retries
  130, 143 cut short by SIGINT, SIGTERM
`

// printHelp prints one screen.
func (p *program) printHelp(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n\nUsage:\n", p.name, p.description)
	if p.kind == kindTap {
		fmt.Fprintf(&text, "  %s --config FILE --discover > catalog.json\n", p.name)
		fmt.Fprintf(&text, "  %s --config FILE [--catalog FILE] [--state FILE] | target > states.jsonl\n", p.name)
	} else {
		fmt.Fprintf(&text, "  tap | %s --config FILE > states.jsonl\n", p.name)
	}
	for _, c := range p.commands {
		fmt.Fprintf(&text, "  %s: %s\n", c.usage(p), c.Help)
	}
	text.WriteString("\nFlags:\n")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, o := range new(flags).options(p) {
		fmt.Fprintf(table, "  %s\t%s\n", o.spelling(), o.help)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text.WriteString("\n--about lists the settings. stdout carries the protocol alone; logs go to stderr.\n\n" + exitCodes)
	_, err := io.WriteString(w, text.String())
	return err
}

func (o option) spelling() string {
	text := "    --" + o.name
	if o.short != "" {
		text = "-" + o.short + ", --" + o.name
	}
	switch {
	case o.choice != nil:
		return text + "[=" + o.arg + "]"
	case o.arg != "":
		return text + " " + o.arg
	}
	return text
}

// printAbout describes the program; its JSON has the keys of the Meltano SDK's.
//
// https://sdk.meltano.com/en/latest/implementation/cli.html
func (p *program) printAbout(w io.Writer, format string) error {
	root, _, err := parseSettings(p.config)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return p.aboutJSON(w)
	case "markdown":
		return p.aboutMarkdown(w, root)
	case "meltano":
		return p.aboutMeltano(w, root)
	}
	return p.aboutText(w, root)
}

func (p *program) aboutJSON(w io.Writer) error {
	schema := json.RawMessage(p.config)
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return printJSON(w, struct {
		Name         string          `json:"name"`
		Description  string          `json:"description"`
		Version      string          `json:"version"`
		SDKVersion   string          `json:"sdk_version"`
		Capabilities []string        `json:"capabilities"`
		Settings     json.RawMessage `json:"settings"`
		EnvVarPrefix string          `json:"env_var_prefix"`
	}{p.name, p.description, p.version, "tapline " + p.version, p.capabilities, schema, p.envPrefix()})
}

// printJSON prints a document for people and programs.
func printJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}

func (p *program) aboutMarkdown(w io.Writer, root *setting) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# %s\n\n%s\n\nVersion: %s\n\n## Capabilities\n\n", p.name, p.description, p.version)
	for _, c := range p.capabilities {
		fmt.Fprintf(&text, "- `%s`\n", c)
	}
	fmt.Fprintf(&text, "\n## Settings\n\nEnvironment variables begin with `%s`.\n\n", p.envPrefix())
	text.WriteString("| setting | type | required | default | description |\n|---|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, s := range root.Properties {
		def := ""
		if s.Default != nil {
			def = "`" + string(s.Default) + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s |\n", s.Name, s.Types, yes(s.requiredIn(root)), cell.Replace(def), cell.Replace(s.describe()))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (p *program) aboutText(w io.Writer, root *setting) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %s\n\nCapabilities: %s\n\nSettings (* required; in the environment %s<SETTING>):\n",
		p.name, p.version, p.description, strings.Join(p.capabilities, ", "), p.envPrefix())
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, s := range root.Properties {
		star := " "
		if s.requiredIn(root) {
			star = "*"
		}
		about := s.describe()
		if s.Default != nil {
			about = strings.TrimSpace(about + " Default: " + string(s.Default) + ".")
		}
		fmt.Fprintf(table, "%s %s\t%s\t%s\n", star, s.Name, s.Types, about)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func (s *setting) requiredIn(root *setting) bool { return slices.Contains(root.Required, s.Name) }

// describe adds to a description what else a user has to know.
func (s *setting) describe() string {
	text := s.Description
	if len(s.Enum) > 0 {
		text += " One of " + choices(s.Enum, ", ") + "."
	}
	if s.Sensitive {
		text += " A secret: written out, or as file:PATH or env:NAME."
	}
	return strings.TrimSpace(text)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}
