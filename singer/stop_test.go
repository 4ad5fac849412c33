package singer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestReadAheadPassesEveryByteInOrder(t *testing.T) {
	text := make([]byte, 5*aheadSize+123)
	for i := range text {
		text[i] = byte(rand.Uint32())
	}
	for name, source := range map[string]io.Reader{
		"whole": bytes.NewReader(text), "halves": iotest.HalfReader(bytes.NewReader(text)), "data with the end": iotest.DataErrReader(bytes.NewReader(text)),
	} {
		got, err := io.ReadAll(newReadAhead(source))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes of %d arrive, %v", name, len(got), len(text), err)
		}
	}
}

func TestReadAheadPassesFailuresBehindTheData(t *testing.T) {
	broken := errors.New("broken")
	got, err := io.ReadAll(newReadAhead(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken))))
	if string(got) != "abc" || err != broken {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestReadAheadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &countingReader{}
		a := newReadAhead(source)
		defer a.Stop()
		synctest.Wait() // until nothing more is read
		if n := source.n.Load(); n != aheadBuffers {
			t.Errorf("%d buffers are read ahead, want %d", n, aheadBuffers)
		}
	})
}

func TestStopEndsAReadThatWaits(t *testing.T) {
	source, sink := io.Pipe()
	defer sink.Close()
	a := newReadAhead(source)
	got := make(chan error)
	go func() {
		_, err := io.ReadAll(a)
		got <- err
	}()
	a.Stop()
	a.Stop()
	if err := <-got; err != errStopped {
		t.Errorf("the read ends with %v", err)
	}
}

func TestStopEndsTheInputAtALineBoundary(t *testing.T) {
	source, sink := io.Pipe()
	a := newReadAhead(source)
	r := NewReader(a)
	go sink.Write([]byte(`{"type":"STATE","value":1}` + "\n" + `{"type":"STATE","va`))
	m, err := r.Read()
	if state, ok := m.(*State); !ok || err != nil || string(state.Value) != "1" {
		t.Fatalf("first line: %v, %v", m, err)
	}
	a.Stop()
	for range 2 {
		if m, err := r.Read(); err != io.EOF {
			t.Errorf("behind the stop: %v, %v; want io.EOF", m, err)
		}
	}
}

func TestAStopBehindTheEndOfTheInputCutsNothing(t *testing.T) {
	for _, whole := range []bool{true, false} {
		a := newReadAhead(strings.NewReader(`{"type":"STATE","value":1}` + "\n"))
		r := NewReader(a)
		if !whole {
			a.Stop()
		}
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		a.Stop()
		if a.cut.Load() == whole {
			t.Errorf("read to its end %v, cut %v", whole, a.cut.Load())
		}
	}
}

// countingReader has no end and counts its reads.
type countingReader struct{ n atomic.Int64 }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n.Add(1)
	return len(p), nil
}
