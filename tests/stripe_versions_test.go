package tests

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tapline/schemas"
	"tapline/tests/fake/stripe/stripefake"
)

// versionOf is how a record or a state speaks of a version.
var versionOf = regexp.MustCompile(`,"version":\d+`)

// loadOf runs the tap from a state and loads what it wrote, without versions if it is to be as an older tap would have
// written it. It returns the state.
//
// If the run is to be cut, it ends before it activates a version.
func (p *project) loadOf(t *testing.T, state string, old, cut bool) string {
	t.Helper()
	args := []string{"--config", "tap.json"}
	if state != "" {
		p.write(t, "state.json", state)
		args = append(args, "--state", "state.json")
	}
	tap, target := exec.Command("tap-stripe", args...), exec.Command("target-warehouse", "--config", "target.json")
	var lines, said, states bytes.Buffer
	tap.Dir, target.Dir, tap.Stdout, tap.Stderr, target.Stdout, target.Stderr = p.dir, p.dir, &lines, &said, &states, &said
	if err := tap.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if old && strings.Contains(lines.String(), "ACTIVATE_VERSION") {
		t.Fatal("a version is activated too early")
	}
	if cut {
		lines.Truncate(bytes.Index(lines.Bytes(), []byte(`{"type":"ACTIVATE_VERSION"`)))
	}
	target.Stdin = &lines
	if old {
		target.Stdin = bytes.NewReader(versionOf.ReplaceAll(lines.Bytes(), nil))
	}
	if err := target.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	all := strings.Split(strings.TrimSpace(states.String()), "\n")
	return all[len(all)-1]
}

// Rows that were loaded before records had versions have none. When a version is activated for the first time, those of
// them go whose objects are gone, and no others.
func TestTheFirstVersionLeavesRowsWithoutOneThatAreAlive(t *testing.T) {
	for _, c := range []struct{ hard, cut bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			fake, url := startFake(t, stripefake.Options{Seed: 31, Keys: []stripefake.Key{{Secret: "sk_test_fake"}, {Secret: "sk_live_fake"}},
				Counts: map[string]int{"customers": 60, "coupons": 30, "invoices": 50, "invoiceitems": 20}})
			p := newProject(t, url, "", fmt.Sprintf(`,"hard_delete":%t`, c.hard))
			streams := []string{"customers", "coupons", "cards", "tax_ids", "bank_accounts", "sources", "invoices", "invoice_line_items", "invoice_items"}
			p.write(t, "tap.json", fmt.Sprintf(`{"api_key":"sk_live_fake","base_url":%q,"request_rate":5000,"select":["%s.*"]}`, url, strings.Join(streams, `.*","`)))
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			idOf := func(kind string, at int) string {
				t.Helper()
				objects, err := fake.Objects(kind)
				must(err)
				return textOf(t, objects[at], "id")
			}
			state := p.loadOf(t, "", true, false)
			must(fake.Advance(time.Hour))
			must(fake.Update("customers", idOf("customers", 3), []byte(`{"name":"Told"}`)))
			must(fake.Advance(time.Hour))
			state = p.loadOf(t, state, true, false) // changes are told by events; still no version
			if strings.Contains(state, "version") {
				t.Fatalf("the state is %s", state)
			}
			gone := map[string]string{"customers": idOf("customers", 5), "coupons": idOf("coupons", 2)}
			for kind, id := range gone {
				must(fake.Delete(kind, id))
			}
			must(fake.Update("customers", idOf("customers", 7), []byte(`{"name":"Untold"}`)))
			must(fake.Advance(60 * 24 * time.Hour)) // no event tells of that any more
			if c.cut {
				if state = p.loadOf(t, state, false, true); !strings.Contains(state, "_sweeps") {
					t.Fatalf("the state of the cut run is %s", state)
				}
			}
			state = p.loadOf(t, state, false, false)
			if !strings.Contains(state, `"version":`) || strings.Contains(state, "_sweeps") {
				t.Errorf("the state is %s", state)
			}
			check := func() {
				t.Helper()
				db := p.open(t)
				defer db.Close()
				w := newTruth(fake)
				for _, stream := range streams {
					known, err := schemas.StripeStream(stream)
					must(err)
					rows := readTable(t, duckDB(db), stream, known.KeyProperties)
					for _, d := range w.compare(t, stream, rows) {
						if !d.leftOver {
							t.Errorf("%s %s %s", stream, d.key, d.text)
						}
					}
					if len(w.want(t, stream)) == 0 {
						t.Errorf("there are no %s", stream)
					}
					var live int
					must(db.QueryRow("SELECT count(*) FROM " + stream + " WHERE _sdc_deleted_at IS NULL").Scan(&live))
					if want := len(w.want(t, stream)); live != want {
						t.Errorf("%s: %d rows are alive, want %d", stream, live, want)
					}
				}
			}
			check()
			must(fake.Advance(time.Hour))
			must(fake.Update("customers", idOf("customers", 8), []byte(`{"name":"Told again"}`)))
			must(fake.Advance(time.Hour))
			p.loadOf(t, state, false, false)
			check()
		})
	}
}
