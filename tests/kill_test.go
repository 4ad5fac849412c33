package tests

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"tapline/target-warehouse/destination/postgres/postgrestest"
)

// killSeeds is how many seeded loads of each destination are interrupted. The environment variable TAPLINE_SOAK says
// another number, and TAPLINE_SEED one seed to see again.
const killSeeds = 12

// killSteps is how many lines the sources have that are loaded there.
const killSteps = 1200

// A way of loading is what the settings ask for, and so what a warehouse must hold in the end.
type way struct {
	name     string
	settings string
	hard     bool // deletes rows
	history  bool // of prices
	appends  bool // keeps every record, also of keyed streams
	replaces bool // overwrites tables by the newest version
}

var (
	softly      = way{name: "upsert", settings: `"history":["prices"]`, history: true}
	hardly      = way{name: "hard deletes", settings: `"hard_delete":true,"flush_all_streams":true`, hard: true}
	overwriting = way{name: "overwrite", settings: `"load_method":"overwrite"`, replaces: true}
	appending   = way{name: "append-only", settings: `"load_method":"append-only"`, appends: true}
)

// place is where a warehouse is that the matrix kills loads into.
type place struct {
	settings string
	// keepsKeys says that a key may have several rows, of which the one of the last record holds.
	keepsKeys bool
	// read reads all of a table; nothing if there is no such table.
	read func(t *testing.T, table string) (columns []string, rows [][]any)
}

func TestInterruptedLoadsLoseNothing(t *testing.T) {
	destinations := []struct {
		name string
		ways []way
		make func(t *testing.T) func(t *testing.T) *place
	}{
		{"duckdb", []way{softly, hardly, overwriting}, duckDBPlaces},
		{"postgres", []way{softly, hardly, overwriting}, postgresPlaces},
		{"files", []way{appending, overwriting}, filesPlaces},
	}
	first, last := 1, numberFrom(t, "TAPLINE_SOAK", killSeeds)
	if seed := numberFrom(t, "TAPLINE_SEED", 0); seed > 0 {
		first, last = seed, seed
	}
	for _, d := range destinations {
		t.Run(d.name, func(t *testing.T) {
			newPlace, takes := d.make(t), map[string]time.Duration{}
			for _, w := range d.ways {
				takes[w.name] = newMatrix(t, w, newPlace(t), 0, killSteps).uninterrupted(t)
			}
			for seed := first; seed <= last; seed++ {
				w := d.ways[seed%len(d.ways)]
				t.Run(fmt.Sprintf("seed %d %s", seed, w.name), func(t *testing.T) {
					m := newMatrix(t, w, newPlace(t), uint64(seed), killSteps)
					m.takes = takes[w.name]
					m.interruptAndFinish(t)
				})
			}
		})
	}
}

// numberFrom reads a number from the environment.
func numberFrom(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// matrix loads one source into one warehouse, interrupted several times.
type matrix struct {
	*rand.Rand
	way    way
	place  *place
	dir    string
	source *source
	starts []int         // the positions at which runs began
	takes  time.Duration // about as long as a run that is not interrupted
}

func newMatrix(t *testing.T, w way, p *place, seed uint64, steps int) *matrix {
	t.Helper()
	m := &matrix{Rand: rand.New(rand.NewPCG(seed, 3)), way: w, place: p, dir: t.TempDir()}
	m.source = newSource(sourceOptions{seed: seed, steps: steps, versionsOnly: w.replaces})
	settings := fmt.Sprintf(`{%s,%s,"batch_size_rows":%d,"batch_wait_limit_seconds":%g}`, p.settings, w.settings, 20+m.IntN(60), []float64{0.02, 10}[m.IntN(2)])
	if err := os.WriteFile(filepath.Join(m.dir, "target.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// interruptAndFinish interrupts the load up to three times and lets the tap go on each time from a state that promises
// no more than what is there: the last one that left, the one in the warehouse, which may be newer, or one that left
// earlier, as whoever keeps the states may have been interrupted too. Then it lets the load finish and compares the
// tables with the source.
func (m *matrix) interruptAndFinish(t *testing.T) {
	known := []int{0} // positions of states that left
	for range 1 + m.IntN(3) {
		known = append(known, m.interrupted(t, known[len(known)-1])...)
		stored := m.stored(t)
		if last := known[len(known)-1]; stored < last {
			t.Errorf("the state %d left before it was stored: the warehouse has %d", last, stored)
		}
		m.compareCovered(t, stored)
		if t.Failed() || stored == len(m.source.lines) {
			break
		}
		switch m.IntN(4) {
		case 0:
			known = append(known, stored)
		case 1:
			known = append(known, known[m.IntN(len(known))])
		}
	}
	m.finish(t, known[len(known)-1])
}

// uninterrupted loads everything in one run and says how long that took.
func (m *matrix) uninterrupted(t *testing.T) time.Duration {
	start := time.Now()
	m.finish(t, 0)
	return time.Since(start)
}

// finish loads from a position to the end and compares.
func (m *matrix) finish(t *testing.T, position int) {
	t.Helper()
	m.starts = append(m.starts, position)
	states, stderr, err := m.run(strings.NewReader(m.source.from(position)), nil)
	if err != nil {
		t.Fatalf("the run from position %d on: %v\n%s", position, err, stderr)
	}
	if last := m.stored(t); last != len(m.source.lines) {
		t.Errorf("the stored state is %d of %d; those that left are %v\n%s", last, len(m.source.lines), positions(t, states), stderr)
	}
	m.compareCovered(t, len(m.source.lines))
	m.compareEnd(t)
	if t.Failed() {
		t.Logf("runs began at %v", m.starts)
	}
}

// interrupted runs the target from a position and interrupts it: it is killed, or stopped, or its input is cut. It
// returns the positions of the states that left.
func (m *matrix) interrupted(t *testing.T, position int) []int {
	t.Helper()
	m.starts = append(m.starts, position)
	text := m.source.from(position)
	input, signal := io.Reader(strings.NewReader(text)), syscall.SIGKILL
	kind := m.IntN(10)
	if kind == 0 {
		text = text[:m.IntN(len(text))]
		input = strings.NewReader(text)
	}
	if kind < 3 {
		signal = syscall.SIGTERM
	}
	delay := time.Duration(m.Float64() * float64(m.takes))
	states, stderr, err := m.run(input, func(p *os.Process) {
		if kind > 0 {
			time.Sleep(delay)
			_ = p.Signal(signal) // it may have ended
		}
	})
	t.Logf("from %d of %d, %s after %v: %v", position, len(m.source.lines), []string{"cut", "SIGTERM", "SIGTERM", "SIGKILL"}[min(kind, 3)], delay, err)
	switch exit := new(exec.ExitError); {
	case err == nil:
	case !errors.As(err, &exit):
		t.Fatal(err)
	case kind == 0 && exit.ExitCode() == 1 && !strings.HasSuffix(text, "\n") && strings.Contains(stderr, "cut in the middle"):
	case kind == 0 && exit.ExitCode() == 1 && m.way.replaces && strings.Contains(stderr, "without an ACTIVATE_VERSION"):
	case kind > 0 && exit.ExitCode() < 0: // by the signal
	default:
		t.Errorf("the target ends with %v\n%s", err, stderr)
	}
	return positions(t, states)
}

// run runs the target; meanwhile is called beside it.
func (m *matrix) run(input io.Reader, meanwhile func(*os.Process)) (states, stderr string, err error) {
	cmd := exec.Command("target-warehouse", "--config", "target.json")
	cmd.Dir = m.dir
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &log
	if err := cmd.Start(); err != nil {
		return "", "", err
	}
	if meanwhile != nil {
		meanwhile(cmd.Process)
	}
	err = cmd.Wait()
	if errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	return out.String(), log.String(), err
}

// positions are those of states, which must be whole and come in their order.
func positions(t *testing.T, states string) (all []int) {
	t.Helper()
	last := 0
	for line := range strings.Lines(states) {
		state := struct{ Position int }{}
		if err := json.Unmarshal([]byte(line), &state); err != nil || !strings.HasSuffix(line, "\n") {
			t.Errorf("the target wrote %q, which is no whole state", line)
		}
		if state.Position < last {
			t.Errorf("the state %d came behind %d", state.Position, last)
		}
		last = state.Position
		all = append(all, last)
	}
	return all
}

// stored is the position of the state in the warehouse.
func (m *matrix) stored(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("target-warehouse", "state", "get", "--config", "target.json")
	cmd.Dir = m.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && strings.Contains(stderr.String(), "there is no DuckDB file") {
		return 0
	}
	if err != nil {
		t.Fatalf("state get: %v\n%s", err, stderr.String())
	}
	return positions(t, string(out))[0]
}

// tableRow is a row of a table of the warehouse.
type tableRow struct {
	id   string
	row  sourceRow
	open bool // the newest of its history
}

// read reads a table; nothing if there is none.
func (m *matrix) read(t *testing.T, stream string) []tableRow {
	t.Helper()
	names, rows := m.place.read(t, stream)
	var all []tableRow
	for _, values := range rows {
		r := tableRow{open: true}
		for i, name := range names {
			if values[i] != nil {
				r.set(name, fmt.Sprint(values[i]))
			}
		}
		all = append(all, r)
	}
	return all
}

// set takes a value over that is not NULL.
func (r *tableRow) set(column, text string) {
	switch column {
	case "id":
		r.id = text
	case "position":
		r.row.position, _ = strconv.Atoi(text)
	case "note":
		r.row.note = text
	case "amount":
		r.row.amount = sameNumber(text)
	case "_sdc_deleted_at":
		r.row.gone = true
	case "_sdc_table_version":
		r.row.version, _ = strconv.ParseInt(text, 10, 64)
	case "_sdc_valid_to":
		r.open = false
	}
}

// sameNumber spells equal numbers alike and leaves other text.
func sameNumber(text string) string {
	if number, ok := new(big.Rat).SetString(text); ok {
		return number.RatString()
	}
	return text
}

// sent is how many runs may have sent a line.
func (m *matrix) sent(position int) int {
	runs := 0
	for _, start := range m.starts {
		if start <= position {
			runs++
		}
	}
	return runs
}

// compareCovered holds the warehouse against what the state in it promises: every record before it is in its table, or
// what became of it later, and no record is there more often than it was sent.
func (m *matrix) compareCovered(t *testing.T, state int) {
	t.Helper()
	for _, stream := range []string{"orders", "log", "prices", "catalogue"} {
		if m.way.replaces {
			break // what a table shows then belongs to versions, which compareEnd looks at
		}
		count, newest := map[int]int{}, map[string]int{}
		for _, r := range m.read(t, stream) {
			count[r.row.position]++
			newest[r.id] = max(newest[r.id], r.row.position+1)
		}
		keepsAll := stream == "log" || m.way.appends || m.way.history && stream == "prices"
		for position, l := range m.source.lines {
			if l.kind != 'R' || l.stream != stream {
				continue
			}
			n := count[position]
			delete(count, position)
			switch {
			case n > m.sent(position) || n > 1 && !keepsAll:
				t.Errorf("%s: line %d is there %d times and was sent %d times", stream, position, n, m.sent(position))
			case position >= state || n > 0:
			case keepsAll || newest[l.id] <= position && !m.deletedSince(l, position):
				t.Errorf("%s: line %d is lost, which the state %d covers", stream, position, state)
			}
		}
		if len(count) > 0 {
			t.Errorf("%s has rows that were never sent: %v", stream, count)
		}
	}
}

// deletedSince tells whether a row may be gone from its table since the line that it stands at: the line itself or a
// later one deleted it.
func (m *matrix) deletedSince(l sourceLine, position int) bool {
	for _, later := range m.source.lines[position:] {
		gone := later.kind == 'R' && later.stream == l.stream && later.id == l.id && later.row.gone ||
			later.kind == 'V' && later.stream == l.stream && l.row.version < later.version
		if m.way.hard && gone {
			return true
		}
	}
	return false
}

// compareEnd compares the keyed tables with what the whole source leads to.
func (m *matrix) compareEnd(t *testing.T) {
	t.Helper()
	if m.way.appends {
		return
	}
	want := m.source.tables(len(m.source.lines), m.way.hard || m.way.replaces)
	if m.way.replaces {
		want = map[string]map[string]sourceRow{"catalogue": want["catalogue"]}
	}
	for stream, rows := range want {
		have := map[string]sourceRow{}
		for _, r := range m.read(t, stream) {
			if !r.open {
				continue
			}
			if other, twice := have[r.id]; twice && (!m.place.keepsKeys || other.position == r.row.position) {
				t.Errorf("%s has the key %s twice: %+v, %+v", stream, r.id, other, r.row)
			} else if other.position > r.row.position {
				continue
			}
			have[r.id] = r.row
		}
		for id, r := range rows {
			r.amount = sameNumber(r.amount)
			rows[id] = r
		}
		if diff := cmp.Diff(rows, have, cmp.AllowUnexported(sourceRow{})); diff != "" {
			t.Errorf("%s (-source +warehouse):\n%s", stream, diff)
		}
	}
}

func duckDBPlaces(*testing.T) func(*testing.T) *place {
	return func(t *testing.T) *place { return duckDBIn(t.TempDir()) }
}

// duckDBIn is a DuckDB file in a directory.
func duckDBIn(dir string) *place {
	file := filepath.Join(dir, "warehouse.duckdb")
	return &place{settings: fmt.Sprintf(`"path":%q`, file), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		if _, err := os.Stat(file); err != nil {
			return nil, nil
		}
		db, err := sql.Open("duckdb", file+"?access_mode=READ_ONLY")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return readNamed(t, db, table)
	}}
}

// readNamed reads the table of this name in a database; nothing if there is none.
func readNamed(t *testing.T, db *sql.DB, table string) ([]string, [][]any) {
	t.Helper()
	var exists bool
	if err := db.QueryRow(`SELECT count(*) > 0 FROM information_schema.tables WHERE table_name = $1`, table).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if !exists {
		return nil, nil
	}
	return readAll(t, db, `SELECT * FROM `+table)
}

func readAll(t *testing.T, db *sql.DB, query string) (columns []string, rows [][]any) {
	t.Helper()
	result, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if columns, err = result.Columns(); err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, values)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return columns, rows
}

func postgresPlaces(t *testing.T) func(*testing.T) *place {
	server := startPostgres(t)
	return func(t *testing.T) *place { return postgresOn(t, server, server.URL(newDatabase(t, server))) }
}

// newDatabase makes a database on a server.
func newDatabase(t *testing.T, server *postgrestest.Server) string {
	t.Helper()
	db, err := sql.Open("pgx", server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "d" + strings.ToLower(ulid.Make().String())
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return name
}

// postgresOn is a database of a server, which loads reach by the URL.
func postgresOn(t *testing.T, server *postgrestest.Server, url string) *place {
	_, name, _ := strings.Cut(url[len("postgres://"):], "/")
	name, _, _ = strings.Cut(name, "?")
	return &place{settings: fmt.Sprintf(`"destination":"postgres","url":%q`, url), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		db, err := sql.Open("pgx", server.URL(name))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return readNamed(t, db, table)
	}}
}

func startPostgres(t *testing.T) *postgrestest.Server {
	t.Helper()
	server, err := postgrestest.Start()
	if errors.Is(err, postgrestest.ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func filesPlaces(*testing.T) func(*testing.T) *place {
	return func(t *testing.T) *place { return filesIn(t.TempDir()) }
}

// filesIn are Parquet files in a directory.
func filesIn(dir string) *place {
	return &place{keepsKeys: true, settings: fmt.Sprintf(`"destination":"files","path":%q`, dir), read: func(t *testing.T, table string) ([]string, [][]any) {
		t.Helper()
		pattern := filepath.Join(dir, table, "*.parquet")
		if files, err := filepath.Glob(pattern); err != nil || len(files) == 0 {
			return nil, nil
		}
		db, err := sql.Open("duckdb", "")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return readAll(t, db, fmt.Sprintf("SELECT * FROM read_parquet('%s', union_by_name = true)", pattern))
	}}
}
