package tests

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mount puts a file system in memory at a new directory until the test ends.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("a file system of its own cannot be mounted here, which root may do: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

// localPlaces are the destinations that keep their data on a disk of this machine, each with a way to load, sizes of disks
// that are full at different moments, and words of the failures.
var localPlaces = []struct {
	name           string
	in             func(dir string) *place
	way            way
	sizes          []string
	full, readOnly string
}{
	{"duckdb", duckDBIn, softly, []string{"100k", "1000k"}, "is full", "mounted for reading only"},
	{"files", filesIn, appending, []string{"60k", "100k", "400k"}, "no space left", "read-only file system"},
}

func TestFullDiskLosesNothing(t *testing.T) {
	for _, d := range localPlaces {
		for _, size := range d.sizes {
			t.Run(d.name+" "+size, func(t *testing.T) {
				dir := mount(t, "size="+size)
				m := newMatrix(t, d.way, d.in(dir), 1, 4000)
				position := m.breaks(t, d.full, dir)
				remount(t, dir, 0, "size=500m")
				m.compareCovered(t, m.stored(t))
				m.finish(t, position)
			})
		}
	}
}

func TestReadOnlyDiskIsRefused(t *testing.T) {
	for _, d := range localPlaces {
		t.Run(d.name, func(t *testing.T) {
			dir := mount(t, "size=500m")
			m := newMatrix(t, d.way, d.in(dir), 1, 200)
			m.finish(t, 0)
			remount(t, dir, syscall.MS_RDONLY, "")
			if position := m.breaks(t, d.readOnly, dir); position > 0 {
				t.Errorf("the state %d left", position)
			}
			m.compareCovered(t, m.stored(t))
			remount(t, dir, 0, "")
			m.finish(t, 0)
		})
	}
}
