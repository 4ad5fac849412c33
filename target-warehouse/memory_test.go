package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"tapline/singer"
)

// keepBounds lets the heap have its bounds again at the end of a test, and has none set from outside.
func keepBounds(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	t.Cleanup(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
}

func TestHeapIsBoundByMaxMemory(t *testing.T) {
	keepBounds(t)
	files := fmt.Sprintf(`{"destination":"files","path":%q`, t.TempDir())
	duck := fmt.Sprintf(`{"path":%q`, t.TempDir()+"/w.duckdb")
	for _, c := range []struct {
		name, config, byUser string
		limit                int64 // bytes
	}{
		{"the default", files + `}`, "", 384<<20 + heapRoom},
		{"little", files + `,"max_memory":"64MiB"}`, "", 48<<20 + heapRoom},
		{"DuckDB, which has half of it", duck + `,"max_memory":"64MiB"}`, "", 24<<20 + heapRoom},
		{"set by the user", files + `}`, "9GiB", 9 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", c.byUser)
			debug.SetMemoryLimit(9 << 30) // as the runtime does at the start
			if code, _, stderr := runTarget(t, c.config, ""); code != singer.ExitOK {
				t.Fatalf("it ends with %d:\n%s", code, stderr)
			}
			if got := debug.SetMemoryLimit(-1); got != c.limit {
				t.Errorf("the heap may have %d bytes, want %d", got, c.limit)
			}
			if got := debug.SetGCPercent(heapGrowth); got != heapGrowth {
				t.Errorf("the heap may grow by %d percent between collections, want %d", got, heapGrowth)
			}
		})
	}
}

// textColumns is how many columns the wide records have.
const textColumns = 20

// wideRecords are about 64 MB of them, with a SCHEMA.
func wideRecords(t *testing.T) string {
	properties, record := map[string]any{"id": map[string]any{"type": "integer"}}, map[string]any{}
	for i := range textColumns {
		name := fmt.Sprintf("column_%d", i)
		properties[name] = map[string]any{"type": []string{"null", "string"}}
		record[name] = strings.Repeat(name, 8)
	}
	schema, err := json.Marshal(map[string]any{"type": "SCHEMA", "stream": "wide", "key_properties": []string{"id"},
		"schema": map[string]any{"type": "object", "properties": properties}})
	if err != nil {
		t.Fatal(err)
	}
	values, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	in.Write(append(schema, '\n'))
	for i := 0; in.Len() < 64<<20; i++ {
		fmt.Fprintf(&in, `{"type":"RECORD","stream":"wide","record":{"id":%d,%s}`+"\n", i, values[1:])
	}
	return in.String()
}

// TestLoadOfFilesKeepsToItsMemory watches the heap while four times as much is loaded as it may hold. Each processor that
// decodes has buffers of its own, so it has as many on every machine.
func TestLoadOfFilesKeepsToItsMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	in := wideRecords(t)
	config := fmt.Sprintf(`{"destination":"files","path":%q,"max_memory":"16MiB"}`, t.TempDir())
	keepBounds(t)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, make(chan uint64)
	done := make(chan struct{})
	go func() {
		var most uint64
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	code, _, stderr := runTarget(t, config, in)
	close(done)
	most := <-peak
	if code != singer.ExitOK {
		t.Fatalf("it ends with %d:\n%s", code, stderr)
	}
	grown := int64(most) - int64(before)
	t.Logf("the heap has grown by %d MB", grown>>20)
	if grown > 100<<20 { // without the bounds of heap and compressor 110
		t.Errorf("the heap has grown by %d MB, want 100 at most", grown>>20)
	}
}
