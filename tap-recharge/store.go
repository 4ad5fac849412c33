package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tapline/internal/recharge"
	"tapline/singer"
)

// storeKey is where the state keeps whose data it speaks of, beside the bookmarks of streams, none of which has this
// name.
const storeKey = "_store"

// A storeIdentity is whose data a state speaks of.
type storeIdentity struct {
	ID         json.Number `json:"id"`
	Identifier string      `json:"identifier,omitempty"` // such as "example.myshopify.com"
}

func (i storeIdentity) String() string {
	if i.Identifier == "" {
		return i.ID.String()
	}
	return fmt.Sprintf("%s (%s)", i.Identifier, i.ID)
}

// A store is what Recharge tells of the store that a token belongs to.
type store struct {
	storeIdentity
	Name     string `json:"name"`
	Currency string `json:"currency"`
	Timezone struct {
		Name string `json:"iana_name"`
	} `json:"timezone"`
}

// askStore asks which store the token belongs to. It returns nil if the token may not know that. The time is the
// server's clock, zero with a nil store.
func askStore(ctx context.Context, c *recharge.Client) (*store, time.Time, error) {
	text, date, err := c.Get(ctx, "/store", "store", nil)
	if refused, ok := errors.AsType[*recharge.Error](err); ok && (refused.Forbidden() || refused.NotFound()) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, explain(findStream("store"), err)
	}
	var of store
	if err := json.Unmarshal(text, &of); err != nil || of.ID == "" {
		return nil, date, nil // not worth a failure: its stream tells what is wrong with it
	}
	return &of, date, nil
}

// refuseOther refuses the token of another store than the state speaks of: what the bookmarks promise was read from
// that one. A state without a store is of any.
func refuseOther(state *singer.Bookmarks, of *store) error {
	var known storeIdentity
	if found, err := state.Get(storeKey, &known); err != nil || !found {
		return err
	}
	if of == nil || known.ID == of.ID {
		return nil
	}
	return &singer.ConfigError{Source: "the state", Faults: []string{fmt.Sprintf(
		"it speaks of the store %s, but the access token belongs to the store %s; use the token of the first, or another state and another place in the warehouse for the second.",
		known, of.storeIdentity)}}
}

// meet learns the time and the store from Recharge. The local clock does not matter: it may be wrong, and a bookmark
// would then promise too much.
func (s *syncer) meet(ctx context.Context) error {
	of, date, err := askStore(ctx, s.client)
	if err != nil {
		return err
	}
	if date.IsZero() {
		if _, date, err = s.client.Get(ctx, "/token_information", "", nil); err != nil {
			return explain(nil, err)
		}
	}
	if date.IsZero() {
		return errors.New("the answers have no Date header, without which nothing can be promised about times")
	}
	s.now = date
	if of == nil {
		s.run.Log.Info("the token may not read the store itself, so that a token of another store would not be noticed")
		return nil
	}
	if err := refuseOther(s.run.Bookmarks, of); err != nil {
		return err
	}
	return s.run.Bookmarks.Set(storeKey, of.storeIdentity)
}
