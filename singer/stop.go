package singer

import (
	"errors"
	"io"
	"sync"
)

// errStopped is how the input of a target ends when the run was asked to stop. The [Reader] drops the line that it has
// only in part and reports io.EOF.
var errStopped = errors.New("the input was stopped")

const (
	aheadBuffers = 8
	aheadSize    = 256 << 10 // bytes
)

// readAhead reads its source in the background, a bounded way ahead: the tap goes on while the target commits, and a
// request to stop is heard while the source has nothing to say.
type readAhead struct {
	full chan []byte   // read and waiting, in order; closed at the end of the source
	free chan []byte   // buffers to read into
	stop chan struct{} // closed by Stop
	once sync.Once
	err  error // why the source ended; set before full is closed

	now  []byte // the buffer that Read hands out
	rest []byte // what is left of it
}

func newReadAhead(source io.Reader) *readAhead {
	a := &readAhead{
		full: make(chan []byte, aheadBuffers),
		free: make(chan []byte, aheadBuffers),
		stop: make(chan struct{}),
	}
	for range aheadBuffers {
		a.free <- nil // made when first needed
	}
	go a.fill(source)
	return a
}

func (a *readAhead) fill(source io.Reader) {
	defer close(a.full)
	for {
		var buf []byte
		select {
		case <-a.stop:
			return
		case buf = <-a.free:
		}
		if buf == nil {
			buf = make([]byte, aheadSize)
		}
		n, err := source.Read(buf[:aheadSize])
		if n > 0 {
			a.full <- buf[:n] // never blocks: there are no more buffers than places
		} else {
			a.free <- buf
		}
		if err != nil {
			a.err = err
			return
		}
	}
}

// Read returns errStopped once Stop has been called, even if more has been read ahead.
func (a *readAhead) Read(p []byte) (int, error) {
	if a.stopped() {
		return 0, errStopped
	}
	if len(a.rest) == 0 {
		if a.now != nil {
			a.free <- a.now
			a.now = nil
		}
		select {
		case <-a.stop:
			return 0, errStopped
		case buf, ok := <-a.full:
			if !ok {
				return 0, a.ended()
			}
			a.now, a.rest = buf, buf
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// ended tells why full was closed: by a stop or by the end of the source.
func (a *readAhead) ended() error {
	if a.err == nil {
		return errStopped
	}
	return a.err
}

// Stop ends the input.
func (a *readAhead) Stop() { a.once.Do(func() { close(a.stop) }) }

func (a *readAhead) stopped() bool {
	select {
	case <-a.stop:
		return true
	default:
		return false
	}
}
