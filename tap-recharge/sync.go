package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline/internal/recharge"
	"tapline/singer"
)

// streamsAtOnce is how many streams are read side by side. They share one rate limit, so more than it takes to keep
// requests coming while answers are on their way would only hold more connections.
const streamsAtOnce = 6

// A syncer is one run over the selected streams.
type syncer struct {
	run      *singer.Run
	settings *settings
	client   *recharge.Client
	now      time.Time // by the server's clock, when the run began

	answers    atomic.Int64 // that have come so far
	subscribed func() (*subscribers, error)

	// mu makes the records of a page, the move of the bookmark and the state one step. Every state then covers exactly
	// the records before it, and states come in the order in which the bookmarks moved.
	mu   sync.Mutex
	jobs []*job
}

// newClient makes the client that the whole run shares.
func newClient(s *settings, run *singer.Run, answers *atomic.Int64) *recharge.Client {
	return recharge.New(recharge.Options{
		Token:      s.Token.Reveal(),
		BaseURL:    s.BaseURL,
		Version:    s.APIVersion,
		Share:      s.Share,
		MaxRetries: s.MaxRetries,
		Timeout:    time.Duration(s.Timeout) * time.Second,
		Log:        run.Log,
		OnRequest: func(path string, status int, took time.Duration) {
			if status > 0 && status < 500 {
				answers.Add(1)
			}
			run.Metrics.Request(path, status, took)
		},
	})
}

// syncStreams reads the selected streams, [singer.Tap.Sync].
func syncStreams(ctx context.Context, run *singer.Run) error {
	settings, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	s := &syncer{run: run, settings: settings}
	s.client = newClient(settings, run, &s.answers)
	return s.sync(ctx)
}

func (s *syncer) sync(ctx context.Context) error {
	if err := s.prepare(); err != nil || len(s.jobs) == 0 {
		return err
	}
	if err := s.meet(ctx); err != nil {
		return err
	}
	if err := s.refuseFuture(); err != nil {
		return err
	}
	for _, j := range s.jobs {
		if err := s.run.Out.WriteSchema(j.schema); err != nil {
			return err
		}
	}
	s.run.Bookmarks.SetCurrentlySyncing("") // several are, and none has to be first next time
	s.subscribed = sync.OnceValues(func() (*subscribers, error) { return s.readSubscribers(ctx) })
	slices.SortStableFunc(s.jobs, s.byHurry)
	stop := s.tellRemaining(ctx)
	err := s.readAll(ctx)
	stop()
	s.tellReports()
	state := s.run.Bookmarks.State()
	if string(state.Value) == "{}" {
		return err // no stream moved and there was no state before: one without a bookmark would be an invention
	}
	if wrote := s.run.Out.WriteState(state); err == nil {
		err = wrote
	}
	return err
}

// refuseFuture refuses start dates and bookmarks that the server's clock has not reached: up to that time their streams
// would count as read, and nothing of them would ever come. Clocks of one service differ by seconds.
func (s *syncer) refuseFuture() error {
	if err := s.settings.refuseFutureStarts(s.now); err != nil {
		return err
	}
	for _, j := range s.jobs {
		if j.mark.After(s.now.Add(time.Minute)) {
			return badBookmark(j.stream, fmt.Errorf("%s lies ahead of Recharge's clock, %s", formatTime(j.mark.Time), formatTime(s.now)))
		}
	}
	return nil
}

// byHurry puts streams first that Recharge is about to forget something of.
func (s *syncer) byHurry(a, b *job) int {
	hurry := func(j *job) int {
		if keep := j.stream.retention; keep > 0 && !j.mark.IsZero() && s.now.Sub(j.mark.Time) > keep/2 {
			return 0
		}
		return 1
	}
	return hurry(a) - hurry(b)
}

// readAll reads the streams, a few at a time. A failure that concerns one stream alone does not stop the others.
func (s *syncer) readAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streamsAtOnce)
	failed := make([]*singer.StreamError, len(s.jobs))
	for i, j := range s.jobs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			answers := s.answers.Load()
			err := s.read(ctx, j)
			if err == nil || ctx.Err() != nil || !concernsOneStream(err) || errors.Is(err, recharge.ErrUnavailable) && s.answers.Load() == answers {
				return explain(j.stream, err)
			}
			failed[i] = &singer.StreamError{Stream: j.stream.name, Err: explain(j.stream, err)}
			s.run.Log.Warn("the stream cannot be read, the others go on", "stream", j.stream.name)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	err := singer.JoinStreamErrors(failed)
	if several, ok := err.(singer.StreamErrors); ok {
		for _, one := range several {
			s.run.Log.Error(one.Error())
		}
	}
	return err
}

// read reads one stream.
func (s *syncer) read(ctx context.Context, j *job) error {
	s.run.Metrics.Window(j.stream.name, "") // starts the stream's clock
	if j.stream.replicationKey != "" {
		return s.readIncremental(ctx, j)
	}
	if err := s.keepSubscribed(j); err != nil {
		return err
	}
	return s.readPass(ctx, j)
}

// tellReports says that fields came which no schema describes, or values of types that it does not, for a target keeps
// them apart.
func (s *syncer) tellReports() {
	streams, fields := 0, 0
	for _, j := range s.jobs {
		if n := len(j.records.reports); n > 0 {
			streams, fields = streams+1, fields+n
			s.run.Log.Debug("fields that do not fit the schema", "stream", j.stream.name, "fields", strings.Join(j.records.reports, ", "))
		}
	}
	if fields > 0 {
		s.run.Log.Info("fields that do not fit the schemas are passed on as they are; --log-level debug names them", "streams", streams, "fields", fields)
	}
}

// write writes the records of a page. The caller holds s.mu.
func (s *syncer) write(j *job, records []record, date time.Time, version int64) error {
	if date.IsZero() {
		date = s.now
	}
	for _, r := range records {
		err := s.run.Out.WriteRecord(&singer.Record{
			Stream: j.schema.Stream, Record: r.text, TimeExtracted: date, Version: version, HasVersion: version > 0})
		if err != nil {
			return wrote(err)
		}
	}
	s.run.Metrics.Records(j.stream.name, len(records))
	return nil
}

// save notes a stream's bookmark and writes the state. The caller holds s.mu.
func (s *syncer) save(j *job, bookmark any) error {
	if err := s.run.Bookmarks.Set(j.stream.name, bookmark); err != nil {
		return wrote(err)
	}
	return wrote(s.run.Out.WriteState(s.run.Bookmarks.State()))
}
