package main

import (
	"testing"
	"time"
)

func TestWhatRemainsIsEstimatedFromWhatWasRead(t *testing.T) {
	half := &job{}
	half.progress.requests = 30
	half.progress.part(50, 100)
	quarter := &job{}
	quarter.progress.begin(window{to: at("2024-01-05")})
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
	var p progress
	p.begin(window{at("2024-01-01"), at("2024-01-03")})
	p.page(&turn{window: window{at("2024-01-01"), at("2024-01-02")}}, true)
	if p.ended || p.fraction != 0.5 {
		t.Errorf("after half of it: %+v", p)
	}
	p.page(&turn{window: window{at("2024-01-02"), at("2024-01-03")}}, true)
	if n, ok := p.left(); n != 0 || !ok || !p.ended {
		t.Errorf("after all of it: %+v", p)
	}
}
