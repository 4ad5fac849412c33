package duckdb

/*
#include <stdlib.h>
#include <string.h>

static void* grow(void* old, size_t held, size_t size) {
	void* p = realloc(old, size);
	if (p && size > held) memset((char*)p + held, 0, size - held);
	return p;
}
*/
import "C"

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Allocator returns an allocator for the Arrow buffers of batches that go to a Warehouse. They must lie in C memory,
// because DuckDB reads them in place and C code may not keep pointers to memory that Go manages. Any number of
// goroutines may use it.
func Allocator() memory.Allocator { return new(allocator) }

// allocator has its memory from malloc. Arrow's own Mallocator is not used: it takes errno for a failure, which realloc
// also leaves behind when it succeeds on its second way, and then frees what realloc has freed already.
type allocator struct{ held atomic.Int64 } // bytes that were lent and not given back

// room is what malloc is asked for: it may answer a request for nothing with no address at all.
func room(size int) C.size_t { return C.size_t(max(size, 1)) }

func (a *allocator) lend(p unsafe.Pointer, more, size int) []byte {
	if p == nil {
		panic(fmt.Sprintf("out of memory: %d bytes were asked for", size))
	}
	a.held.Add(int64(more))
	return unsafe.Slice((*byte)(p), size)
}

// Allocate returns zeros, which also keeps the collector from taking old bytes for addresses.
func (a *allocator) Allocate(size int) []byte {
	return a.lend(C.calloc(room(size), 1), size, size)
}

func (a *allocator) Reallocate(size int, b []byte) []byte {
	return a.lend(C.grow(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)), room(size)), size-len(b), size)
}

func (a *allocator) Free(b []byte) {
	C.free(unsafe.Pointer(unsafe.SliceData(b)))
	a.held.Add(-int64(len(b)))
}
