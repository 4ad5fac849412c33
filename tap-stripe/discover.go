package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
		catalog.Streams = append(catalog.Streams, singer.NewStream(st.name, known.Schema, known.KeyProperties, st.cursor))
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
	if given.APIKey+given.ClientSecret == "" || len(given.Select) > 0 {
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
	refused, err := tryAll(ctx, newClient(s, nil, run.Log, run.Metrics), s, doubtful)
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
// is refused with it. A failure that concerns all of them, such as a wrong key, is returned by itself.
func tryAll(ctx context.Context, c *client, s *settings, list []*stream) (refused map[string]error, err error) {
	refused = map[string]error{}
	var roots []*stream
	for _, st := range list {
		root := st.root()
		switch {
		case root.path == accountPath && s.restricted():
			refused[root.name] = errAccountUnasked
		case !slices.Contains(roots, root):
			roots = append(roots, root)
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(triesAtOnce)
	for _, root := range roots {
		group.Go(func() error {
			err := c.try(ctx, root)
			if err == nil || !concernsOneStream(err) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			refused[root.name] = err
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, st := range list {
		if err := refused[st.root().name]; err != nil {
			refused[st.name] = err
		}
	}
	return refused, nil
}

// try asks for as little as possible of a stream that is no child.
func (c *client) try(ctx context.Context, st *stream) error {
	if st.single {
		_, err := c.retrieve(ctx, request{path: st.path})
		return err
	}
	if st.heardOf() {
		_, err := c.retrieve(ctx, byID(st.path+"/{id}", "none"))
		var api *APIError
		if errors.As(err, &api) && api.missing() {
			return nil
		}
		return err
	}
	_, err := c.list(ctx, trial(st))
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
