package singer

import "strings"

// roff is a text in the macros of man(7).
type roff struct{ strings.Builder }

// macro begins a line that the formatter acts on.
func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		r.WriteString(` "` + strings.ReplaceAll(escaped(arg), `"`, `\(dq`) + `"`)
	}
	r.WriteString("\n")
}

// lines adds text as it is.
func (r *roff) lines(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			r.WriteString(`\&`)
		}
		r.WriteString(escaped(line))
	}
	r.WriteString("\n")
}

// item adds a term and what it means.
func (r *roff) item(term, meaning string) {
	r.macro("TP")
	r.macro("B", term)
	if meaning != "" {
		r.lines(meaning)
	}
}

// verbatim adds text whose lines stay apart.
func (r *roff) verbatim(text string) {
	r.macro("nf")
	r.lines(text)
	r.macro("fi")
}

// escaped makes of text what stands for itself in a page; a hyphen becomes a minus, so that flags can be copied.
func escaped(text string) string { return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text) }
