package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tapline/internal/recharge"
	"tapline/singer"
)

func TestWhatRemainsIsEstimatedFromWhatWasRead(t *testing.T) {
	half := &job{}
	half.progress.requests = 30
	half.progress.part(50, 100)
	quarter := &job{}
	quarter.progress.window = window{to: at("2024-01-05")}
	turn := &turn{window: quarter.progress.window, sorted: true, reached: at("2024-01-01")}
	quarter.progress.page(turn, false) // the first page tells where the stream begins
	turn.reached = at("2024-01-02")
	quarter.progress.page(turn, false)
	unknown, ended := &job{}, &job{}
	ended.progress.done()

	left, unknowns := remaining([]*job{half, quarter, unknown, ended}, 2)
	if left != 18*time.Second || unknowns != 1 {
		t.Errorf("%v and %d streams, want (30 + 6 requests) / 2 a second = 18s, and 1", left, unknowns)
	}
	if left, unknowns := remaining([]*job{half}, 0); left != 0 || unknowns != 1 {
		t.Errorf("without a rate: %v and %d", left, unknowns)
	}
}

func TestAStreamIsReadWhenItsLastPartIs(t *testing.T) {
	p := progress{window: window{at("2024-01-01"), at("2024-01-03")}}
	p.page(&turn{window: window{at("2024-01-01"), at("2024-01-02")}}, true)
	if p.ended || p.fraction != 0.5 {
		t.Errorf("after half of it: %+v", p)
	}
	p.page(&turn{window: window{at("2024-01-02"), at("2024-01-03")}}, true)
	if n, ok := p.left(); n != 0 || !ok || !p.ended {
		t.Errorf("after all of it: %+v", p)
	}
}

func TestALongRunTellsEveryMinuteWhatRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		half := &job{}
		half.progress.requests = 180
		half.progress.part(1, 2)
		s := &syncer{
			run:    &singer.Run{Log: slog.New(slog.NewTextHandler(&log, nil))},
			client: recharge.New(recharge.Options{Share: 0.9}),
			jobs:   []*job{half, {}},
		}
		stop := s.tellRemaining(t.Context())
		time.Sleep(2*time.Minute + time.Second)
		stop()
		time.Sleep(time.Hour)
		if n := strings.Count(log.String(), "about=1m40s requests_per_second=1.8 streams_not_counted=1"); n != 2 {
			t.Errorf("in two minutes it tells %d times:\n%s", n, log.String())
		}
	})
}
