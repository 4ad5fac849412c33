package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tapline/singer"
)

// streamsAtOnce is how many streams are read side by side where each is one sequence of requests.
const streamsAtOnce = 8

// A syncer is one run over the selected streams.
type syncer struct {
	run      *singer.Run
	settings *settings
	client   *client
	now      time.Time // by the server's clock, when the run began
	several  bool      // more than one account may be read, so that records say which

	// follow reads what has changed in an account since the last run; it begins when the lists of jobs have been read.
	follow func(ctx context.Context, account string, jobs []*job) error
	// noteStart notes in the state, before the first page of a stream that was never read, from when on its changes are
	// to be read.
	noteStart func(account string, j *job) error

	// mu makes the records of a page, the move of the bookmark and the state one step. Every state then covers exactly
	// the records before it, and states come in the order in which the bookmarks moved.
	mu sync.Mutex
	// named are the objects, by their paths, that were asked for because others name them, or that a list has shown, and the
	// sums of their bytes if they were written.
	named map[string]uint64
	// listed are new objects that the lists of this run have shown.
	listed map[changeKey]sighting
	// A state that is long, because there are many accounts, is not written behind every page.
	stateLength int
	stateAt     time.Time
}

// Of states longer than longState bytes one a second is enough.
const longState = 32 << 10

// syncStreams reads the selected streams, [singer.Tap.Sync].
func syncStreams(ctx context.Context, run *singer.Run) error {
	s, err := readSettings(run.Config)
	if err != nil {
		return err
	}
	return newSyncer(run, s, newClient(s, nil, run.Log, run.Metrics)).sync(ctx)
}

func newSyncer(run *singer.Run, settings *settings, client *client) *syncer {
	s := &syncer{run: run, settings: settings, client: client}
	s.follow, s.noteStart = s.followChanges, s.noteStartOf
	return s
}

func (s *syncer) sync(ctx context.Context) error {
	picks, err := s.picks()
	if err != nil || len(picks) == 0 {
		return err
	}
	s.several = s.settings.severalAccounts()
	if s.several {
		addAccount(picks)
	}
	if err := s.meet(ctx, picks); err != nil {
		return err
	}
	ids, err := s.accountIDs(ctx)
	if err != nil {
		return err
	}
	if picks, err = s.leaveOut(ctx, picks, ids); err != nil || len(picks) == 0 {
		return err
	}
	for _, p := range picks {
		if err := s.run.Out.WriteSchema(p.schema); err != nil {
			return err
		}
	}
	accounts, err := s.accounts(ids, withBranches(picks))
	if err != nil {
		return err
	}
	if s.settings.start > s.now.Unix() {
		s.run.Log.Warn("start_date lies in the future, so that nothing is read", "start_date", s.settings.StartDate)
	}
	s.run.Bookmarks.SetCurrentlySyncing("") // several are, and none has to be first next time
	err = s.readAll(ctx, accounts)
	s.tellUnknown(picks)
	state := s.run.Bookmarks.State()
	if string(state.Value) == "{}" {
		return err // no stream moved and there was no state before: one without a bookmark would be an invention
	}
	if wrote := s.run.Out.WriteState(state); err == nil {
		err = wrote
	}
	return err
}

// clockStream is a list to ask for the time with.
func clockStream(picks []pick) *stream {
	for _, p := range picks {
		if root := p.stream.root(); root.cursor != "" {
			return root
		}
	}
	return findStream("events")
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

// readAll reads all accounts: their lists, then what has changed in each.
func (s *syncer) readAll(ctx context.Context, accounts []*account) error {
	var roots []*job
	for _, a := range accounts {
		s.setVersions(a.jobs)
		s.dropBranches(a.jobs)
		roots = append(roots, s.roots(a.jobs)...)
	}
	failed, err := s.readTrees(ctx, roots)
	if err == nil {
		err = s.endSweeps(roots)
	}
	if err != nil {
		return err
	}
	changed, err := s.followAll(ctx, accounts)
	if err != nil {
		return err
	}
	err = singer.JoinStreamErrors(s.pardon(append(failed, changed...)))
	if several, ok := err.(singer.StreamErrors); ok {
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

// tellUnknown says that fields came which no schema describes, for they end up in a column of their own.
func (s *syncer) tellUnknown(picks []pick) {
	streams, fields := 0, 0
	for _, p := range picks {
		if n := len(p.records.unknown); n > 0 {
			streams, fields = streams+1, fields+n
			s.run.Log.Debug("fields that the schema does not describe", "stream", p.stream.name, "fields", strings.Join(p.records.unknown, ", "))
		}
	}
	if fields > 0 {
		s.run.Log.Info("fields that no schema describes are passed on; --log-level debug names them", "streams", streams, "fields", fields)
	}
}

// emit writes the records of the batches, then lets move change bookmarks, then writes the state, as one step. move
// may be nil: no state is written then.
func (s *syncer) emit(batches []batch, move func() error) error {
	batches = slices.DeleteFunc(slices.Clone(batches), func(b batch) bool { return b.job.silent })
	made := make([][][]byte, len(batches))
	for i, b := range batches {
		maker, err := b.job.records.take(b.job.stream)
		if err != nil {
			return err
		}
		defer b.job.records.put(maker)
		if made[i], err = maker.make(b.shortened(), s.accountOf(b)); err != nil {
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
	return s.writeState()
}

// write writes the records that were made of a batch.
func (s *syncer) write(b batch, records [][]byte) error {
	n, path := 0, namedPath(b.job)
	for i, record := range records {
		if path != "" && s.again(b.account+path, b.found[i]) {
			continue
		}
		n++
		err := s.run.Out.WriteRecord(&singer.Record{Stream: b.job.schema.Stream, Record: record, TimeExtracted: b.found[i].read,
			Version: b.job.version, HasVersion: b.job.version != 0})
		if err != nil {
			return err
		}
	}
	s.run.Metrics.Records(b.job.schema.Stream, n)
	return nil
}

func (s *syncer) writeState() error {
	if s.stateLength > longState && time.Since(s.stateAt) < time.Second {
		return nil
	}
	state := s.run.Bookmarks.State()
	s.stateLength, s.stateAt = len(state.Value), time.Now()
	return s.run.Out.WriteState(state)
}
