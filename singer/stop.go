package singer

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
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
	err  error       // why the source ended; set before full is closed
	cut  atomic.Bool // the reader was told of the stop, and not of the source's own end before it

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

// Read waits for the source only when nothing has been read ahead, and else gives as much as fits. It returns errStopped
// once Stop has been called, even if more has been read ahead.
func (a *readAhead) Read(p []byte) (n int, err error) {
	if a.stopped() {
		a.cut.Store(true)
		return 0, errStopped
	}
	for n < len(p) {
		if len(a.rest) == 0 && !a.next(n == 0) {
			break
		}
		copied := copy(p[n:], a.rest)
		a.rest = a.rest[copied:]
		n += copied
	}
	if n == 0 && len(p) > 0 {
		return 0, a.ended()
	}
	return n, nil
}

// next takes the next buffer that was read ahead, waiting for one if told to. It returns false when there is none.
func (a *readAhead) next(wait bool) bool {
	if a.now != nil {
		a.free <- a.now
		a.now = nil
	}
	var ok bool
	if wait {
		select {
		case <-a.stop:
		case a.now, ok = <-a.full:
		}
	} else {
		select {
		case a.now, ok = <-a.full:
		default:
		}
	}
	a.rest = a.now
	return ok
}

// ended tells why full was closed: by a stop or by the end of the source.
func (a *readAhead) ended() error {
	if a.stopped() || a.err == nil {
		a.cut.Store(true)
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
