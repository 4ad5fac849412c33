package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A versionedSource sends rows 1 to 3 with a version, a state behind each, and activates the version. A state is the number
// of lines before it and its own.
const versionedSource = `{"type":"RECORD","stream":"users","version":5,"record":{"id":1}}
{"type":"STATE","value":{"position":2}}
{"type":"RECORD","stream":"users","version":5,"record":{"id":2}}
{"type":"STATE","value":{"position":4}}
{"type":"RECORD","stream":"users","version":5,"record":{"id":3}}
{"type":"STATE","value":{"position":6}}
{"type":"ACTIVATE_VERSION","stream":"users","version":5}
{"type":"STATE","value":{"position":8}}
`

const versionedSchema = `{"type":"SCHEMA","stream":"users","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}` + "\n"

// TestAVersionThatIsCutAnywhere loads five rows without a version, and then a version in which two of them are gone. That run
// is cut behind each of its lines, and another goes on from the stored state: from some of them it comes past no record.
func TestAVersionThatIsCutAnywhere(t *testing.T) {
	lines := strings.SplitAfter(versionedSource, "\n")
	for name, places := range map[string]func(t *testing.T) func(t *testing.T) *place{"duckdb": duckDBPlaces, "postgres": postgresPlaces} {
		t.Run(name, func(t *testing.T) {
			newPlace := places(t)
			for cut := range lines {
				for _, killed := range []bool{false, true} {
					hard := cut%2 == 0 != killed
					t.Run(fmt.Sprintf("behind %d lines, killed %t, hard deletes %t", cut, killed, hard), func(t *testing.T) {
						t.Parallel()
						p := newPlace(t)
						m := &matrix{place: p, dir: t.TempDir()}
						(&project{dir: m.dir}).write(t, "target.json", fmt.Sprintf(`{%s,"hard_delete":%t,"batch_wait_limit_seconds":0.02}`, p.settings, hard))
						before := versionedSchema
						for id := range 5 {
							before += fmt.Sprintf(`{"type":"RECORD","stream":"users","record":{"id":%d}}`+"\n", id+1)
						}
						m.whole(t, before+`{"type":"STATE","value":{"position":0}}`+"\n")
						m.cut(t, lines[:cut], killed)
						m.whole(t, versionedSchema+strings.Join(lines[m.stored(t):], ""))
						if diff := cmp.Diff([]string{"1 of version 5", "2 of version 5", "3 of version 5"}, m.alive(t)); diff != "" {
							t.Errorf("rows that are alive (-want +got):\n%s", diff)
						}
					})
				}
			}
		})
	}
}

// whole runs the target to the end of its input.
func (m *matrix) whole(t *testing.T, text string) {
	t.Helper()
	if _, stderr, err := m.run(strings.NewReader(text), nil); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
}

// cut gives the target some lines and then ends its input or, once the states among them have left, kills it.
func (m *matrix) cut(t *testing.T, lines []string, killed bool) {
	t.Helper()
	text := versionedSchema + strings.Join(lines, "")
	if !killed {
		m.whole(t, text)
		return
	}
	cmd := exec.Command("target-warehouse", "--config", "target.json")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = m.dir, &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, text); err != nil {
		t.Error(err)
	}
	states := bufio.NewScanner(out)
	last := fmt.Sprintf(`{"position":%d}`, len(lines)/2*2)
	for len(lines) > 1 && states.Scan() && states.Text() != last {
	}
	if len(lines) > 1 && states.Text() != last {
		t.Errorf("the target has ended with the state %q\n%s", states.Text(), stderr.String())
	}
	_ = cmd.Process.Kill() // it has not ended: its input is open
	_ = cmd.Wait()         // which tells of that
	m.place.killed(t)
}

// alive lists the rows of users that are not marked as deleted.
func (m *matrix) alive(t *testing.T) (list []string) {
	t.Helper()
	columns, rows := m.place.read(t, "users")
	for _, values := range rows {
		row := map[string]any{}
		for i, name := range columns {
			row[name] = values[i]
		}
		if row["_sdc_deleted_at"] == nil {
			list = append(list, fmt.Sprintf("%v of version %v", row["id"], row["_sdc_table_version"]))
		}
	}
	slices.Sort(list)
	return list
}
