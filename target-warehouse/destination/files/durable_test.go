package files

import (
	"path/filepath"
	"strings"
	"testing"

	"tapline/target-warehouse/table"
)

// recordFlushes lists what is made durable from now on, below the directory, with what is about to be changed in between.
func recordFlushes(w *Warehouse) *[]string {
	var list []string
	flush, step := w.store.flush, w.store.step
	w.store.flush = func(path string) error {
		below, err := filepath.Rel(w.store.dir, path)
		if err != nil {
			return err
		}
		list = append(list, "flush "+below)
		return flush(path)
	}
	w.store.step = func(what string) { list = append(list, what); step(what) }
	return &list
}

// wantInOrder fails unless the list has all of these, each behind the one before it; they begin as given.
func wantInOrder(t *testing.T, list []string, want ...string) {
	t.Helper()
	rest := list
	for _, w := range want {
		at := 0
		for at < len(rest) && !strings.HasPrefix(rest[at], w) {
			at++
		}
		if at == len(rest) {
			t.Fatalf("%q is missing at its place in:\n%s", w, strings.Join(list, "\n"))
		}
		rest = rest[at+1:]
	}
}

func TestTheNamesOfNewFoldersAreMadeDurable(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir()})
	defer mustClose(t, w)
	mustLoad(t, w, orders(), checkpointOf("", "r", 1), 1, 2)
	for _, c := range []struct {
		schema, name string
		want         []string
	}{
		{"shop", "later", []string{"move ", "flush shop/later", "flush shop"}},
		{"other", "orders", []string{"move ", "flush other/orders", "flush other", "flush ."}},
		{"", "plain", []string{"move ", "flush plain", "flush ."}},
	} {
		list := recordFlushes(w)
		tab := orders()
		tab.Schema, tab.Name = c.schema, c.name
		mustLoad(t, w, tab, checkpointOf("", "r", 1), 2, 3)
		wantInOrder(t, *list, c.want...)
	}
}

func TestARemovalIsMadeDurable(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
	defer mustClose(t, w)
	overwrite(t, w, 1, nil)
	list := recordFlushes(w)
	overwrite(t, w, 2, nil)
	place := folder(&table.Table{Schema: replaced().Schema, Name: replaced().Name})
	wantInOrder(t, *list, "flush _singer/log", "remove "+place, "flush "+strings.TrimSuffix(place, "/"))
}
