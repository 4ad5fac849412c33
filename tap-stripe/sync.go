package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline/singer"
)

// streamsAtOnce is how many streams are read side by side. Waiting for Stripe takes most of the time, and more than ten
// requests in flight are known to run into its limit of concurrency.
const streamsAtOnce = 8

// A syncer is one run over the selected streams.
type syncer struct {
	run      *singer.Run
	settings *settings
	client   *client
	now      time.Time // by the server's clock, when the run began

	// mu makes the records of a page, the move of the bookmark and the state one step. Every state then covers exactly
	// the records before it, and states come in the order in which the bookmarks moved.
	mu sync.Mutex
}

// A job is one selected stream.
type job struct {
	stream  *stream
	schema  *singer.Schema
	mark    *bookmark
	records *recordMaker
}

// syncStreams reads the selected streams, [singer.Tap.Sync].
func syncStreams(ctx context.Context, run *singer.Run) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	return (&syncer{run: run, settings: s, client: newClient(s, nil, run.Log, run.Metrics)}).sync(ctx)
}

func (s *syncer) sync(ctx context.Context) error {
	jobs, err := s.jobs()
	if err != nil || len(jobs) == 0 {
		return err
	}
	for _, j := range jobs {
		if err := s.run.Out.WriteSchema(j.schema); err != nil {
			return err
		}
	}
	if s.now, err = s.client.clock(ctx, jobs[0].stream); err != nil {
		return err
	}
	if err := s.refuseFuture(jobs); err != nil {
		return err
	}
	if s.settings.start > s.now.Unix() {
		s.run.Log.Warn("start_date lies in the future, so that nothing is read", "start_date", s.settings.StartDate)
	}
	s.run.Bookmarks.SetCurrentlySyncing("") // several are, and none has to be first next time
	err = s.readAll(ctx, jobs)
	s.tellUnknown(jobs)
	state := s.run.Bookmarks.State()
	if string(state.Value) == "{}" {
		return err // no stream moved and there was no state before: one without a bookmark would be an invention
	}
	if wrote := s.run.Out.WriteState(state); err == nil {
		err = wrote
	}
	return err
}

// jobs prepares all selected streams, so that a fault in any of them shows before the first request.
func (s *syncer) jobs() ([]*job, error) {
	var jobs []*job
	for _, entry := range s.run.Catalog.Streams {
		if !entry.Selected() {
			continue
		}
		st := findStream(entry.ID)
		if st == nil {
			return nil, &singer.ConfigError{Source: "the catalog", Faults: []string{
				fmt.Sprintf("stream %s is selected, but tap-stripe has no such stream; see --discover for those it has.", entry.ID)}}
		}
		mark, err := readBookmark(s.run.Bookmarks, st)
		if err != nil {
			return nil, err
		}
		schema, err := entry.SelectedSchema()
		if err != nil {
			return nil, err
		}
		if len(schema.KeyProperties) == 0 { // a catalog without metadata; without a key a target would keep what is read again twice
			schema.KeyProperties = []string{"id"}
		}
		records, err := newRecordMaker(st, schema, entry.FieldSelected)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, &job{stream: st, schema: schema, mark: mark, records: records})
	}
	return jobs, nil
}

// refuseFuture refuses bookmarks that the server's clock has not reached, such as one in milliseconds: up to that time
// their streams would count as read, and nothing of them would ever come. Clocks of one service differ by seconds.
func (s *syncer) refuseFuture(jobs []*job) error {
	var faults []string
	for _, j := range jobs {
		if end := j.mark.end(); end > s.now.Add(time.Minute).Unix() {
			faults = append(faults, badBookmark(j.stream, fmt.Errorf("%d, in seconds since 1970, lies ahead of the server's clock, %s",
				end, s.now.UTC().Format(time.RFC3339))))
		}
	}
	if faults != nil {
		return &singer.ConfigError{Source: "the state", Faults: faults}
	}
	return nil
}

// readAll reads the streams, a few at a time. A failure that concerns one stream alone does not stop the others.
func (s *syncer) readAll(ctx context.Context, jobs []*job) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streamsAtOnce)
	failed := make([]*streamError, len(jobs))
	for i, j := range jobs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := s.read(ctx, j)
			if err == nil || !concernsOneStream(err) {
				return err
			}
			failed[i] = &streamError{j.stream, err}
			s.run.Log.Warn("the stream cannot be read, the others go on", "stream", j.stream.name)
			return nil
		})
	}
	err := group.Wait()
	if err != nil {
		return err
	}
	err = join(failed)
	if several, ok := err.(failures); ok {
		for _, one := range several {
			s.run.Log.Error(one.Error())
		}
	}
	return err
}

// concernsOneStream tells whether other streams may be read in spite of a failure.
func concernsOneStream(err error) bool {
	var (
		api    *APIError
		list   *listError
		record *singer.RecordError
	)
	if errors.As(err, &api) {
		return !api.concernsKey() && !errors.Is(err, singer.ErrUnavailable)
	}
	return errors.As(err, &list) || errors.As(err, &record)
}

// read reads one stream: first what an earlier run has left, then everything up to now.
func (s *syncer) read(ctx context.Context, j *job) error {
	s.run.Metrics.Window(j.stream.name, "") // starts the stream's clock
	oldest := int64(0)                      // what the server keeps
	if j.stream.retention > 0 {
		oldest = s.now.Add(-j.stream.retention).Unix()
	}
	if j.mark.forget(oldest) {
		s.warnAged(j, oldest)
	}
	if err := s.readBackfill(ctx, j); err != nil || j.mark.Backfill != nil {
		return err
	}
	start := j.mark.next(s.settings.start, s.settings.Lookback)
	if start < oldest {
		if start > 0 {
			s.warnAged(j, oldest)
		}
		start = oldest
	}
	j.mark.open(start, s.now.Unix()+1, j.stream.lists)
	return s.readBackfill(ctx, j)
}

// tellUnknown says that fields came which no schema describes, for they end up in a column of their own.
func (s *syncer) tellUnknown(jobs []*job) {
	streams, fields := 0, 0
	for _, j := range jobs {
		if n := len(j.records.unknown); n > 0 {
			streams, fields = streams+1, fields+n
			s.run.Log.Debug("fields that the schema does not describe", "stream", j.stream.name, "fields", strings.Join(j.records.unknown, ", "))
		}
	}
	if fields > 0 {
		s.run.Log.Info("fields that no schema describes are passed on; --log-level debug names them", "streams", streams, "fields", fields)
	}
}

func (s *syncer) warnAged(j *job, oldest int64) {
	s.run.Log.Warn("Stripe does not keep these objects as far back as asked for; what is older is not read",
		"stream", j.stream.name, "from", time.Unix(oldest, 0).UTC().Format(time.RFC3339))
}

// readBackfill reads the slices that remain of the open backfill, if there is one.
func (s *syncer) readBackfill(ctx context.Context, j *job) error {
	for j.mark.Backfill != nil {
		if err := s.readSlice(ctx, j, newWalk(j.stream, j.mark.Backfill.Remaining[0])); err != nil {
			return err
		}
		if s.run.Limit > 0 {
			return nil // one page was asked for, and the rest remains
		}
	}
	return nil
}

func (s *syncer) readSlice(ctx context.Context, j *job, w *walk) error {
	size := s.settings.PageSize
	if s.run.Limit > 0 {
		size = min(size, s.run.Limit)
	}
	for {
		answer, err := s.client.list(ctx, request{path: j.stream.path, query: w.query(size)})
		var api *APIError
		switch {
		case err == nil:
		case errors.As(err, &api) && api.missing() && w.restart():
			continue
		case errors.As(err, &api) && api.agedOut() && j.stream.retention > 0:
			answer = &page{read: s.now}
		default:
			return err
		}
		done, err := s.emit(j, w, answer)
		if err != nil || done || s.run.Limit > 0 {
			return err
		}
	}
}

// emit writes a page's records, moves the bookmark behind them and writes the state, in this order and undivided.
func (s *syncer) emit(j *job, w *walk, answer *page) (done bool, err error) {
	records, entries, err := j.records.make(answer.objects)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, record := range records {
		err := s.run.Out.WriteRecord(&singer.Record{Stream: j.schema.Stream, Record: record, TimeExtracted: answer.read})
		if err != nil {
			return false, err
		}
	}
	s.run.Metrics.Records(j.stream.name, len(records))
	if done, err = w.advance(entries, answer.more); err != nil {
		return false, err
	}
	if done {
		j.mark.finish(w.slice)
	}
	s.run.Metrics.Window(j.stream.name, w.window())
	if err := s.run.Bookmarks.Set(j.stream.name, j.mark); err != nil {
		return false, err
	}
	return done, s.run.Out.WriteState(s.run.Bookmarks.State())
}
