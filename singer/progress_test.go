package singer

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// screen is a terminal that is wide and high enough for everything. It knows what the display makes use of.
type screen struct {
	lines       []string
	row, column int
}

var codes = regexp.MustCompile("^\x1b\\[([0-9]*)([A-Z])")

func (s *screen) Write(text []byte) (int, error) {
	for i := 0; i < len(text); i++ {
		for len(s.lines) <= s.row {
			s.lines = append(s.lines, "")
		}
		switch code := codes.FindSubmatch(text[i:]); {
		case code != nil && string(code[2]) == "J":
			s.lines = s.lines[:s.row+1]
			s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
			i += len(code[0]) - 1
		case code != nil && string(code[2]) == "A":
			up, _ := strconv.Atoi(string(code[1]))
			s.row -= up
			i += len(code[0]) - 1
		case text[i] == '\r':
			s.column = 0
		case text[i] == '\n':
			s.row, s.column = s.row+1, 0
		default:
			line := fmt.Sprintf("%-*s", s.column+1, s.lines[s.row])
			s.lines[s.row] = line[:s.column] + string(text[i]) + line[s.column+1:]
			s.column++
		}
	}
	return len(text), nil
}

func TestLinesOfTheOtherProgramStayWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal, metrics := &screen{}, &Metrics{}
		f := startProgress(terminal, metrics, time.Now())
		for i := range 5 {
			metrics.Records("charges", 1000)
			metrics.Records("customers", 10)
			time.Sleep(time.Second)
			synctest.Wait()
			fmt.Fprintf(terminal, "line %d of the tap, which does not know of the display and is longer than it\n", i)
			fmt.Fprintf(f, "line %d of the target\n", i)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		drawn := strings.Join(terminal.lines, "\n")
		for _, want := range []string{"5,050 rows", "charges  ", "customers  "} {
			if !strings.Contains(drawn, want) {
				t.Errorf("the display does not show %q:\n%s", want, drawn)
			}
		}
		f.end()
		if _, err := f.Write([]byte("late\n")); err == nil {
			t.Error("a display that has ended takes lines")
		}
		var want []string
		for i := range 5 {
			want = append(want, fmt.Sprintf("line %d of the tap, which does not know of the display and is longer than it", i),
				fmt.Sprintf("line %d of the target", i))
		}
		if diff := cmp.Diff(append(want, ""), terminal.lines); diff != "" {
			t.Errorf("the terminal in the end (-want +got):\n%s", diff)
		}
	})
}

func TestATapBeforeATargetLeavesTheTableToIt(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	got := runTap(t, shopTap(), IO{Terminal: true, Out: writer}, "--config", shopConfig(t))
	if got.code != ExitOK || strings.Contains(got.err, "rows/s") || !strings.Contains(got.err, "succeeded streams=") {
		t.Errorf("the tap ends with %d and shows\n%s", got.code, got.err)
	}
}

func TestNumbersStayInSightInANarrowWindow(t *testing.T) {
	stats := []streamStat{
		{Name: "customer_cash_balance_transactions", Rows: 1_234_567, PerSec: 1000},
		{Name: "charges", Rows: 12, PerSec: 3, Window: "2024-03 .. 2024-05"},
		{Name: "refunds", Window: "and 768 read"},
	}
	want := `customer_cash_balan 1,234,567   1,000/s
charges                    12       3/s
refunds                     0  and 768
`
	if diff := cmp.Diff(want, progressLines(stats, 39)); diff != "" {
		t.Errorf("the display differs (-want +got):\n%s", diff)
	}
	want = `customer_cash_balance_transactions     1,234,567      1,000/s
charges                                       12          3/s  2024-03 .. 2024-05
refunds                                        0  and 768 read
`
	if diff := cmp.Diff(want, progressLines(stats, 99)); diff != "" {
		t.Errorf("the wide display differs (-want +got):\n%s", diff)
	}
}

func TestASummaryInANarrowWindowLosesColumnsAndNoDigit(t *testing.T) {
	table := summaryTable([]streamStat{
		{Name: "charges", Rows: 1_234_567, Seconds: 10, PerSec: 123456.7, Window: "2024-03 .. 2024-05"}, {Name: "refunds", Rows: 5, Seconds: 1, PerSec: 5},
	}, 20*time.Second)
	tests := []struct {
		width int
		first string
	}{
		{100, "charges      1,234,567    123,456       10.0  2024-03 .. 2024-05"},
		{64, "charges      1,234,567    123,456       10.0  2024-03 .. 2024-05"},
		{63, "charges      1,234,567    123,456       10.0"},
		{40, "charges      1,234,567    123,456"},
		{32, "charges      1,234,567"},
		{21, "charges"},
		{5, "charges      1,234,567    123,456       10.0  2024-03 .. 2024-05"}, // nothing fits, so lines wrap
	}
	for _, test := range tests {
		lines := strings.Split(string(fitTable(table, test.width)), "\n")
		if lines[1] != test.first {
			t.Errorf("in %d columns the first stream is %q, want %q", test.width, lines[1], test.first)
		}
		if len(lines) != 5 {
			t.Errorf("in %d columns there are %d lines", test.width, len(lines))
		}
	}
}

func TestASummaryWithoutWindowsHasNoColumnForThem(t *testing.T) {
	if table := string(summaryTable([]streamStat{{Name: "charges", Rows: 1, Seconds: 1, PerSec: 1}}, time.Second)); strings.Contains(table, "window") {
		t.Errorf("the table is\n%s", table)
	}
}
