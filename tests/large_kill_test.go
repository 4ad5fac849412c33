package tests

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// largeRows is how many rows a large source has: as columns some 100 MB, so that they go to the warehouse as they come.
const largeRows = 160_000

// largeSource has the rows from a number on, and a state behind every thousand of them that says how many there were.
func largeSource(from int) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, `{"type":"SCHEMA","stream":"entries","key_properties":[],"schema":{"properties":{"id":{"type":"integer"},"text":{"type":"string"}}}}`+"\n")
		for id := from; id < largeRows && err == nil; id++ {
			text := strings.Repeat(fmt.Sprintf("%016x", uint64(id+1)*0x9e3779b97f4a7c15), 40)
			_, err = fmt.Fprintf(w, `{"type":"RECORD","stream":"entries","record":{"id":%d,"text":"%s"}}`+"\n", id, text)
			if (id+1)%1000 == 0 && err == nil {
				_, err = fmt.Fprintf(w, `{"type":"STATE","value":{"position":%d}}`+"\n", id+1)
			}
		}
		w.CloseWithError(err) // nil ends the source
	}()
	return r
}

// TestKilledLargeLoads kills loads whose rows go to the warehouse while more are decoded, at moments all over their time.
// To go on behind the state that is stored then loses no row, and only those may come twice that a commit took behind the
// last state before it: without a key nothing tells that they are there.
func TestKilledLargeLoads(t *testing.T) {
	const kills = 6
	for name, places := range map[string]func(t *testing.T) func(t *testing.T) *place{"duckdb": duckDBPlaces, "postgres": postgresPlaces} {
		t.Run(name, func(t *testing.T) {
			newPlace := places(t)
			load := func(t *testing.T, m *matrix, from int, killAfter time.Duration) (took time.Duration) {
				cmd := exec.Command("target-warehouse", "--config", "target.json")
				var stderr strings.Builder
				cmd.Dir, cmd.Stdin, cmd.Stderr = m.dir, largeSource(from), &stderr
				began := time.Now()
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if killAfter > 0 {
					time.AfterFunc(killAfter, func() { _ = cmd.Process.Kill() }) // it may have ended
				}
				if err := cmd.Wait(); err != nil && killAfter == 0 {
					t.Fatalf("%v\n%s", err, stderr.String())
				}
				return time.Since(began)
			}
			project := func(t *testing.T) *matrix {
				m := &matrix{place: newPlace(t), dir: t.TempDir()}
				(&project{dir: m.dir}).write(t, "target.json", fmt.Sprintf(`{%s,"load_method":"append-only","batch_size_bytes":40000000}`, m.place.settings))
				return m
			}
			took := load(t, project(t), 0, 0)
			for kill := range kills {
				m := project(t)
				load(t, m, 0, took*time.Duration(kill+1)/(kills+1))
				m.place.killed(t)
				from := m.stored(t)
				load(t, m, from, 0)
				_, rows := m.place.read(t, "entries")
				times := make([]int, largeRows)
				for _, row := range rows {
					times[row[0].(int64)]++
				}
				for id, n := range times {
					if n != 1 && !(n == 2 && id >= from && id < from+1000) {
						t.Fatalf("kill %d, gone on behind row %d: row %d is there %d times", kill+1, from, id, n)
					}
				}
				t.Logf("kill %d of a load of %v: gone on behind row %d, %d rows twice", kill+1, took, from, len(rows)-largeRows)
			}
		})
	}
}
