package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"tapline/singer"
)

// An account is one account to read, and the jobs of its streams.
type account struct {
	id   string // "": that of the settings
	jobs []*job
}

// accountsAtOnce is how many accounts' changes are read side by side.
const accountsAtOnce = 4

// accounts lists the accounts to read with their jobs.
func (s *syncer) accounts(ids []string, picks []pick) ([]*account, error) {
	var accounts []*account
	for _, id := range ids {
		jobs, err := s.jobsOf(id, picks)
		if err != nil {
			return nil, err
		}
		if err := s.refuseFuture(jobs); err != nil {
			return nil, err
		}
		accounts = append(accounts, &account{id, jobs})
	}
	return accounts, nil
}

// accountIDs lists the accounts that the settings name; "" is the one of the key or of account_id.
func (s *syncer) accountIDs(ctx context.Context) ([]string, error) {
	if !s.several {
		return []string{""}, nil
	}
	var ids []string
	for _, name := range s.settings.Accounts {
		more := []string{name}
		var err error
		switch name {
		case allConnected:
			more, err = s.connected(ctx)
		case thePlatform:
			more[0], err = s.platform(ctx)
		}
		if err != nil {
			return nil, err
		}
		for _, id := range more {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// What the setting accounts may hold beside ids.
const (
	allConnected = "all"      // that are connected to the platform
	thePlatform  = "platform" // the key's own account
)

// platform returns the id of the key's own account.
func (s *syncer) platform(ctx context.Context) (string, error) {
	id, _, err := s.client.ownAccount(ctx)
	if err == nil && id == "" {
		err = errors.New("the account that the key belongs to is not told by Stripe; write its id (acct_...) instead of platform into accounts")
	}
	return id, err
}

// connected lists the accounts that are connected to the platform.
func (s *syncer) connected(ctx context.Context) (ids []string, err error) {
	job := &job{stream: findStream("accounts")}
	after := ""
	for {
		answer, err := s.client.list(ctx, request{path: job.stream.path, query: listQuery(job, "", after), size: s.settings.PageSize})
		if err != nil {
			return nil, fmt.Errorf("listing the connected accounts: %w", err)
		}
		for _, object := range answer.objects {
			id, err := stringOf(member(object, "id"))
			if err != nil {
				return nil, errors.New("listing the connected accounts: one has no id")
			}
			ids = append(ids, id)
		}
		if !answer.more {
			s.run.Log.Info("connected accounts are read", "accounts", len(ids))
			return ids, nil
		}
		if after, err = nextAfter(job.stream, answer.objects, after); err != nil {
			return nil, err
		}
	}
}

// followAll reads what has changed in each account.
func (s *syncer) followAll(ctx context.Context, accounts []*account) ([]*singer.StreamError, error) {
	if s.follow == nil {
		return nil, nil
	}
	failed := make([]error, len(accounts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	for i, a := range accounts {
		group.Go(func() error {
			err := s.follow(ctx, a.id, a.jobs)
			if err != nil && concernsOneStream(err) {
				failed[i] = err
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []*singer.StreamError
	for _, err := range failed {
		all = append(all, streamErrors(err)...)
	}
	return all, nil
}

// streamErrors lists the failures of streams that one error joins.
func streamErrors(err error) []*singer.StreamError {
	var several singer.StreamErrors
	var one *singer.StreamError
	switch {
	case errors.As(err, &several):
		return several
	case errors.As(err, &one):
		return []*singer.StreamError{one}
	case err != nil:
		return []*singer.StreamError{{Stream: "events", Err: err}}
	}
	return nil
}

// accountOf is what the records of a batch say about the account they are of.
func (s *syncer) accountOf(b batch) string {
	if !s.several {
		return s.settings.AccountID
	}
	return b.account
}

// addAccount makes the account a part of every key, because ids that merchants choose are unique in their account only.
func addAccount(picks []pick) {
	for _, p := range picks {
		p.schema.KeyProperties = append([]string{columnAccount}, p.schema.KeyProperties...)
		p.schema.Schema = requireText(p.schema.Schema, columnAccount)
		p.records.columns[columnAccount] = true
	}
}

// requireText makes a property of a schema one that is always a text.
func requireText(schema json.RawMessage, name string) json.RawMessage {
	var whole map[string]json.RawMessage
	var properties map[string]json.RawMessage
	if json.Unmarshal(schema, &whole) != nil || json.Unmarshal(whole["properties"], &properties) != nil {
		return schema // newRecordShop has refused it
	}
	properties[name] = json.RawMessage(`{"type":"string"}`)
	whole["properties"], _ = json.Marshal(properties) // raw JSON that was decoded always encodes
	out, _ := json.Marshal(whole)
	return out
}

// severalAccounts tells whether connected accounts are to be read instead of one account.
func (s *settings) severalAccounts() bool { return len(s.Accounts) > 0 }
