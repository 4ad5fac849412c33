package singer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
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
	streams      func(ctx context.Context, run *TargetRun) ([]string, error) // nil: it knows none
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

// commit returns what the go command recorded of the commit that was built, "" and no time if it recorded none.
func commit() (name string, at time.Time) {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "", at
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			name = s.Value[:min(len(s.Value), 12)] + name
		case "vcs.time":
			at, _ = time.Parse(time.RFC3339, s.Value)
		case "vcs.modified":
			if s.Value == "true" {
				name += " with changes"
			}
		}
	}
	return name, at
}

func (p *program) printVersion(w io.Writer) error {
	facts := fmt.Sprintf("%s, %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if name, at := commit(); name != "" {
		facts += fmt.Sprintf(", commit %s of %s", name, at.Format(time.DateOnly))
	}
	_, err := fmt.Fprintf(w, "%s %s (%s)\n", p.name, p.version, facts)
	return err
}

const protocolNote = "stdout carries the protocol alone; logs go to stderr."

var exitCodes = []struct{ code, meaning string }{
	{"0", "done; also of a target that was told to stop and has stored what it had read"},
	{"1", "failed"},
	{"2", "usage or config"},
	{"3", "credentials or permission"},
	{"4", "the other side stayed unavailable after all retries"},
	{"130, 143", "cut short by SIGINT, SIGTERM"},
}

// overview begins the help.
func (p *program) overview() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n%s --about lists the settings.\n\nExit codes:\n", p.description, protocolNote)
	for _, c := range exitCodes {
		fmt.Fprintf(&text, "  %-8s  %s\n", c.code, c.meaning)
	}
	return text.String()
}

// examples are the usual calls.
func (p *program) examples() string {
	text := `  # list the streams
  NAME --config tap.json --discover > catalog.json
  # sync them, and the next time go on from the last state
  NAME --config tap.json --catalog catalog.json | target-warehouse --config target.json > states.jsonl
  tail -n 1 states.jsonl > state.json
  NAME --config tap.json --catalog catalog.json --state state.json | target-warehouse --config target.json >> states.jsonl`
	if p.kind == kindTarget {
		text = `  # load what a tap sends
  tap-stripe --config tap.json | NAME --config target.json > states.jsonl
  # load a file of messages with settings of the environment
  NAME --config ENV --input messages.jsonl`
	}
	return strings.ReplaceAll(text, "NAME", p.name)
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
