package main

import (
	"context"
	"errors"
	"slices"

	"tapline/singer"
)

// Streams that were asked for and that the key may not read are failures: what somebody relies on would be missing in
// silence. The setting skip_forbidden says that they are to be left out instead, with a warning.

// leaveOut drops the picks that the key may not read, or that belong to a product which the account does not use, if
// the settings want that. ids are the accounts to read; a key may do the same in all of them.
func (s *syncer) leaveOut(ctx context.Context, picks []pick, ids []string) ([]pick, error) {
	if !s.settings.SkipForbidden || len(ids) == 0 {
		return picks, nil
	}
	var list []*stream
	for _, p := range picks {
		list = append(list, p.stream)
	}
	refused, err := s.tryOneOf(ctx, ids, list)
	if err != nil {
		return nil, err
	}
	picks = slices.DeleteFunc(picks, func(p pick) bool {
		why := refused[p.stream.name]
		if leavable(why) {
			s.tellLeftOut(p.stream.name, why)
		}
		return leavable(why)
	})
	if len(picks) == 0 {
		s.run.Log.Warn("the key may read none of the selected streams, so nothing is read")
	}
	return picks, nil
}

// tryOneOf tries the streams in the first of the accounts that has not left the platform.
func (s *syncer) tryOneOf(ctx context.Context, ids []string, list []*stream) (refused map[string]error, err error) {
	for _, id := range ids {
		refused, err = tryAll(ctx, s.client, s.settings, id, list)
		var api *APIError
		if !errors.As(err, &api) || api.Status != 403 || id == "" {
			break
		}
	}
	return refused, err
}

// leavable tells whether a stream may be left out for this reason.
func leavable(err error) bool {
	var api *APIError
	if errors.As(err, &api) {
		return api.forbidden() || api.productMissing()
	}
	return errors.Is(err, errAccountUnasked)
}

// tellLeftOut says that a stream was left out, in the log and in the summary of the run.
func (s *syncer) tellLeftOut(name string, why error) {
	s.run.Log.Warn("the stream is left out, as skip_forbidden says", "stream", name, "reason", reason(why))
	s.run.Metrics.Window(name, "left out: "+reason(why))
}

// pardon takes the failures off a list that are none under the setting skip_forbidden: of streams that were refused
// although they could be read when the run began. Their bookmarks stay where they are.
func (s *syncer) pardon(failed []*singer.StreamError) []*singer.StreamError {
	if !s.settings.SkipForbidden {
		return failed
	}
	return slices.DeleteFunc(failed, func(one *singer.StreamError) bool {
		if leavable(one.Err) {
			s.tellLeftOut(one.Stream, one.Err)
		}
		return leavable(one.Err)
	})
}
