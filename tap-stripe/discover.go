package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/sync/errgroup"

	"tapline/schemas"
	"tapline/singer"
)

// allStreams is the catalog of all streams.
func allStreams() (*singer.Catalog, error) {
	catalog := &singer.Catalog{}
	for _, st := range streams {
		known, err := schemas.StripeStream(st.name)
		if err != nil {
			return nil, err
		}
		entry := singer.NewStream(st.name, known.Schema, known.KeyProperties, st.cursor)
		if st.costly {
			entry.Metadata[0].Metadata["selected-by-default"] = json.RawMessage("false")
		}
		catalog.Streams = append(catalog.Streams, entry)
	}
	return catalog, nil
}

// discover lists the streams, [singer.Tap.Discover]. Without a key it asks nobody. A restricted key is tried on every
// list, any other key on those that not every account has; what it may not read is marked as unsupported.
//
// A run without a catalog discovers, too. If its setting select chooses streams nothing is tried: what somebody asks
// for is to fail, not to be left out.
func discover(ctx context.Context, run *singer.Run) (*singer.Catalog, error) {
	catalog, err := allStreams()
	if err != nil || run == nil {
		return catalog, err
	}
	var given struct {
		APIKey       singer.Secret `json:"api_key"`
		ClientSecret singer.Secret `json:"client_secret"`
		Select       []string      `json:"select"`
	}
	if err := run.Config.Decode(&given); err != nil {
		return nil, err
	}
	if len(given.Select) > 0 {
		return catalog, nil
	}
	tellCostly(run)
	if given.APIKey+given.ClientSecret == "" {
		return catalog, nil
	}
	s, err := readSettings(run.Config)
	if err != nil {
		return nil, err
	}
	var doubtful []*stream
	for i := range streams {
		if s.restricted() || streams[i].root().product {
			doubtful = append(doubtful, &streams[i])
		}
	}
	s.MaxRetries = min(s.MaxRetries, discoveryRetries)
	refused, err := tryAll(ctx, newClient(s, nil, run.Log, run.Metrics), s, "", doubtful)
	if errors.Is(err, singer.ErrUnavailable) {
		run.Log.Warn("Stripe cannot be asked which streams the key may read, so all are listed", "cause", err.Error())
		return catalog, nil
	}
	if err != nil {
		return nil, err
	}
	markUnsupported(run, catalog, refused)
	return catalog, nil
}

// tellCostly names the streams that are not read by default.
func tellCostly(run *singer.Run) {
	var names []string
	for i := range streams {
		if streams[i].costly {
			names = append(names, streams[i].name)
		}
	}
	run.Log.Info("streams that cost a request for each customer, or the like, are read only when they are selected", "streams", strings.Join(names, ", "))
}

// discoveryRetries is how often discovery tries again: whoever works without a network should not wait for it.
const discoveryRetries = 2

// markUnsupported marks the streams that were refused, and says so.
func markUnsupported(run *singer.Run, catalog *singer.Catalog, refused map[string]error) {
	var denied, unused []string
	for _, entry := range catalog.Streams {
		err := refused[entry.ID]
		if err == nil {
			continue
		}
		entry.MarkUnsupported(reason(err))
		var api *APIError
		if errors.As(err, &api) && api.productMissing() {
			unused = append(unused, entry.ID)
		} else {
			denied = append(denied, entry.ID)
		}
	}
	if unused != nil {
		run.Log.Info("streams of products that the account does not use are left out", "streams", strings.Join(unused, ", "))
	}
	if denied != nil {
		run.Log.Warn("streams that the API key may not read are left out; --check tells why", "streams", strings.Join(denied, ", "))
	}
}

// reason says in a few words why a stream cannot be read.
func reason(err error) string {
	var api *APIError
	switch {
	case !errors.As(err, &api):
		return err.Error()
	case api.forbidden():
		return "the key lacks " + cmp.Or(api.permission(), "a permission")
	case api.productMissing():
		return "the account does not use this product"
	}
	return api.Error()
}

// restricted tells by the key's prefix whether it may read only what it was granted.
func (s *settings) restricted() bool { return strings.HasPrefix(s.APIKey.Reveal(), "rk_") }

// triesAtOnce is how many streams are tried at the same time.
const triesAtOnce = 8

// accountPath is where a key's own account is shown. Restricted keys are not meant to see it.
const accountPath = "/v1/account"

var errAccountUnasked = errors.New("the account itself is read with a secret key (sk_...) only")

// tryAll asks for one object of each stream, and returns why some were refused, by name. What belongs to a refused list
// is refused with it; what belongs to another one is tried with a restricted key, which may lack the one permission and
// have the other. account is the connected account to ask for; "": that of the settings. A failure that concerns all of
// them, such as a wrong key, is returned by itself.
func tryAll(ctx context.Context, c *client, s *settings, account string, list []*stream) (refused map[string]error, err error) {
	refused = map[string]error{}
	var roots, children []*stream
	tried := map[string]*stream{} // by path, for some children share a list
	for _, st := range list {
		root := st.root()
		switch {
		case root.path == accountPath && s.restricted():
			refused[root.name] = errAccountUnasked
		case tried[root.path] == nil:
			tried[root.path], roots = root, append(roots, root)
		}
	}
	if err := c.tryEach(ctx, account, roots, refused); err != nil {
		return nil, err
	}
	for _, st := range list {
		for ; st.parent != nil && refused[st.root().name] == nil && s.restricted(); st = findStream(st.parent.stream) {
			if path := st.parent.path; path != "" && tried[path] == nil {
				tried[path], children = st, append(children, st)
			}
		}
	}
	if err := c.tryEach(ctx, account, children, refused); err != nil {
		return nil, err
	}
	for _, st := range list {
		if why := refusalAbove(st, tried, refused); why != nil {
			refused[st.name] = why
		}
	}
	return refused, nil
}

// refusalAbove returns why a stream's own list was refused, or that of one on which it hangs.
func refusalAbove(st *stream, tried map[string]*stream, refused map[string]error) error {
	for ; st.parent != nil; st = findStream(st.parent.stream) {
		if one := tried[st.parent.path]; one != nil && refused[one.name] != nil {
			return refused[one.name]
		}
	}
	return refused[st.name]
}

// tryEach tries streams, a few at a time, and notes which were refused.
func (c *client) tryEach(ctx context.Context, account string, list []*stream, refused map[string]error) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(triesAtOnce)
	for _, st := range list {
		group.Go(func() error {
			err := c.try(ctx, account, st)
			if err == nil || !concernsOneStream(err) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			refused[st.name] = err
			return nil
		})
	}
	return group.Wait()
}

// nobody is the id of no object. Stripe looks at the key's permissions before it looks for the object.
const nobody = "none"

// try asks for as little as possible of a stream.
func (c *client) try(ctx context.Context, account string, st *stream) error {
	switch {
	case st.parent != nil:
		return c.tryChild(ctx, account, st)
	case st.single:
		_, err := c.retrieve(ctx, request{account: account, path: st.path})
		return err
	case st.heardOf():
		r := byID(st.path+"/{id}", nobody)
		r.account = account
		_, err := c.retrieve(ctx, r)
		var api *APIError
		if errors.As(err, &api) && api.missing() {
			return nil
		}
		return err
	}
	r := trial(st)
	r.account = account
	_, err := c.list(ctx, r)
	return err
}

// tryChild asks for the children of nobody. Only the refusal of a permission says something about the list.
func (c *client) tryChild(ctx context.Context, account string, st *stream) error {
	parent := json.RawMessage(`{"id":"` + nobody + `","ownership":"` + nobody + `"}`)
	r := request{account: account, endpoint: st.parent.path, path: fillIn(st.parent.path, parent, url.PathEscape), query: childQuery(st, st.expand, parent, "")}
	if !st.unpaged {
		r.size = 1
	}
	_, err := c.list(ctx, r)
	var api *APIError
	if errors.As(err, &api) && concernsOneStream(err) && !api.forbidden() && !api.productMissing() {
		return nil
	}
	return err
}

// trial asks for one object of a list.
func trial(st *stream) request {
	r := request{path: st.path, size: 1}
	if st.unpaged {
		r.size = 0
	}
	if len(st.lists) > 0 {
		if name, value, ok := strings.Cut(st.lists[0], "="); ok {
			r.query = &form.Values{}
			r.query.Add(name, value)
		}
	}
	return r
}
