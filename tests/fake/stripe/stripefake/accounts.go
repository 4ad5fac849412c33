package stripefake

import (
	"fmt"
	"net/http"
	"strings"
)

// connect makes the connected accounts of a platform. They share its clock.
func (s *Server) connect() error {
	s.connected = map[string]*Server{}
	for i, o := range s.options.Connected {
		if o.Connected != nil || o.Account == s.options.Account || s.connected[o.Account] != nil {
			return fmt.Errorf("connected account %d (%s): want an account of its own that is no platform", i, o.Account)
		}
		account, err := newServer(o, s.Clock)
		if err != nil {
			return fmt.Errorf("connected account %s: %w", o.Account, err)
		}
		s.connected[o.Account] = account
	}
	return nil
}

// connectedDefaults gives each connected account an id, the platform's start
// of the clock and a seed of its own.
func (o Options) connectedDefaults() Options {
	list := make([]Options, len(o.Connected))
	for i, c := range o.Connected {
		if c.Account == "" {
			c.Account = fmt.Sprintf("acct_1Connected%04d", i)
		}
		if c.Seed == 0 {
			c.Seed = o.Seed + uint64(i) + 1
		}
		c.Now, c.Pace, c.EventDelay, c.EventVersions, c.ShortDeletes = o.Now, o.Pace, o.EventDelay, o.EventVersions, o.ShortDeletes
		c.InlinePrices = o.InlinePrices
		list[i] = c.withDefaults()
	}
	if len(list) > 0 {
		o.Connected = list
		counts := map[string]int{"accounts": len(list)}
		for name, n := range o.Counts {
			if name != "accounts" {
				counts[name] = n
			}
		}
		o.Counts = counts
	}
	return o
}

// Account returns the connected account with an id, whose methods read and
// change it, or nil. Keys, limits, latency, failures and the log of requests
// are the platform's.
func (s *Server) Account(id string) *Server { return s.connected[id] }

// Deauthorize takes a connected account away from the platform, as its owner
// can: it is listed no longer, and requests for it are refused. It may be read
// by [Server.Account] still.
func (s *Server) Deauthorize(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shelves["accounts"]
	at, ok := sh.live(id)
	if s.connected[id] == nil || !ok {
		return fmt.Errorf("there is no connected account %s to take away", id)
	}
	sh.entries[at].deleted = true
	return nil
}

// target is the account that a request is for.
func (s *Server) target(r *http.Request) *Server {
	id := r.Header.Get("Stripe-Account")
	if id == "" || id == s.options.Account {
		return s
	}
	return s.connected[id]
}

// mayActFor reports whether the platform has access to the account that a
// request is for.
func (s *Server) mayActFor(r *http.Request) bool {
	account := s.target(r)
	if account == nil || account == s {
		return account == s
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.shelves["accounts"].live(account.options.Account)
	return ok
}

// ownAccount answers GET /v1/account for a connected account, with the bytes
// that the platform sees.
func (s *Server) ownAccount(id string, r *http.Request, key Key) ([]byte, *apiError) {
	if err := s.permits(key, "account", "account", id); err != nil {
		return nil, err
	}
	return s.get(s.shelves["accounts"], "/v1/account", id, r.URL.Query())
}

// feedOf is the account in whose feed an event of the platform's objects
// appears: what happens to a connected account is told there, not to the platform.
func (s *Server) feedOf(typ string, snapshot []byte) *Server {
	group, _, _ := strings.Cut(typ, ".")
	id := ""
	switch group {
	case "account":
		id = memberText(snapshot, "id")
		if memberText(snapshot, "object") != "account" {
			id = memberText(snapshot, "account")
		}
	case "person", "capability":
		id = memberText(snapshot, "account")
	}
	if account := s.connected[id]; account != nil {
		return account
	}
	return s
}
