package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76/form"
)

// branches are further ways to objects of streams, beside their own lists. Each is a child stream with a bookmark of its
// own, whose records are those of the stream it leads into. It is taken in runs that read its parent's stream as well.
var branches = []stream{
	// The list shows open reviews alone.
	{name: "reviews_of_charges", into: "reviews",
		parent: &parentage{stream: "charges", path: "/v1/reviews/{review}", one: true, needed: shows("review")}},
	{name: "reviews_of_payment_intents", into: "reviews",
		parent: &parentage{stream: "payment_intents", path: "/v1/reviews/{review}", one: true, needed: shows("review")}},
	// Prices that were made inside of other objects may be in no list.
	{name: "prices_of_subscription_items", into: "prices", expand: priceExpand,
		parent: &parentage{stream: "subscription_items", path: "/v1/prices/{price.id}", one: true, needed: shows("price")}},
	{name: "prices_of_invoice_items", into: "prices", expand: priceExpand,
		parent: &parentage{stream: "invoice_items", path: "/v1/prices/{price.id}", one: true, needed: shows("price")}},
	{name: "prices_of_invoice_line_items", into: "prices", expand: priceExpand,
		parent: &parentage{stream: "invoice_line_items", path: "/v1/prices/{price.id}", one: true, needed: shows("price")}},
	// A discount is shown by what it was given to, and by nothing else.
	{name: "discounts_of_subscriptions", into: "discounts", object: "discount", deletable: true,
		parent: &parentage{stream: "subscriptions", embedded: "discounts", expanded: true, instead: "discount", as: "subscription"}},
	{name: "discounts_of_invoices", into: "discounts", object: "discount",
		parent: &parentage{stream: "invoices", embedded: "discounts", expanded: true, instead: "discount", as: "invoice"}},
	{name: "discounts_of_subscription_items", into: "discounts",
		parent: &parentage{stream: "subscription_items", embedded: "discounts", expanded: true}},
	{name: "discounts_of_invoice_items", into: "discounts",
		parent: &parentage{stream: "invoice_items", embedded: "discounts", expanded: true}},
	{name: "discounts_of_invoice_line_items", into: "discounts",
		parent: &parentage{stream: "invoice_line_items", embedded: "discounts", expanded: true}},
}

// shows tells whether a parent has a member that is not null.
func shows(name string) func(json.RawMessage) bool {
	return func(parent json.RawMessage) bool { return member(parent, name) != nil }
}

// withBranches returns the picks and the branches that lead into them from others of them.
func withBranches(picks []pick) []pick {
	all := slices.Clone(picks)
	of := func(name string) *pick {
		i := slices.IndexFunc(picks, func(p pick) bool { return p.stream.name == name })
		if i < 0 {
			return nil
		}
		return &picks[i]
	}
	for i := range branches {
		branch := &branches[i]
		if into := of(branch.into); into != nil && of(branch.parent.stream) != nil {
			all = append(all, pick{branch, into.schema, into.records})
		}
	}
	return all
}

// dropBranches forgets that branches are in step with roots of this run that are not taken in it, as [syncer.dropAbsent]
// does for streams.
func (s *syncer) dropBranches(jobs []*job) {
	for i := range branches {
		branch := &branches[i]
		taken := slices.ContainsFunc(jobs, func(j *job) bool { return j.stream == branch })
		for _, j := range jobs {
			if j.stream == branch.root() && !taken {
				s.run.Bookmarks.Remove(stateKey(branch.name, j.account))
			}
		}
	}
}

// maxNamed bounds the objects that are remembered because a parent named them.
const maxNamed = 200_000

// nameOnce tells whether nobody has asked for an object in this run, and remembers it. Reading one twice does no harm. If
// the run is cut before the page is written for which it was asked for, the next run reads that page again.
func (s *syncer) nameOnce(account, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name(account + path)
}

// name is nameOnce while syncer.mu is held.
func (s *syncer) name(key string) (first bool) {
	if s.named == nil || len(s.named) >= maxNamed {
		s.named = map[string]uint64{}
	}
	if _, known := s.named[key]; !known {
		s.named[key] = 0
		return true
	}
	return false
}

// fetchNamed reads the one object that a parent names, unless another one has named it, or a list has shown it. One that
// is gone is none.
func (s *syncer) fetchNamed(ctx context.Context, account string, child *job, parent found) ([]found, error) {
	p := child.stream.parent
	if !s.nameOnce(account, fillIn(p.path, parent.object, url.PathEscape)) {
		return nil, nil
	}
	query := &form.Values{}
	for _, path := range child.expand() {
		query.Add("expand[]", strings.TrimPrefix(path, "data."))
	}
	path, _, _ := strings.Cut(p.path, "{")
	came, err := s.client.retrieve(ctx, request{account: account, endpoint: path + "{id}", path: fillIn(p.path, parent.object, url.PathEscape), query: query})
	var api *APIError
	switch {
	case errors.As(err, &api) && api.missing():
		return nil, nil
	case err != nil:
		return nil, err
	case string(member(came.raw, columnDeleted)) == "true":
		return nil, nil
	}
	return []found{{object: came.raw, read: came.read}}, nil
}

// closeBranch ends a branch that the key may not read. The stream it leads into is refused by itself, so that nothing
// has to be said. What it was to bring is read when it is granted, from the start.
func (s *syncer) closeBranch(branch *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	branch.off.Store(true)
	s.run.Bookmarks.Remove(branch.key())
}

// routeShown adds an event about an object that only its owner shows: the owner is read anew, and what it does not show
// any more is gone.
func (f *follower) routeShown(w *changes, e *event, j *job) {
	id, parent := idOf(member(e.object, j.stream.parent.as)), f.parent(j)
	if id == "" || parent == nil || j.stream.parent.as != ownerOf(e.object) {
		return
	}
	f.noteChild(w.touch(changeKey{job: parent, id: id}, e), j, e.objectID, shownChild{slices.Clone(e.object), e.created})
}

// ownerOf names the member with the id of what a discount was given to. One of a subscription names the customer, too.
func ownerOf(discount json.RawMessage) string {
	for _, name := range []string{"invoice", "subscription"} {
		if member(discount, name) != nil {
			return name
		}
	}
	return "customer"
}
