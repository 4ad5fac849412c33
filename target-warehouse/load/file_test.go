package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func batchOf(manifest ...string) string {
	for i := range manifest {
		manifest[i] = fmt.Sprintf("%q", manifest[i])
	}
	return `{"type":"BATCH","stream":"users","encoding":{"format":"jsonl","compression":"none"},"manifest":[` + strings.Join(manifest, ",") + "]}\n"
}

// lines writes a file of users and returns its path.
func lines(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "batch.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestABatchIsAUnitOfTheLedger(t *testing.T) {
	first := lines(t, "{\"id\":2,\"name\":\"b\"}\n\n{\"id\":3,\"name\":\"c\"}\n")
	second := lines(t, `{"id":1,"name":"z"}`)
	in := usersSchema + user(1, "a") + state(1) + batchOf(first, second) + state(2) + user(3, "d") + state(3)
	w := newMemoryWarehouse()
	w.emitted = func(state string) {
		if state == `{"n": 2}` && len(w.rows("users")) != 3 {
			t.Errorf("state %s left with %v", state, w.rows("users"))
		}
	}
	got := loadText(t, w, strings.NewReader(in), Options{BatchRows: 1, DeleteBatches: true})
	if diff := cmp.Diff(map[string]string{"1;": "id=1 name=z ", "2;": "id=2 name=b ", "3;": "id=3 name=d "}, got.rows); diff != "" || got.err != nil {
		t.Errorf("failure %v, rows (-want +got):\n%s", got.err, diff)
	}
	if got.run.RowsIn != 5 || got.states[len(got.states)-1] != `{"n": 3}` {
		t.Errorf("run %+v, states %v", got.run, got.states)
	}
	for _, path := range []string{first, second} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was loaded and is still there", path)
		}
	}
}

func TestABatchThatFailsIsToldByFileAndLine(t *testing.T) {
	path := lines(t, "{\"id\":2}\n{\"id\":3}\n{\"name\":\"no key\"}\n")
	for _, c := range []struct{ name, in, want string }{
		{"a bad record", usersSchema + batchOf(path), "line 3"},
		{"no file", usersSchema + batchOf(path+".missing"), ".missing"},
		{"no schema", batchOf(path), "before its SCHEMA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := loadText(t, newMemoryWarehouse(), strings.NewReader(c.in+state(1)), Options{DeleteBatches: true})
			if got.err == nil || !strings.Contains(got.err.Error(), c.want) || len(got.states) != 0 {
				t.Errorf("failure %v, want one with %q; states %v", got.err, c.want, got.states)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("a file that was not loaded whole: %v", err)
			}
		})
	}
}

// TestALargeBatchIsReadInPieces loads more than a step holds.
func TestALargeBatchIsReadInPieces(t *testing.T) {
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, `{"id":%d,"name":"%0100d"}`+"\n", i, i)
	}
	got := loadText(t, newMemoryWarehouse(), strings.NewReader(usersSchema+batchOf(lines(t, text.String()))+state(1)), Options{})
	if got.err != nil || len(got.rows) != 40_000 || len(got.states) != 1 {
		t.Errorf("failure %v, %d rows, states %v", got.err, len(got.rows), got.states)
	}
}
