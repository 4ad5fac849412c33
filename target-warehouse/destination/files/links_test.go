package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/table"
)

// linkFolder has a table's folder be a link to another one.
func linkFolder(t *testing.T, w *Warehouse, folder, to string) {
	t.Helper()
	path := w.store.path(folder)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.Symlink(to, path)); err != nil {
		t.Fatal(err)
	}
}

// otherDisk makes a folder that files cannot be renamed into.
func otherDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tapline")
	if err != nil {
		t.Skip("there is no other file system to test with:", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what stays is in memory
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, filepath.Join(dir, "file")); !errors.Is(err, syscall.EXDEV) {
		t.Skip("there is no other file system to test with:", err)
	}
	return dir
}

func TestATableBehindALinkIsOverwritten(t *testing.T) {
	for name, to := range map[string]func(t *testing.T) string{
		"on the same disk": func(t *testing.T) string { return t.TempDir() },
		"on another disk":  otherDisk,
	} {
		t.Run(name, func(t *testing.T) {
			w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
			defer mustClose(t, w)
			place := to(t)
			linkFolder(t, w, folder(replaced()), place)
			for id := range int64(3) {
				overwrite(t, w, id, nil)
				if diff := gocmp.Diff([]int64{id}, ids(t, w, replaced())); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			}
			if files, err := os.ReadDir(place); err != nil || len(files) != 1 {
				t.Errorf("there are %v, %v", files, err)
			}
		})
	}
}

func TestACopyToAnotherDiskThatWasCutOffIsReplaced(t *testing.T) {
	w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
	defer mustClose(t, w)
	place, whole := otherDisk(t), mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
	defer mustClose(t, whole)
	mustLoad(t, whole, orders(), checkpointOf("default", "r", 1), 1, 3)
	keys, err := whole.store.list(t.Context(), folder(orders())) // equal rows have equal names
	if err != nil || len(keys) != 1 {
		t.Fatalf("%q, %v", keys, err)
	}
	linkFolder(t, w, folder(orders()), place)
	cut := filepath.Join(place, filepath.Base(keys[0])+".part")
	if err := os.WriteFile(cut, make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 1, 3)
	wantIDs(t, w, 1, 2)
	if _, err := os.Stat(cut); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestListingFollowsLinksOnce(t *testing.T) {
	s, err := openStore(t.Context(), t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for _, path := range []string{s.path("t/a"), filepath.Join(elsewhere, "b")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, nil, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"t/linked": elsewhere, "t/around": s.path("t"), "t/nowhere": s.path("none"), "t/file": s.path("t/a")} {
		if err := os.Symlink(to, s.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	for folder, want := range map[string][]string{"t/": {"t/a", "t/file", "t/linked/b"}, "none/": nil} {
		keys, err := s.list(t.Context(), folder)
		if diff := gocmp.Diff(want, keys); diff != "" || err != nil {
			t.Errorf("keys (-want +got), %v:\n%s", err, diff)
		}
	}
}

func TestAFileSystemWithoutHardLinksIsNoMatterOfRights(t *testing.T) {
	s := &store{place: "/data"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.EPERM, "the file system has no hard links"}, {syscall.EOPNOTSUPP, "the file system has no hard links"},
		{syscall.EACCES, "give it the permission"}, {syscall.ENOSPC, "the disk is full"},
	} {
		got := s.explain("write", "_singer/log/1.json", explainLink(&os.LinkError{Op: "link", Err: c.err}))
		if !strings.Contains(got.Error(), c.want) || strings.Contains(got.Error(), "permission to") != (c.err == syscall.EACCES) {
			t.Errorf("%v becomes %q, want %q", c.err, got, c.want)
		}
	}
}

// The tables would share a folder, and overwriting one would delete the other.
func TestNamesThatDifferInCapitalsNeedAFileSystemThatTellsThemApart(t *testing.T) {
	for _, folds := range []bool{false, true} {
		w := mustOpen(t, Config{URL: t.TempDir(), Pipeline: "default"})
		mustLoad(t, w, orders(), checkpointOf("default", "r", 1), 1, 2)
		if folds { // a link stands in for what some file systems do by themselves
			linkFolder(t, w, "_SINGER", w.store.path("_singer"))
			linkFolder(t, w, "_singer/LOG", w.store.path(logPlace))
		}
		capitals, fresh, second := orders(), orders(), orders()
		capitals.Name, fresh.Name, second.Name = "ORDERS", "Fresh", "FRESH"
		for _, c := range []struct {
			tab     *table.Table
			refused bool
		}{{orders(), false}, {capitals, folds}, {fresh, false}, {second, folds}} {
			l := begin(t, w, fresh, 1, 2)
			_, err := l.Migrate(t.Context(), c.tab)
			if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "does not tell capitals apart; load it under another name") {
				t.Errorf("where it folds (%v), %s: %v", folds, c.tab.Name, err)
			}
			if err := l.Rollback(); err != nil {
				t.Error(err)
			}
		}
		mustClose(t, w)
	}
}
