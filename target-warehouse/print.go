package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"tapline/singer"
)

// show prints rows for people, under the names of the columns, or document for machines, as --format asks.
func show(out io.Writer, run *singer.TargetRun, document any, columns []string, rows [][]string) error {
	if run.Options["format"] == "json" {
		return printJSON(out, document)
	}
	return printTable(out, append([][]string{columns}, rows...))
}

// printJSON prints a document.
func printJSON(out io.Writer, document any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}

// printTable prints rows in columns that are as wide as they must be. What would break the lines is escaped.
func printTable(out io.Writer, rows [][]string) error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, oneLine(cell))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine replaces control characters, which could also mislead a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// document is JSON for showing: what is no JSON is shown as a string.
func document(text []byte) json.RawMessage {
	if text == nil || json.Valid(text) {
		return text
	}
	quoted, _ := json.Marshal(string(text)) // a string always encodes
	return quoted
}

func qualified(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if d := now.Sub(t); d > -time.Second && d < time.Second {
		return "just now"
	}
	return humanize.RelTime(t, now, "ago", "from now")
}

// span is a length of time in at most two units.
func span(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return d.Round(10 * time.Millisecond).String()
}
