// Command compare-inputs writes the rows that the comparison with other tools loads:
//
//	compare-inputs --input charges --rows 1000 --form singer >charges.singer
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tapline/tests/bench/inputs"
)

func main() {
	name := flag.String("input", "charges", "the rows to write: "+strings.Join(names(), ", "))
	rows := flag.Int("rows", 1000, "how many of them")
	generation := flag.Int("generation", 0, "0, or 1 for the same rows with another status")
	form := flag.String("form", "singer", "singer for a Singer stream, jsonl for bare records")
	flag.Parse()
	if err := write(os.Stdout, *name, *form, *rows, *generation); err != nil {
		fmt.Fprintln(os.Stderr, "compare-inputs:", err)
		os.Exit(1)
	}
}

func names() (list []string) {
	for _, in := range inputs.All {
		list = append(list, in.Name)
	}
	return list
}

func write(w io.Writer, name, form string, rows, generation int) error {
	at := slices.Index(names(), name)
	switch {
	case at < 0:
		return fmt.Errorf("there is no input %q: choose one of %s", name, strings.Join(names(), ", "))
	case generation != 0 && generation != 1:
		return fmt.Errorf("there is no generation %d: choose 0 or 1", generation)
	case form == "singer":
		return inputs.All[at].WriteStream(w, rows, generation)
	case form == "jsonl":
		return inputs.All[at].WriteRecords(w, rows, generation)
	default:
		return fmt.Errorf("there is no form %q: choose singer or jsonl", form)
	}
}
