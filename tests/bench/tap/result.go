package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Result is what a case came to.
type Result struct {
	Name    string   `json:"name"`
	Figures []Figure `json:"figures,omitempty"`
	Failure string   `json:"failure,omitempty"` // why the case could not run
}

// Figure is one number that was measured, and its goal if it has one.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	// AtLeast and AtMost are goals; 0 is none.
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
}

// verdict says whether the goal is reached.
func (f Figure) verdict() string {
	words, goal, met := "", 0.0, true
	switch {
	case f.AtLeast != 0:
		words, goal, met = "at least", f.AtLeast, f.Value >= f.AtLeast
	case f.AtMost != 0:
		words, goal, met = "at most", f.AtMost, f.Value <= f.AtMost
	default:
		return ""
	}
	reached := "met"
	if !met {
		reached = "missed"
	}
	return fmt.Sprintf("%s %g, %s", words, goal, reached)
}

func printTable(out io.Writer, results []Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\tfigure\tvalue\tgoal\t")
	for _, r := range results {
		for _, f := range r.Figures {
			fmt.Fprintf(w, "%s\t%s\t%.4g %s\t%s\t\n", r.Name, f.Name, f.Value, f.Unit, f.verdict())
		}
	}
	w.Flush()
	for _, r := range results {
		if r.Failure != "" {
			fmt.Fprintf(out, "%s could not run: %s\n", r.Name, r.Failure)
		}
	}
}
