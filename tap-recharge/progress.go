package main

import (
	"context"
	"time"
)

// Progress is how far one stream has come, to tell what remains. Recharge counts nothing for its readers, so that it
// is an estimate: by ids where they are known, else by time, as if changes were spread evenly over it.
type progress struct {
	window   window    // of an incremental stream
	first    time.Time // the oldest change seen
	requests int       // that were answered so far
	fraction float64   // of the stream that was read; 0 if nothing is known
	ended    bool
}

// request takes note of an answer.
func (p *progress) request() { p.requests++ }

// page takes note of a page of a window, which may be a part of the whole one.
func (p *progress) page(t *turn, done bool) {
	p.requests++
	if p.first.IsZero() {
		p.first = t.reached
	}
	reached := t.reached
	if done {
		reached = t.window.to
	}
	if t.sorted || done {
		p.fraction = max(p.fraction, p.window.fraction(p.first, reached))
	}
	p.ended = done && !t.window.to.Before(p.window.to)
}

// part takes note that everything of some parents was read.
func (p *progress) part(done, of int) { p.fraction = float64(done) / float64(of) }

// done takes note of the stream's end.
func (p *progress) done() { p.ended = true }

// left estimates how many requests remain; ok is false if nothing is known.
func (p *progress) left() (requests float64, ok bool) {
	switch {
	case p.ended:
		return 0, true
	case p.fraction <= 0:
		return 0, false
	}
	return float64(p.requests) * (1 - p.fraction) / p.fraction, true
}

// remaining estimates how long the streams under way will take, all together, by the rate that Recharge grants.
// unknown counts those that nothing is known of yet.
func remaining(jobs []*job, perSecond float64) (left time.Duration, unknown int) {
	requests := 0.0
	for _, j := range jobs {
		n, ok := j.progress.left()
		if !ok {
			unknown++
		}
		requests += n
	}
	if perSecond <= 0 {
		return 0, len(jobs)
	}
	return time.Duration(requests / perSecond * float64(time.Second)), unknown
}

// tellEvery is how often a long run tells what remains.
const tellEvery = time.Minute

// tellRemaining logs every minute what remains, until the returned function is called.
func (s *syncer) tellRemaining(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(tellEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				s.logRemaining()
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

func (s *syncer) logRemaining() {
	budget := s.client.Budget()
	s.mu.Lock()
	left, unknown := remaining(s.jobs, budget.Rate)
	s.mu.Unlock()
	s.run.Log.Info("time that remains, as far as it can be told", "about", left.Round(time.Second).String(),
		"requests_per_second", budget.Rate, "streams_not_counted", unknown)
}
