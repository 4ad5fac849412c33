package duckdb

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

func TestBuffersAreZeroedAndKeepWhatTheyHeld(t *testing.T) {
	a := new(allocator)
	dirty := a.Allocate(4096)
	for i := range dirty {
		dirty[i] = 0xff
	}
	a.Free(dirty)

	b := a.Allocate(100)
	if !bytes.Equal(b, make([]byte, 100)) {
		t.Error("a new buffer is not zeroed")
	}
	copy(b, "amount")
	for _, size := range []int{4000, 1 << 20, 40 << 20} { // the last ones move, by copying and by the kernel's mapping
		held := len(b)
		b = a.Reallocate(size, b)
		if len(b) != size || string(b[:6]) != "amount" || !bytes.Equal(b[held:], make([]byte, size-held)) {
			t.Errorf("a buffer of %d bytes grown to %d lost what it held, or is not zeroed behind it", held, size)
		}
	}
	if b = a.Reallocate(6, b); string(b) != "amount" || a.held.Load() != 6 {
		t.Errorf("cut to 6 bytes it holds %q, and %d bytes are counted", b, a.held.Load())
	}
	a.Free(b)
	if n := a.held.Load(); n != 0 {
		t.Errorf("%d bytes are counted behind the last Free", n)
	}
}

func TestBuffersOfNothingCanGrowAndBeFreed(t *testing.T) {
	a := new(allocator)
	a.Free(a.Allocate(0))
	a.Free(nil)
	b := a.Reallocate(8, nil)
	b = a.Reallocate(0, b)
	b = a.Reallocate(16, b)
	if len(b) != 16 || !bytes.Equal(b, make([]byte, 16)) {
		t.Errorf("%v", b)
	}
	a.Free(b)
	if n := a.held.Load(); n != 0 {
		t.Errorf("%d bytes are counted behind the last Free", n)
	}
}

func TestMemoryThatIsNotThereIsNamed(t *testing.T) {
	a := new(allocator)
	kept := a.Allocate(8)
	func() {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "out of memory: 4611686018427387904 bytes") {
				t.Errorf("panics with %q", text)
			}
		}()
		a.Reallocate(1<<62, kept)
	}()
	a.Free(kept) // what could not grow is still there
	if n := a.held.Load(); n != 0 {
		t.Errorf("%d bytes are counted behind the last Free", n)
	}
}

func TestBuffersOfManyGoroutinesAreCounted(t *testing.T) {
	a := new(allocator)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				a.Free(a.Reallocate(300, a.Allocate(100)))
			}
		})
	}
	all.Wait()
	if n := a.held.Load(); n != 0 {
		t.Errorf("%d bytes are counted behind the last Free", n)
	}
}
