package decode

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"tapline/target-warehouse/table"
)

// TestDecimalsHaveOneSpelling lists spellings of numbers in a column of any length; equal numbers must look alike.
func TestDecimalsHaveOneSpelling(t *testing.T) {
	for want, spellings := range map[string][]string{
		"0":         {`0`, `-0`, `0.000`, `-0e5`, `"0"`, `"+0"`, `"-.0"`, `"000"`, `0e999999999999`, `"0E-7"`},
		"0.0000001": {`1E-7`, `1e-07`, `0.0000001`, `0.00000010`, `"1E-7"`, `"0.0000001000"`, `".0000001"`, `"+1e-7"`, `"10e-8"`},
		"12.5":      {`12.50`, `125e-1`, `1.25E+1`, `"12.5"`, `"0012.500"`, `"\u0031\u0032.5"`, `"1.25e1"`},
		"-100":      {`-100`, `-1e2`, `-100.0`, `"-100."`, `"-1.00e+2"`},
		"12345678901234567890123456789012345678901234567890.0123": {`12345678901234567890123456789012345678901234567890.0123`,
			`"1234567890123456789012345678901234567890123456789.00123E1"`},
		strings.Repeat("9", maxDigits):                {strings.Repeat("9", maxDigits), `"` + strings.Repeat("9", maxDigits) + `.0"`},
		"0." + strings.Repeat("0", maxDigits-2) + "1": {`1e-1999`},
	} {
		for _, spelling := range spellings {
			got, reason := one(t, `{"type":["string","null"],"format":"singer.decimal"}`, spelling)
			if got != want || reason != "" {
				t.Errorf("%.80s becomes %.80v (%s), want %.80s", spelling, got, reason, want)
			}
		}
	}
}

func TestAStringIsADecimalOnlyWhereTheSchemaAllowsStrings(t *testing.T) {
	const integers = `{"type":"integer","maximum":1e30}`
	d := newPlan(t, `"v":`+integers, table.Options{}).NewDecoder()
	if typ := d.plan.Table().Columns[0].Type; typ != table.Decimal {
		t.Fatalf("%s makes a column of type %s", integers, typ)
	}
	appendAll(t, d, `{"v":"1"}`, `{"v":1}`)
	if rejects := d.Rejects(); len(rejects) != 1 || !strings.Contains(rejects[0].Reason, wrongKind) {
		t.Errorf("the rejects are %v", rejects)
	}
	cells := columnOf(t, d.Batch())
	if cells[0] != nil || cells[1] != "1" {
		t.Errorf("the column is %v", cells)
	}
}

var decimalText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)

// FuzzDecimal holds what is taken for a decimal against a regular expression, and its value and spelling against math/big.
func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"1E-7", "-0.50", "+.5", "5.", ".", "e5", "1e", "0x1", "00012", "1e+1999", "-1e2000", "", "१"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ok := isDecimal([]byte(text))
		if want := decimalText.MatchString(text); ok != want {
			t.Fatalf("%q is a decimal: %v, want %v", text, ok, want)
		}
		if !ok || longExponent.MatchString(text) {
			return
		}
		n := decimalOf(nil, []byte(text))
		written := string(n.appendTo(nil))
		if digits := len(strings.TrimPrefix(strings.Replace(written, ".", "", 1), "-")); digits != n.length() {
			t.Fatalf("%q is written as %s, with %d digits, but has the length %d", text, written, digits, n.length())
		}
		want, _ := new(big.Rat).SetString(text)
		got, _ := new(big.Rat).SetString(written)
		places, _ := want.FloatPrec()
		if got.Cmp(want) != 0 || written != want.FloatString(places) {
			t.Fatalf("%q is written as %s, want %s", text, written, want.FloatString(places))
		}
		whole, fraction, _ := strings.Cut(strings.TrimPrefix(written, "-"), ".")
		if whole = strings.TrimPrefix(whole, "0"); n.whole() != len(whole) || n.scale() != len(fraction) {
			t.Fatalf("%s has %d digits before the point and %d behind it, not %d and %d", written, len(whole), len(fraction), n.whole(), n.scale())
		}
	})
}
