package tests

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"tapline/target-warehouse/destination/postgres/postgrestest"
	"tapline/tests/fake/stripe/stripefake"
)

// TestEveryFieldArrivesInPostgreSQL compares each object of each stream, and runs again from the state.
func TestEveryFieldArrivesInPostgreSQL(t *testing.T) {
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
	fake, url := startFake(t, stripefake.Options{Seed: 13, Counts: counts(200)})
	p := newProject(t, url, "", "")
	p.write(t, "target.json", fmt.Sprintf(`{"destination":"postgres","url":%q}`, server.URL("postgres")))
	db, err := sql.Open("pgx", server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 2 {
		if stderr, err := p.sync(t); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		compareStreams(t, fake, postgreSQL(db))
		if err := fake.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := fake.Create("charges", 20); err != nil {
			t.Fatal(err)
		}
	}
	// The state in the database is the last one that left.
	var stored string
	if err := db.QueryRow(`SELECT state::text FROM _singer_state WHERE pipeline = 'default'`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(readFile(t, filepath.Join(p.dir, "state.json")), "\n"); stored != want {
		t.Errorf("the stored state is\n%s\nthe last one that left is\n%s", stored, want)
	}
	cmd := exec.Command("target-warehouse", "status", "--config", "target.json")
	cmd.Dir = p.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || strings.Count(out.String(), "  succeeded  ") != 2 || !strings.Contains(out.String(), "public.charges") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
