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

	// follow reads what has changed in an account since the last run; it begins when the lists of jobs have been read.
	follow func(ctx context.Context, account string, jobs []*job) error
	// noteStart notes in the state, before the first page of a stream that was never read, from when on its changes are
	// to be read.
	noteStart func(account string, j *job) error

	// mu makes the records of a page, the move of the bookmark and the state one step. Every state then covers exactly
	// the records before it, and states come in the order in which the bookmarks moved.
	mu sync.Mutex
}

// A job is one selected stream of one account.
type job struct {
	stream  *stream
	account string // the connected account; "": that of the settings
	schema  *singer.Schema
	mark    *bookmark // guarded by syncer.mu while the run goes on
	records *recordShop
	version int64 // of a table that is read whole; 0: records have none
}

// key is what the state calls the job.
func (j *job) key() string { return stateKey(j.stream.name, j.account) }

// stateKey is what the state calls a stream of an account.
func stateKey(stream, account string) string {
	if account == "" {
		return stream
	}
	return stream + "@" + account
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
		mark, err := readBookmark(s.run.Bookmarks, st, "")
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
		records, err := newRecordShop(st, schema, entry.FieldSelected)
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

// readAll reads the streams: their lists, then what has changed.
func (s *syncer) readAll(ctx context.Context, jobs []*job) error {
	failed, err := s.readLists(ctx, jobs)
	if err == nil && s.follow != nil {
		err = s.follow(ctx, "", jobs)
	}
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

// readLists reads the lists of the streams, a few at a time. A failure that concerns one stream alone does not stop the
// others.
func (s *syncer) readLists(ctx context.Context, jobs []*job) ([]*streamError, error) {
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
	return failed, err
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
	if s.noteStart != nil && j.mark.Created == 0 {
		if err := s.noteStart(j.account, j); err != nil {
			return err
		}
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
		done, err := s.emitPage(ctx, j, w, answer)
		if err != nil || done || s.run.Limit > 0 {
			return err
		}
	}
}

// emitPage writes the objects of a page of a walk, and moves the bookmark behind them.
func (s *syncer) emitPage(ctx context.Context, j *job, w *walk, answer *page) (done bool, err error) {
	entries, err := identifyAll(j.stream, answer.objects)
	if err != nil {
		return false, err
	}
	batches, err := s.withChildren(ctx, batch{job: j, account: j.account, found: foundOn(answer)})
	if err != nil {
		return false, err
	}
	err = s.emit(batches, func() error {
		if done, err = w.advance(entries, answer.more); err != nil {
			return err
		}
		if done {
			j.mark.finish(w.slice)
		}
		s.run.Metrics.Window(j.stream.name, w.window())
		return s.run.Bookmarks.Set(j.key(), j.mark)
	})
	return done, err
}

// emit writes the records of the batches, then lets move change bookmarks, then writes the state, as one step. move
// may be nil: no state is written then.
func (s *syncer) emit(batches []batch, move func() error) error {
	made := make([][][]byte, len(batches))
	for i, b := range batches {
		maker, err := b.job.records.take(b.job.stream)
		if err != nil {
			return err
		}
		defer b.job.records.put(maker)
		if made[i], err = maker.make(b.found); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, b := range batches {
		if err := s.write(b, made[i]); err != nil {
			return err
		}
	}
	if move == nil {
		return nil
	}
	if err := move(); err != nil {
		return err
	}
	return s.run.Out.WriteState(s.run.Bookmarks.State())
}

// write writes the records that were made of a batch.
func (s *syncer) write(b batch, records [][]byte) error {
	for i, record := range records {
		err := s.run.Out.WriteRecord(&singer.Record{Stream: b.job.schema.Stream, Record: record, TimeExtracted: b.found[i].read,
			Version: b.job.version, HasVersion: b.job.version != 0})
		if err != nil {
			return err
		}
	}
	s.run.Metrics.Records(b.job.stream.name, len(records))
	return nil
}
