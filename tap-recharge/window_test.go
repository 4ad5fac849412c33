package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheWindowOfARun(t *testing.T) {
	now := at("2024-03-10T12:00:00Z")
	for _, c := range []struct {
		name, mark, start string
		lag, lookback     time.Duration
		from, to          string
	}{
		{"a first run reads from the beginning", "", "", 30 * time.Minute, 10 * time.Minute, "", "2024-03-10T11:30:00Z"},
		{"or from the start date", "", "2024-01-01", 0, time.Hour, "2024-01-01T00:00:00Z", "2024-03-10T12:00:00Z"},
		{"a bookmark goes before the start date", "2024-03-10T10:00:00Z", "2024-01-01", 0, 10 * time.Minute, "2024-03-10T09:49:59Z", "2024-03-10T12:00:00Z"},
		{"without a lookback one second is read again", "2024-03-10T10:00:00Z", "", 0, 0, "2024-03-10T09:59:59Z", "2024-03-10T12:00:00Z"},
		{"parts of a second are no reason to skip", "2024-03-10T10:00:00.7Z", "", 0, 0, "2024-03-10T09:59:59Z", "2024-03-10T12:00:00Z"},
		{"the lookback ends at the start date", "2024-03-10T10:00:00Z", "2024-03-10T09:59:00Z", 0, time.Hour, "2024-03-10T09:59:00Z", "2024-03-10T12:00:00Z"},
	} {
		var m mark
		var start time.Time
		if c.mark != "" {
			m.Time = at(c.mark)
		}
		if c.start != "" {
			start = at(c.start)
		}
		got := newWindow(m, start, now, c.lag, c.lookback)
		if c.from == "" && !got.from.IsZero() || c.from != "" && formatTime(got.from) != c.from || formatTime(got.to) != c.to || got.empty() {
			t.Errorf("%s: %v .. %v", c.name, got.from, got.to)
		}
	}
}

func TestAWindowMayBeEmpty(t *testing.T) {
	now := at("2024-03-10T12:00:00Z")
	if w := newWindow(mark{at("2024-03-10T11:59:00Z")}, time.Time{}, now, time.Hour, 0); !w.empty() {
		t.Errorf("%v .. %v is not empty", w.from, w.to)
	}
	if w := newWindow(mark{}, at("2024-03-10T11:59:00Z"), now, time.Hour, 0); !w.empty() {
		t.Errorf("%v .. %v is not empty", w.from, w.to)
	}
}

func TestSlicesCoverTheWindow(t *testing.T) {
	text := func(w window) string {
		if w.from.IsZero() {
			return ".. " + formatTime(w.to)
		}
		return formatTime(w.from) + " .. " + formatTime(w.to)
	}
	oldest := at("2024-03-03T12:00:00Z")
	for _, c := range []struct {
		window window
		want   []string
	}{
		{window{time.Time{}, at("2024-03-05T00:00:00Z")}, []string{".. 2024-03-04T12:00:00Z", "2024-03-04T12:00:00Z .. 2024-03-05T00:00:00Z"}},
		{window{at("2020-01-01"), at("2024-03-05T00:00:00Z")}, []string{"2020-01-01T00:00:00Z .. 2024-03-04T12:00:00Z", "2024-03-04T12:00:00Z .. 2024-03-05T00:00:00Z"}},
		{window{at("2024-03-04T00:00:00Z"), at("2024-03-04T10:00:00Z")}, []string{"2024-03-04T00:00:00Z .. 2024-03-04T10:00:00Z"}},
		{window{at("2024-03-04T00:00:00Z"), at("2024-03-05T00:00:00Z")}, []string{"2024-03-04T00:00:00Z .. 2024-03-05T00:00:00Z"}},
	} {
		var got []string
		for _, part := range c.window.slice(oldest, 24*time.Hour) {
			got = append(got, text(part))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text(c.window), diff)
		}
	}
}

func TestAPersonIsToldWhatHasBeenRead(t *testing.T) {
	w := window{at("2024-01-01"), at("2024-03-01")}
	for _, c := range []struct {
		window  window
		reached time.Time
		want    string
	}{
		{w, at("2024-02-01"), "2024-01-01 .. 2024-02-01"},
		{w, time.Time{}, "2024-01-01 .. 2024-03-01"},
		{w, at("2024-05-01"), "2024-01-01 .. 2024-03-01"},
		{window{to: w.to}, at("2024-02-01"), ".. 2024-02-01"},
	} {
		if got := c.window.text(c.reached); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
