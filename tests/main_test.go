// Package tests runs the real binaries together: scripts in testdata for what a user sees, and Go tests for what has to
// hold under kills and for every field.
package tests

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"tapline/tests/fake/stripe/stripefake"
)

// bin is the folder of the binaries that TestMain builds.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tapline-tests")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		for name, source := range map[string]string{
			"tap-recharge": "../tap-recharge", "tap-stripe": "../tap-stripe", "target-warehouse": "../target-warehouse",
			"fake-recharge": "./fake/recharge", "fake-stripe": "./fake/stripe",
		} {
			cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), source)
			cmd.Env = append(os.Environ(), "CGO_ENABLED="+map[bool]string{true: "0", false: "1"}[strings.HasPrefix(name, "tap-")])
			if out, err := cmd.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "building %s: %v\n%s", name, err, out)
				return 1
			}
		}
		os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		return m.Run()
	}())
}

// startFake serves a fake Stripe on loopback until the test ends.
func startFake(t testing.TB, o stripefake.Options) (*stripefake.Server, string) {
	t.Helper()
	fake, err := stripefake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return fake, server.URL
}

// project is a folder with the config files of one pipeline.
type project struct {
	dir, database string
}

func newProject(t testing.TB, url, tapSettings, targetSettings string) *project {
	t.Helper()
	dir := t.TempDir()
	p := &project{dir: dir, database: filepath.Join(dir, "warehouse.duckdb")}
	if !strings.Contains(tapSettings, `"select"`) {
		tapSettings += `,"select":["*.*"]` // also what is not read by default, because it costs many requests
	}
	p.write(t, "tap.json", fmt.Sprintf(`{"api_key":"sk_test_fake","base_url":%q,"request_rate":5000%s}`, url, tapSettings))
	p.write(t, "target.json", fmt.Sprintf(`{"path":%q%s}`, p.database, targetSettings))
	return p
}

func (p *project) write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sync runs the pipe as a shell would, from the last state and keeping the new one, and returns what went to stderr.
func (p *project) sync(t testing.TB) (stderr string, err error) {
	t.Helper()
	cmd := exec.Command("bash", "-c", `set -o pipefail
		state=(); if [ -s state.json ]; then state=(--state state.json); fi
		tap-stripe --config tap.json "${state[@]}" | target-warehouse --config target.json >> state.jsonl; code=$?
		if [ -s state.jsonl ]; then tail -n 1 state.jsonl > state.json; fi
		exit $code`)
	cmd.Dir = p.dir
	var out bytes.Buffer
	cmd.Stderr = &out
	err = cmd.Run()
	return out.String(), err
}

// open opens the project's warehouse for reading.
func (p *project) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", p.database+"?access_mode=READ_ONLY")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
