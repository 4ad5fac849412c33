package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"tapline/internal/recharge"
	"tapline/schemas"
	"tapline/singer"
)

// discover lists all streams. With a token it asks what that may read: a stream is marked as unsupported if the token
// lists none of its scopes and Recharge refuses it, too, for the names of scopes are not documented in one voice.
func discover(ctx context.Context, run *singer.Run) (*singer.Catalog, error) {
	s, err := decodeSettings(run.Config)
	if err != nil {
		return nil, err
	}
	catalog := &singer.Catalog{}
	for i := range streams {
		st := s.stream(streams[i].name)
		known, err := schemas.RechargeStream(st.name)
		if err != nil {
			return nil, err
		}
		entry := singer.NewStream(st.name, known.Schema, st.keys, st.replicationKey)
		if st.optional {
			entry.Metadata[0].Metadata["selected-by-default"] = json.RawMessage("false")
		}
		catalog.Streams = append(catalog.Streams, entry)
	}
	if s.Token == "" {
		return catalog, nil
	}
	if s, err = readSettings(run.Config); err != nil {
		return nil, err
	}
	return catalog, s.markUnreadable(ctx, newClient(s, run, &atomic.Int64{}), catalog)
}

// markUnreadable marks the streams that the token cannot read. One that somebody asks for by name is left alone, so that
// reading it fails, and is not merely passed over.
func (s *settings) markUnreadable(ctx context.Context, c *recharge.Client, catalog *singer.Catalog) error {
	info, err := c.TokenInformation(ctx)
	if err != nil {
		return explain(nil, err)
	}
	for _, entry := range catalog.Streams {
		st := findStream(entry.ID)
		lack := s.missing(st, info.Scopes)
		if len(info.Scopes) == 0 || len(lack) == 0 || s.names(entry.ID) {
			continue
		}
		refused := true
		if st.parent == nil {
			if refused, err = isRefused(ctx, c, st); err != nil {
				return err
			}
		}
		if refused {
			entry.MarkUnsupported(lackOf(lack))
		}
	}
	return nil
}

// isRefused asks for as little as possible of a stream.
func isRefused(ctx context.Context, c *recharge.Client, st *stream) (bool, error) {
	err := probe(ctx, c, st)
	if err == nil {
		return false, nil
	}
	if refused, ok := errors.AsType[*recharge.Error](err); ok && !refused.Credentials() && !errors.Is(err, recharge.ErrUnavailable) {
		return refused.Forbidden(), nil
	}
	return false, explain(st, err)
}

// probe asks for one record of a stream without a parent.
func probe(ctx context.Context, c *recharge.Client, st *stream) error {
	var err error
	if st.single {
		_, _, err = c.Get(ctx, st.path, "", nil)
	} else {
		_, err = c.Page(ctx, recharge.Request{Path: st.path, Key: st.member, Query: queryOf(st.query), Limit: 1})
	}
	return err
}

// missing lists what a stream needs and the token lacks; where several names are known, they are joined by " or ". A
// scope to write lets read as well.
func (s *settings) missing(st *stream, has []string) (lack []string) {
	for _, anyOf := range s.needs(st) {
		if !slices.ContainsFunc(anyOf, func(name string) bool { return allows(has, name) }) {
			lack = append(lack, strings.Join(anyOf, " or "))
		}
	}
	return lack
}

// needs lists what a stream needs of a token: of each set of names one.
func (s *settings) needs(st *stream) (sets [][]string) {
	if len(st.scopes) > 0 {
		sets = append(sets, st.scopes)
	}
	if st.parent != nil && !slices.Equal(findStream(st.parent.stream).scopes, st.scopes) {
		sets = append(sets, findStream(st.parent.stream).scopes)
	}
	if s.scoped(st.name) {
		sets = append(sets, readSubscriptions)
	}
	return sets
}

func allows(has []string, scope string) bool {
	noun, reads := strings.CutPrefix(scope, "read_")
	return slices.Contains(has, scope) || reads && slices.Contains(has, "write_"+noun)
}

// wants tells whether a stream is to be read. An optional one is only if somebody names it, in the catalog or in the
// setting select: a pattern for all streams, which also stands for no choice at all, does not mean it.
func (s *settings) wants(entry *singer.Stream) bool {
	st := findStream(entry.ID)
	if !entry.Selected() || st == nil || !st.optional || s.names(entry.ID) {
		return entry.Selected()
	}
	for _, m := range entry.Metadata {
		if len(m.Breadcrumb) == 0 && string(m.Metadata["selected"]) == "true" {
			return true
		}
	}
	return false
}

// names tells whether a pattern of the setting select names a stream itself.
func (s *settings) names(stream string) bool {
	return slices.ContainsFunc(s.Select, func(pattern string) bool {
		name, _, _ := strings.Cut(pattern, ".")
		return name == stream
	})
}

// unsupportedReason is why discovery marked a stream as unsupported; "" if it did not.
func unsupportedReason(entry *singer.Stream) (reason string) {
	for _, m := range entry.Metadata {
		if len(m.Breadcrumb) == 0 && textOf(m.Metadata["inclusion"]) == "unsupported" {
			reason = textOf(m.Metadata["unsupported-reason"])
		}
	}
	return reason
}
