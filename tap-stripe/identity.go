package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"tapline/singer"
)

// identityKey is what the state calls the account that it speaks of. No stream has this name.
const identityKey = "_account"

// An identity is whose data a state speaks of. Live and test data of an account share its id and nothing else.
type identity struct {
	ID   string `json:"id,omitempty"` // "": not known, or several
	Live bool   `json:"livemode"`
}

func (i identity) String() string {
	mode := "test data"
	if i.Live {
		mode = "live data"
	}
	if i.ID == "" {
		return mode
	}
	return "the " + mode + " of account " + i.ID
}

// identify finds out whose data the settings lead to. now is the server's clock, or zero if nobody was asked.
func (c *client) identify(ctx context.Context, s *settings) (of identity, now time.Time, err error) {
	of = identity{Live: !s.testMode()}
	if s.severalAccounts() { // the bookmarks say of which account they are
		return of, now, nil
	}
	of.ID = s.AccountID
	if of.ID == "" {
		of.ID, now, err = c.ownAccount(ctx)
	}
	return of, now, err
}

var accountID = regexp.MustCompile(`\bacct_[A-Za-z0-9]+`)

// ownAccount returns the id of the key's own account, or "" if Stripe does not tell, and the server's clock. Most
// restricted keys may not read the account, but the refusal names it.
func (c *client) ownAccount(ctx context.Context) (string, time.Time, error) {
	shown, err := c.retrieve(ctx, request{path: accountPath})
	var api *APIError
	switch {
	case err == nil:
		return textOf(member(shown.raw, "id")), shown.read, nil
	case errors.As(err, &api) && api.forbidden():
		return accountID.FindString(api.Message), serverDate(api.header), nil
	case concernsOneStream(err):
		return "", time.Time{}, nil
	}
	return "", time.Time{}, err
}

// refuseOther refuses a key that leads to other data than the state speaks of: what the bookmarks promise was read from
// there. A state that names no account is of any.
func refuseOther(state *singer.Bookmarks, of identity) error {
	var known identity
	found, err := state.Get(identityKey, &known)
	if err != nil {
		return &singer.ConfigError{Source: "the state", Faults: []string{
			fmt.Sprintf(`the bookmark %q does not look like {"id": "acct_1A2b3C4d", "livemode": true}; remove it if the state is of this account.`, identityKey)}}
	}
	if !found || known.Live == of.Live && (known.ID == of.ID || known.ID == "" || of.ID == "") {
		return nil
	}
	return &singer.ConfigError{Source: "the state", Faults: []string{fmt.Sprintf(
		"it speaks of %s, but the key leads to %s; use a key of the first, or another state and another place in the warehouse for the second.", known, of)}}
}

// meet refuses a state of another account, notes in it whose it is, and learns the time.
func (s *syncer) meet(ctx context.Context, picks []pick) error {
	of, now, err := s.client.identify(ctx, s.settings)
	if err == nil && now.IsZero() {
		now, err = s.client.clock(ctx, clockStream(picks))
	}
	if err != nil {
		return err
	}
	s.now = now
	if err := refuseOther(s.run.Bookmarks, of); err != nil {
		return err
	}
	if of.ID == "" {
		if !s.several {
			s.run.Log.Info("Stripe does not tell which account the key belongs to, so that a key of another account would not be noticed")
		}
		var known identity
		if found, _ := s.run.Bookmarks.Get(identityKey, &known); found { // refuseOther has read it
			of.ID = known.ID
		}
	}
	return s.run.Bookmarks.Set(identityKey, of)
}
