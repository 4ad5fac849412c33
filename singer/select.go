package singer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Select selects streams and properties by patterns as Meltano writes them, whatever the metadata says. It is meant to
// be called once, before anything else is asked of the streams. No patterns change nothing.
//
// A pattern is a stream and, behind a dot, a property: "charges.amount". Both may contain * and ? and [classes]; a
// backslash takes a dot's meaning away. A property in a property follows behind another dot: "charges.outcome.type"; it
// is sent in the properties around it. A pattern for a property selects everything in it. A pattern without a property
// stands for all of them. Behind a ! a pattern excludes, and what any pattern excludes is excluded; * in it then reaches
// into nested properties: "!*.*email*" leaves no email at any depth. If every pattern excludes, all else is selected.
//
// Unsupported streams and properties are never selected, automatic properties are in every selected stream. A stream
// none of whose properties is selected is not.
//
// A pattern that matches nothing is a fault, listed with all others in a [*ConfigError]; nothing is changed then.
//
// https://docs.meltano.com/concepts/plugins#select-extra
func (c *Catalog) Select(patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	var parsed []*pattern
	var faults faultList
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			faults.add("The pattern %q %v.", text, err)
			continue
		}
		parsed = append(parsed, p)
	}
	trees := make([]*property, len(c.Streams))
	for i, s := range c.Streams {
		trees[i] = propertiesOf(s.Schema, maxDepth)
	}
	for _, p := range parsed {
		c.check(p, trees, &faults)
	}
	if len(faults) > 0 {
		return &ConfigError{Source: "select", Faults: faults}
	}
	if !slices.ContainsFunc(parsed, func(p *pattern) bool { return !p.exclude }) {
		parsed = append(parsed, everything)
	}
	for i, s := range c.Streams {
		chosen := &selection{tree: trees[i]}
		for _, p := range parsed {
			if p.names(s) {
				chosen.patterns = append(chosen.patterns, p)
			}
		}
		chosen.selected = chosen.any(s.choices())
		s.patterns = chosen
	}
	return nil
}

// pattern is one select pattern.
type pattern struct {
	text    string
	exclude bool
	stream  glob
	steps   []glob // one for each property on the way
	whole   glob   // all steps as one, with dots between them: * then matches dots, too
}

var everything = &pattern{text: "*.*", stream: newGlob("*"), steps: []glob{newGlob("*")}, whole: newGlob("*")}

func parsePattern(text string) (*pattern, error) {
	body, exclude := strings.CutPrefix(text, "!")
	parts := splitDots(body)
	if len(parts) == 1 {
		parts = append(parts, "*")
	}
	if slices.Contains(parts, "") {
		return nil, fmt.Errorf("lacks a name; write stream.property, as in %q or %q", "charges.amount", "!*.metadata")
	}
	p := &pattern{text: text, exclude: exclude, stream: newGlob(parts[0]), whole: newGlob(strings.Join(parts[1:], "."))}
	for _, step := range parts[1:] {
		p.steps = append(p.steps, newGlob(step))
	}
	return p, nil
}

// splitDots splits at dots without a backslash before them.
func splitDots(s string) []string {
	parts := []string{""}
	for i := 0; i < len(s); i++ {
		last := len(parts) - 1
		switch {
		case s[i] == '\\' && i+1 < len(s):
			parts[last] += s[i : i+2]
			i++
		case s[i] == '.':
			parts = append(parts, "")
		default:
			parts[last] += s[i : i+1]
		}
	}
	return parts
}

func (p *pattern) names(s *Stream) bool { return p.stream.match(s.ID) || p.stream.match(s.Name) }

// leads reports whether the path leads to what the pattern asks for, or is in it.
func (p *pattern) leads(path []string) bool {
	for i := range min(len(path), len(p.steps)) {
		if !p.steps[i].match(path[i]) {
			return false
		}
	}
	return true
}

// glob is a shell pattern for a name: *, ? and classes like [a-z] or [!a-z].
type glob struct {
	literal string // the name without backslashes, if re is nil
	re      *regexp.Regexp
}

func newGlob(text string) glob {
	var expression, literal strings.Builder
	special := false
	for i := 0; i < len(text); i++ {
		class := strings.IndexByte(text[i:], ']')
		switch {
		case text[i] == '*':
			special = true
			expression.WriteString(".*")
		case text[i] == '?':
			special = true
			expression.WriteByte('.')
		case text[i] == '[' && class > 1 && text[i:i+3] != "[!]":
			special = true
			inner := strings.ReplaceAll(strings.ReplaceAll(text[i+1:i+class], `\`, `\\`), `[`, `\[`)
			if negated, ok := strings.CutPrefix(inner, "!"); ok {
				inner = "^" + negated
			} else if inner[0] == '^' {
				inner = `\` + inner
			}
			expression.WriteString("[" + inner + "]")
			i += class
		default:
			if text[i] == '\\' && i+1 < len(text) {
				i++
			}
			literal.WriteByte(text[i])
			expression.WriteString(regexp.QuoteMeta(text[i : i+1]))
		}
	}
	g := glob{literal: literal.String()}
	if special {
		// A class that is none, such as [z-a], matches nothing but itself.
		if re, err := regexp.Compile("(?s)^" + expression.String() + "$"); err == nil {
			return glob{re: re}
		}
		g.literal = text
	}
	return g
}

func (g glob) match(name string) bool {
	if g.re != nil {
		return g.re.MatchString(name)
	}
	return g.literal == name
}

// selection is what patterns say about a stream.
type selection struct {
	patterns []*pattern // those that name the stream
	tree     *property
	selected bool
}

// includes reports whether a pattern asks for the property at path, for one around it or for one in it; known is what
// the schema says about the property.
func (c *selection) includes(path []string, known *property) bool {
	return slices.ContainsFunc(c.patterns, func(p *pattern) bool {
		return !p.exclude && p.leads(path) && (len(path) >= len(p.steps) || known.leads(p.steps[len(path):]))
	})
}

// excludes reports whether a pattern excludes the property at path itself.
func (c *selection) excludes(path []string) bool {
	name := ""
	for _, p := range c.patterns {
		if !p.exclude {
			continue
		}
		if name == "" {
			name = strings.Join(path, ".")
		}
		if p.whole.match(name) {
			return true
		}
	}
	return false
}

// any reports whether the patterns select a property of the stream. Where the schema names none, asking for any will do.
func (c *selection) any(said *choice) bool {
	if len(c.tree.fields) == 0 {
		wanted := func(p *pattern) bool { return !p.exclude }
		return slices.ContainsFunc(c.patterns, wanted) && !c.excludes([]string{"*"})
	}
	return slices.ContainsFunc(c.tree.fields, func(field *property) bool {
		path := []string{field.name}
		unsupported := said.fields[field.name] != nil && said.fields[field.name].inclusion == "unsupported"
		return !unsupported && c.includes(path, field) && !c.excludes(path)
	})
}

// check adds a fault if a pattern matches no stream or no property; trees are the streams' properties.
func (c *Catalog) check(p *pattern, trees []*property, faults *faultList) {
	var streams []string
	var named []*property
	for i, s := range c.Streams {
		streams = append(streams, s.ID)
		if p.names(s) {
			named = append(named, trees[i])
		}
	}
	if len(named) == 0 {
		faults.add("The pattern %q matches no stream%s", p.text, suggestion(p.stream, streams))
		return
	}
	for _, tree := range named {
		if tree.leads(p.steps) || p.exclude && tree.has(p.whole, "") {
			return
		}
	}
	faults.add("The pattern %q matches no property%s", p.text, suggestSteps(p.steps, named))
}

// suggestSteps suggests a name for the first step that leads nowhere.
func suggestSteps(steps []glob, trees []*property) string {
	for _, step := range steps {
		var names []string
		var next []*property
		for _, tree := range trees {
			for _, field := range tree.fields {
				names = append(names, field.name)
				if step.match(field.name) {
					next = append(next, field)
				}
			}
		}
		if len(next) == 0 {
			return suggestion(step, names)
		}
		trees = next
	}
	return "."
}

// suggestion ends a sentence about a name that is unknown.
func suggestion(g glob, candidates []string) string {
	if g.re != nil {
		return "."
	}
	if best := nearest(g.literal, candidates); best != "" {
		return fmt.Sprintf(": %q is unknown. Did you mean %q?", g.literal, best)
	}
	return fmt.Sprintf(": %q is unknown.", g.literal)
}
