package postgres

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgtype"

	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

func TestWithoutNULEscapeReplacesTheEscapeAtEveryDepth(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{}`, `{}`},
		{`"\u0000"`, `"\ufffd"`},
		{`{"a\u0000":["\u0000\u0000",{"b":"x\u0000y"}]}`, `{"a\ufffd":["\ufffd\ufffd",{"b":"x\ufffdy"}]}`},
		{`"\\u0000"`, `"\\u0000"`},
		{`"\\\u0000"`, `"\\\ufffd"`},
		{`"\\\\u0000 \u0000"`, `"\\\\u0000 \ufffd"`},
		{`"\u00000"`, `"\ufffd0"`},
		{`"\u0001\\"`, `"\u0001\\"`},
	} {
		got, changed := withoutNULEscape(c.text)
		if got != c.want || changed != (c.text != c.want) {
			t.Errorf("%s becomes %s, changed: %v; want %s", c.text, got, changed, c.want)
		}
	}
}

func FuzzWithoutNULEscape(f *testing.F) {
	for _, seed := range []string{`"\u0000"`, `"\\u0000"`, `{"\u0000":"\\\u0000"}`, `[1,"\\\\u0000"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var before, after any
		// Two names that become one would need to be told apart by their order, which is lost here.
		if json.Unmarshal([]byte(text), &before) != nil || strings.Contains(fmt.Sprint(before), "\uFFFD") {
			return
		}
		got, _ := withoutNULEscape(text)
		if err := json.Unmarshal([]byte(got), &after); err != nil {
			t.Fatalf("%q becomes %q: %v", text, got, err)
		}
		if diff := gocmp.Diff(replaceNUL(before), after); diff != "" {
			t.Errorf("%q becomes %q (-want +got):\n%s", text, got, diff)
		}
	})
}

// replaceNUL is the plain way to do what withoutNULEscape does.
func replaceNUL(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", "\uFFFD")
	case []any:
		for i := range v {
			v[i] = replaceNUL(v[i])
		}
	case map[string]any:
		changed := map[string]any{}
		for name, member := range v {
			changed[replaceNUL(name).(string)] = replaceNUL(member)
		}
		return changed
	}
	return value
}

func TestCopyFormatDoesNotDependOnHowItIsRead(t *testing.T) {
	tab := &table.Table{Columns: []table.Column{{Name: "a", Type: table.Integer}, {Name: "b", Type: table.Text}}}
	var batches []*table.Batch
	for i := range int64(3) {
		batches = append(batches, destinationtest.Batch(Allocator(), tab, i*10, destinationtest.Row{i, "x\x00"}, destinationtest.Row{nil, nil}))
	}
	read := func(wrap func(io.Reader) io.Reader) string {
		s := newRowSource(batches, []*column{
			{index: 0, holding: (&stored{oid: pgtype.Int8OID, modifier: -1}).hold(tab.Columns[0])},
			{index: 1, holding: (&stored{oid: pgtype.TextOID, modifier: -1}).hold(tab.Columns[1])},
		})
		s.numbered = true
		s.take = func(position int64) bool { return position != 1 }
		text, err := io.ReadAll(wrap(s))
		if err != nil || s.replaced[1].nul != 3 {
			t.Errorf("failure %v, %d values replaced", err, s.replaced[1].nul)
		}
		return string(text)
	}
	whole := read(func(r io.Reader) io.Reader { return r })
	if got := read(iotest.OneByteReader); got != whole {
		t.Errorf("read by bytes %q, at once %q", got, whole)
	}
	if want := copyHeader + "\x00\x03\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04x\uFFFD" +
		"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03"; !strings.HasPrefix(whole, want) || !strings.HasSuffix(whole, "\x05\xff\xff") {
		t.Errorf("the format is %q", whole)
	}
}

func TestStoppedSourceTouchesNoBatch(t *testing.T) {
	s := newRowSource([]*table.Batch{nil}, nil)
	s.stop()
	if n, err := s.Read(make([]byte, 100)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("read %d bytes, failure %v", n, err)
	}
}
