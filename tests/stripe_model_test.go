package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A model is the least that a target is: tables in memory, filled by what a tap says.
type model struct {
	keys     map[string][]string // by stream
	tables   map[string]map[string]row
	versions map[string]map[string]int64 // of the rows, by stream and key; 0 for none
	state    string                      // the last one, "" before the first
}

func newModel() *model {
	return &model{map[string][]string{}, map[string]map[string]row{}, map[string]map[string]int64{}, ""}
}

// message is a line of a tap.
type message struct {
	Type, Stream  string
	Record        map[string]any
	KeyProperties []string `json:"key_properties"`
	Version       int64
	Value         json.RawMessage
}

// take does what the lines say. The last one counts only if it is whole.
func (m *model) take(t testing.TB, lines []byte) {
	t.Helper()
	for line := range bytes.Lines(lines) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			return
		}
		var msg message
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&msg); err != nil {
			t.Fatalf("the tap wrote %.300q: %v", line, err)
		}
		m.takeMessage(t, msg)
	}
}

func (m *model) takeMessage(t testing.TB, msg message) {
	t.Helper()
	switch msg.Type {
	case "SCHEMA":
		m.keys[msg.Stream] = msg.KeyProperties
		if m.tables[msg.Stream] == nil {
			m.tables[msg.Stream], m.versions[msg.Stream] = map[string]row{}, map[string]int64{}
		}
	case "RECORD":
		r := row{}
		for name, value := range msg.Record {
			if value != nil {
				r[name] = value
			}
		}
		key := keyOf(r, m.keys[msg.Stream])
		if m.tables[msg.Stream] == nil || strings.TrimSpace(key) == "" {
			t.Fatalf("a record of %s has no SCHEMA before it or no key %v: %v", msg.Stream, m.keys[msg.Stream], r)
		}
		m.tables[msg.Stream][key], m.versions[msg.Stream][key] = r, msg.Version
	case "ACTIVATE_VERSION":
		for key, version := range m.versions[msg.Stream] {
			if version < msg.Version {
				delete(m.tables[msg.Stream], key)
				delete(m.versions[msg.Stream], key)
			}
		}
	case "STATE":
		m.state = string(msg.Value)
	default:
		t.Fatalf("the tap wrote a message of type %q", msg.Type)
	}
}

// covered cuts what a tap wrote behind its last state: what a target may have lost that was killed with the tap.
func covered(lines []byte) []byte {
	at := bytes.LastIndex(lines, []byte(`{"type":"STATE"`))
	if at < 0 {
		return nil
	}
	end := bytes.IndexByte(lines[at:], '\n')
	if end < 0 {
		return covered(lines[:at])
	}
	return lines[:at+end+1]
}

// catalogued lists the streams of tap-stripe.
var catalogued = sync.OnceValue(func() (names []string) {
	out, err := exec.Command("tap-stripe", "--discover").Output()
	var catalog struct {
		Streams []struct{ Stream string }
	}
	if err == nil {
		err = json.Unmarshal(out, &catalog)
	}
	if err != nil {
		panic(err)
	}
	for _, s := range catalog.Streams {
		names = append(names, s.Stream)
	}
	return names
})

// A tapRun is one run of tap-stripe as a process.
type tapRun struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

// newTapRun prepares a run with the settings in a file and a state, "" for none.
func newTapRun(t testing.TB, dir, settings, state string) *tapRun {
	t.Helper()
	args := []string{"--config", settings}
	if state != "" {
		path := filepath.Join(dir, "state.json")
		if err := os.WriteFile(path, []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--state", path)
	}
	r := &tapRun{cmd: exec.Command("tap-stripe", args...)}
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = dir, &r.out, &r.err
	return r
}

// wait lets the tap end, by itself or by a signal of those that are allowed.
func (r *tapRun) wait(t testing.TB, allowed ...syscall.Signal) {
	t.Helper()
	err := r.cmd.Wait()
	var ended *exec.ExitError
	if err == nil {
		return
	}
	if errors.As(err, &ended) {
		status, _ := ended.Sys().(syscall.WaitStatus)
		for _, signal := range allowed {
			if status.Signaled() && status.Signal() == signal || status.ExitStatus() == 128+int(signal) {
				return
			}
		}
	}
	t.Fatalf("the tap ends with %v\n%s", err, r.err.String())
}

// A mismatch is a row of a table that is not as the account.
type mismatch struct {
	stream string
	difference
}

// mismatches compares the tables of a model with an account.
func (m *model) mismatches(t testing.TB, w *truth) (list []mismatch) {
	t.Helper()
	for _, stream := range slices.Sorted(maps.Keys(m.tables)) {
		for _, d := range w.compare(t, stream, m.tables[stream]) {
			list = append(list, mismatch{stream, d})
		}
	}
	return list
}
