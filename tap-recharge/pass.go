package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"tapline/internal/recharge"
	"tapline/singer"
)

// A passing is a pass under way.
type passing struct {
	syncer *syncer
	job    *job
	pass   *pass
	// digests are those of the records found, if only changed records are wanted; else nil.
	digests *digester
	// version is what records bear: that of the pass or, when only changed records are written, that of the last complete
	// pass, to whose rows they belong.
	version int64
}

// readPass reads a whole stream and tells the target, once that is done, that older rows are gone. A pass that was cut
// short is continued where it was, unless only changed records are wanted: what was found before is not known then.
// If a cursor is refused, it begins again, once; where parents are read one after the other, behind the last of them.
func (s *syncer) readPass(ctx context.Context, j *job) error {
	for {
		p := s.newPassing(j)
		err := p.read(ctx)
		if err == nil && s.run.Limit == 0 {
			return p.finish()
		}
		if !refusedCursor(err) || j.restarted {
			return err
		}
		j.restarted = true
		if p.pass.After == "" {
			j.pass.Pass = j.pass.begin(s.now)
		}
		s.run.Log.Warn("Recharge refused a cursor; the stream is read again from its beginning", "stream", j.stream.name)
	}
}

func (s *syncer) newPassing(j *job) *passing {
	p := &passing{syncer: s, job: j}
	if s.settings.ChangedOnly {
		p.pass = j.pass.begin(s.now)
		p.digests = newDigester(j.pass.Records)
	} else {
		p.pass = j.pass.resume(s.now)
		j.pass.Records = nil
	}
	j.pass.Pass = p.pass
	p.version = p.pass.Version
	if p.partial() {
		p.version = j.pass.Version
	}
	return p
}

// partial tells whether only changed records are written.
func (p *passing) partial() bool { return p.digests != nil && p.digests.known() }

// read turns all pages of the stream.
func (p *passing) read(ctx context.Context) error {
	st := p.job.stream
	switch {
	case st.parent != nil:
		return p.readChildren(ctx)
	case st.single:
		return p.readSingle(ctx, st.path, "")
	}
	l := newList(st, st.path, queryOf(st.query))
	l.cursor = p.pass.Cursor
	return p.readList(ctx, l, "", func() { p.pass.Cursor = l.cursor })
}

// readList turns the pages of one list. turned is called when a page has come, before it is written.
func (p *passing) readList(ctx context.Context, l *list, parent string, turned func()) error {
	for {
		page, err := l.next(ctx, p.syncer.client, &p.job.size)
		if err != nil {
			return err
		}
		turned()
		if err := p.emit(page.Items, parent, page.Date); err != nil || l.cursor == "" || p.syncer.run.Limit > 0 {
			return err
		}
	}
}

// readSingle reads an answer that is one record.
func (p *passing) readSingle(ctx context.Context, path, parent string) error {
	body, date, err := p.syncer.client.Get(ctx, path, "", nil)
	if err != nil {
		return err
	}
	if member := p.job.stream.member; member != "" {
		if inner := lookup(body, member); inner != nil {
			body = inner
		}
	}
	return p.emit([]json.RawMessage{body}, parent, date)
}

// readChildren reads what belongs to each record of another stream, in the order of their ids, so that a pass that was
// cut short can go on behind the last id even if there are others by then.
func (p *passing) readChildren(ctx context.Context) error {
	parent := p.job.stream.parent
	ids, err := p.syncer.collect(ctx, p.job, parent)
	if err != nil {
		return err
	}
	done, found := slices.BinarySearch(ids, p.pass.After)
	if found {
		done++
	}
	batch := max(parent.batch, 1)
	for done < len(ids) {
		group := ids[done:min(done+batch, len(ids))]
		if err := p.readGroup(ctx, group); err != nil {
			return err
		}
		done += len(group)
		if err := p.behind(group[len(group)-1], done, len(ids)); err != nil || p.syncer.run.Limit > 0 {
			return err
		}
	}
	return nil
}

// readGroup reads what belongs to a few parents. What is gone meanwhile has no records.
func (p *passing) readGroup(ctx context.Context, ids []string) error {
	st := p.job.stream
	path := strings.ReplaceAll(st.path, "{id}", url.PathEscape(ids[0]))
	var err error
	switch {
	case st.single:
		err = p.readSingle(ctx, path, ids[0])
	case st.parent.query == "":
		err = p.readList(ctx, newList(st, path, queryOf(st.query)), ids[0], func() {})
	default:
		err = p.readList(ctx, newList(st, path, queryOf(st.query, st.parent.query, strings.Join(ids, ","))), "", func() {})
	}
	if refused, ok := errors.AsType[*recharge.Error](err); ok && refused.NotFound() && st.parent.query == "" {
		return nil
	}
	return err
}

// emit writes the records of an answer, and a state behind them if the pass can go on from there.
func (p *passing) emit(items []json.RawMessage, parent string, date time.Time) error {
	s, j := p.syncer, p.job
	records, err := j.records.make(items, parent)
	if err != nil {
		return err
	}
	if p.digests != nil {
		records = p.digests.changed(records, j.stream.keys)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(j, records, date, p.version); err != nil {
		return err
	}
	j.progress.request()
	if p.pass.Cursor == "" || p.digests != nil {
		return nil
	}
	return s.save(j, j.pass)
}

// behind notes that everything of the parents up to id was written.
func (p *passing) behind(id string, done, of int) error {
	s, j := p.syncer, p.job
	s.mu.Lock()
	defer s.mu.Unlock()
	j.progress.part(done, of)
	s.run.Metrics.Window(j.stream.name, fmt.Sprintf("%d of %d %s", done, of, j.stream.parent.stream))
	if p.digests != nil {
		return nil
	}
	p.pass.After = id
	return s.save(j, j.pass)
}

// finish ends a complete pass: rows that it did not find are gone, and the state says so.
func (p *passing) finish() error {
	s, j := p.syncer, p.job
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.partial() {
		err := s.run.Out.WriteActivateVersion(&singer.ActivateVersion{Stream: j.schema.Stream, Version: p.version})
		if err != nil {
			return wrote(err)
		}
		j.pass.Version = p.version
	}
	j.pass.Pass = nil
	j.progress.done()
	if p.digests != nil {
		j.pass.Records = p.digests.result()
	}
	return s.save(j, j.pass)
}
