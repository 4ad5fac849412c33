package tests

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tapline/tests/fake/stripe/stripefake"
)

// TestScripts runs the scripts in testdata: what a user types and sees. Besides testscript's own commands they have
//
//	fake N            a fake Stripe with N objects of each kind, whose settings are written to tap.json
//	control PATH      POST to the fake's control API
//	sql DB QUERY      the rows of a query, columns joined by |
//	pipe ARGS...      bash -c with pipefail
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			return os.WriteFile(env.WorkDir+"/target.json", []byte(`{"path":"warehouse.duckdb"}`), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fake":    scriptFake,
			"control": scriptControl,
			"sql":     scriptSQL,
			"pipe":    scriptPipe,
		},
	})
}

func scriptFake(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(strings.Join(args, ""))
	ts.Check(err)
	fake, err := stripefake.New(stripefake.Options{Seed: 3, Counts: counts(n)})
	ts.Check(err)
	server := httptest.NewServer(fake)
	ts.Defer(server.Close)
	ts.Setenv("FAKE_URL", server.URL)
	settings := fmt.Sprintf(`{"api_key":"sk_test_fake","base_url":%q,"request_rate":5000}`, server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("tap.json"), []byte(settings), 0o600))
}

func scriptControl(ts *testscript.TestScript, neg bool, args []string) {
	answer, err := http.Post(ts.Getenv("FAKE_URL")+args[0], "application/json", strings.NewReader(strings.Join(args[1:], " ")))
	ts.Check(err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("control %s: %s", args[0], answer.Status)
	}
}

func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("duckdb", ts.MkAbs(args[0])+"?access_mode=READ_ONLY")
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(strings.Join(args[1:], " "))
	ts.Check(err)
	defer rows.Close()
	names, err := rows.Columns()
	ts.Check(err)
	for rows.Next() {
		cells := make([]any, len(names))
		into := make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		ts.Check(rows.Scan(into...))
		line := fmt.Sprintln(cells...)
		fmt.Fprint(ts.Stdout(), strings.Join(strings.Fields(line), "|")+"\n")
	}
	ts.Check(rows.Err())
}

func scriptPipe(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("bash", "-c", "set -o pipefail; "+strings.Join(args, " "))
	if neg == (err == nil) {
		ts.Fatalf("pipe: %v", err)
	}
}
