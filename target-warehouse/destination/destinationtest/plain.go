package destinationtest

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/table"
)

// plainNull is what plain gives for NULL, which no value is spelled like.
const plainNull = "\x00NULL"

// plain spells a value so that it is the same in every type that can hold it: what a column held as a number before it
// was widened, it must hold as text or JSON after. No digit is lost on the way: numbers are compared as decimals.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return plainNull
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return plainText(strconv.FormatFloat(v, 'g', -1, 64))
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return plainText(value.(string))
}

func plainText(text string) string {
	if strings.HasPrefix(text, `"`) {
		var unquoted string
		if json.Unmarshal([]byte(text), &unquoted) == nil {
			text = unquoted
		}
	}
	if text == "" || strings.Trim(text, "+-.eE0123456789") != "" {
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC().Format(time.RFC3339Nano)
			}
		}
		return text
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Format(time.RFC3339Nano)
	}
	if number, ok := new(big.Rat).SetString(text); ok {
		return number.RatString()
	}
	return text
}

// plainRows spells rows, in the order of their text.
func plainRows(rows []Row) [][]string {
	var all [][]string
	for _, row := range rows {
		var texts []string
		for _, v := range row {
			texts = append(texts, plain(v))
		}
		all = append(all, texts)
	}
	slices.SortFunc(all, slices.Compare)
	return all
}

// expectPlain compares the rows of a table as plain spells them, without regard to their order.
func (s *session) expectPlain(t *table.Table, want ...Row) {
	s.Helper()
	wantPlain(s.T, s.read(t), want...)
}

func wantPlain(t *testing.T, got []Row, want ...Row) {
	t.Helper()
	wanted, have := plainRows(want), plainRows(got)
	if !slices.EqualFunc(wanted, have, slices.Equal) {
		t.Errorf("rows (-want +got):\n%s", gocmp.Diff(wanted, have))
	}
}
