package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestArithmeticOfTheComparison runs the tests of the Python modules beside this folder, which need its standard library alone.
func TestArithmeticOfTheComparison(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no python3")
	}
	cmd := exec.Command(python, "-B", "-m", "unittest", "discover", "-s", ".", "-t", ".")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil || !regexp.MustCompile(`(?m)^Ran [1-9]\d+ tests`).Match(out) {
		t.Fatalf("python3 -m unittest: %v\n%s", err, out)
	}
}
