package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the spellings of times that Recharge and other taps use. Go reads a fraction behind the seconds with
// each of them. A time without an offset is UTC in API version 2021-11.
var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly}

// parseTime reads a time or a date, which means midnight UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date or time", text)
}

// formatTime writes a time the way states and requests have it; parts of a second are kept.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// A startDate is a moment, or a number of days before the run.
type startDate struct {
	at   time.Time
	days int
}

func parseStart(text string) (startDate, error) {
	if digits, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.Atoi(digits)
		if err != nil || days < 1 {
			return startDate{}, fmt.Errorf("%q is not a number of days", text)
		}
		return startDate{days: days}, nil
	}
	at, err := parseTime(text)
	return startDate{at: at}, err
}

// resolve returns the moment, given the time of the run.
func (d startDate) resolve(now time.Time) time.Time {
	if d.days > 0 {
		return now.Add(-time.Duration(d.days) * 24 * time.Hour)
	}
	return d.at
}
