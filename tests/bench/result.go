package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
)

// Result is what a case came to.
type Result struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
	// Ours and Reference are medians, of seconds or, with Memory, of bytes.
	Ours       float64 `json:"ours"`
	Reference  float64 `json:"reference"`
	Memory     bool    `json:"memory,omitempty"`
	Ratio      float64 `json:"ratio"`
	Goal       float64 `json:"goal"`
	PeakMemory int64   `json:"peak_memory"` // of target-warehouse, in bytes; the median of the runs' peaks
	CPU        float64 `json:"cpu"`         // seconds of processor time that it took
	// OursAll and ReferenceAll are the runs behind the medians, in their order.
	OursAll      []float64 `json:"ours_all,omitempty"`
	ReferenceAll []float64 `json:"reference_all,omitempty"`
	Failure      string    `json:"failure,omitempty"` // why the case could not run
}

// fill computes the figures from the samples.
func (r *Result) fill(ours, reference []sample) {
	figure := func(s sample) float64 { return s.wall.Seconds() }
	if r.Memory {
		figure = func(s sample) float64 { return float64(s.memory) }
	}
	r.OursAll, r.ReferenceAll = collect(ours, figure), collect(reference, figure)
	r.Ours, r.Reference = median(r.OursAll), median(r.ReferenceAll)
	r.Ratio = r.Reference / r.Ours
	if r.Memory {
		r.Ratio = r.Ours / r.Reference
	}
	r.PeakMemory = int64(median(collect(ours, func(s sample) float64 { return float64(s.memory) })))
	r.CPU = median(collect(ours, func(s sample) float64 { return s.cpu.Seconds() }))
}

func collect(samples []sample, figure func(sample) float64) (list []float64) {
	for _, s := range samples {
		list = append(list, figure(s))
	}
	return list
}

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// met tells whether the goal is reached.
func (r *Result) met() bool {
	if r.Memory {
		return r.Failure == "" && r.Ratio <= r.Goal
	}
	return r.Failure == "" && r.Ratio >= r.Goal
}

func printTable(out io.Writer, results []Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\trows\tours\treference\tratio\tgoal\tpeak memory\trows/s\t")
	for _, r := range results {
		ours, reference, speed, goal := fmt.Sprintf("%.2f s", r.Ours), fmt.Sprintf("%.2f s", r.Reference), fmt.Sprintf("%.0f", float64(r.Rows)/r.Ours), "at least"
		if r.Memory {
			ours, reference, speed, goal = megabytes(r.Ours), megabytes(r.Reference), "", "at most"
		}
		if r.Failure != "" {
			continue
		}
		verdict := "missed"
		if r.met() {
			verdict = "met"
		}
		goal += fmt.Sprintf(" %g, %s", r.Goal, verdict)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.2f\t%s\t%s\t%s\t\n", r.Name, r.Rows, ours, reference, r.Ratio, goal, megabytes(float64(r.PeakMemory)), speed)
	}
	w.Flush()
	for _, r := range results {
		if r.Failure != "" {
			fmt.Fprintf(out, "%s could not run: %s\n", r.Name, r.Failure)
		}
	}
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }

// keepResults writes results into a file, each in the place of the one of the same name; those of other cases stay.
func keepResults(path string, results []Result) error {
	var all []Result
	switch text, err := os.ReadFile(path); {
	case err == nil:
		if err := json.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("reading the results of earlier runs in %s: %w", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, r := range results {
		if at := slices.IndexFunc(all, func(old Result) bool { return old.Name == r.Name }); at >= 0 {
			all[at] = r
		} else {
			all = append(all, r)
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
