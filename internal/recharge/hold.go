package recharge

import (
	"regexp"
	"sync"
	"time"
)

// Recharge answers 409 to a request for an address, or something below one, while another such request is in progress.
// Holds keep the requests of this program for the same subject from meeting each other again.
type holds struct {
	mu    sync.Mutex
	until map[string]time.Time // by subject
}

func newHolds() *holds { return &holds{until: map[string]time.Time{}} }

// put holds back requests for subject.
func (h *holds) put(subject string, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for other, until := range h.until { // what is over is forgotten
		if !until.After(now) {
			delete(h.until, other)
		}
	}
	if until := now.Add(wait); until.After(h.until[subject]) {
		h.until[subject] = until
	}
}

// left tells for how long requests for subject are still held back.
func (h *holds) left(subject string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Until(h.until[subject])
}

var addressInPath = regexp.MustCompile(`^/addresses/([0-9]+)(/|$)`)

// subject is what Recharge serves one request at a time for: an address where the call names one, else the path.
func (one call) subject() string {
	if found := addressInPath.FindStringSubmatch(one.path); found != nil {
		return "address " + found[1]
	}
	if id := one.query.Get("address_id"); id != "" {
		return "address " + id
	}
	return one.path
}
