package recharge

import (
	"context"
	"regexp"
	"sync"
	"time"
)

// Recharge answers 409 to a request for an address, or something below one, while another such request is in progress.
// Holds let this program's requests for the same address go one by one, so that only other programs can be in the way,
// and hold back the next ones for a while after a 409. Other paths, such as lists, are not asked for one by one.
type holds struct {
	mu sync.Mutex
	of map[string]*hold // by subject; those that nobody needs are forgotten
}

type hold struct {
	turn  chan struct{} // held by the request that is in progress
	users int           // requests that are in progress or wait
	until time.Time     // when the next one may go
}

func newHolds() *holds { return &holds{of: map[string]*hold{}} }

// enter waits until a request for subject may go. leave must be called when it is answered.
func (h *holds) enter(ctx context.Context, subject subject) (leave func(), err error) {
	one := h.use(subject.name)
	release := func() { h.drop(one) }
	if subject.alone {
		select {
		case one.turn <- struct{}{}:
			release = func() {
				<-one.turn
				h.drop(one)
			}
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	if err := sleep(ctx, h.left(one)); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// put holds back the next requests for subject for a while. It must be called by a request that is in progress.
func (h *holds) put(subject subject, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.of[subject.name]; one != nil {
		if until := time.Now().Add(wait); until.After(one.until) {
			one.until = until
		}
	}
}

func (h *holds) use(name string) *hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.of[name]
	if one == nil {
		one = &hold{turn: make(chan struct{}, 1)}
		h.of[name] = one
	}
	one.users++
	return one
}

// drop ends a use of one. Whatever is neither in use nor held back is forgotten, be it one or another.
func (h *holds) drop(one *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one.users--
	now := time.Now()
	for name, one := range h.of {
		if one.users == 0 && !one.until.After(now) {
			delete(h.of, name)
		}
	}
}

func (h *holds) left(one *hold) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Until(one.until)
}

// A subject is what a request is for, as far as others may be in its way.
type subject struct {
	name  string
	alone bool // Recharge serves one request at a time for it
}

var addressInPath = regexp.MustCompile(`^/addresses/([0-9]+)(/|$)`)

// subject is the address that a call names, or else its path.
func (one call) subject() subject {
	if found := addressInPath.FindStringSubmatch(one.path); found != nil {
		return subject{"address " + found[1], true}
	}
	if id := one.query.Get("address_id"); id != "" {
		return subject{"address " + id, true}
	}
	return subject{name: one.path}
}
