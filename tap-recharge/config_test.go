package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(text string) time.Time {
	t, err := parseTime(text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestTimesAreReadInEverySpellingThatIsAbout(t *testing.T) {
	want := time.Date(2024, 3, 10, 12, 13, 28, 0, time.UTC)
	for _, text := range []string{"2024-03-10T12:13:28+00:00", "2024-03-10T12:13:28Z", "2024-03-10T12:13:28", "2024-03-10 12:13:28",
		"2024-03-10T13:13:28+01:00", "2024-03-10T12:13:28.000000Z"} {
		if got, err := parseTime(text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
	}
	if got := at("2024-03-10T12:13:28.123456"); got.Nanosecond() != 123456000 {
		t.Errorf("the fraction of a second is lost: %v", got)
	}
	if got := at("2024-03-10"); !got.Equal(want.Truncate(24 * time.Hour)) {
		t.Errorf("a date is read as %v", got)
	}
	for _, bad := range []string{"", "soon", "2024-02-30", "10/03/2024", "1709999999"} {
		if got, err := parseTime(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func TestAStartDateMayBeANumberOfDays(t *testing.T) {
	now := at("2024-03-31T12:00:00Z")
	for _, c := range []struct{ text, want string }{
		{"90d", "2024-01-01T12:00:00Z"}, {"1d", "2024-03-30T12:00:00Z"}, {"2024-01-31", "2024-01-31T00:00:00Z"},
	} {
		start, err := parseStart(c.text)
		if err != nil || formatTime(start.resolve(now)) != c.want {
			t.Errorf("%s is %v, %v; want %s", c.text, start.resolve(now), err, c.want)
		}
	}
	for _, bad := range []string{"0d", "-1d", "d", "1.5d", "last week"} {
		if _, err := parseStart(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAStreamHasItsOwnStartDateBeforeTheCommonOne(t *testing.T) {
	s := &settings{StartDate: "2024-01-01", StartDates: map[string]string{"orders": "2020-05-05", "events": "3d"}}
	if faults := s.readStarts(); faults != nil {
		t.Fatal(faults)
	}
	now := at("2024-06-10")
	got := map[string]string{}
	for _, stream := range []string{"orders", "events", "charges"} {
		got[stream] = formatTime(s.start(stream, now))
	}
	want := map[string]string{"orders": "2020-05-05T00:00:00Z", "events": "2024-06-07T00:00:00Z", "charges": "2024-01-01T00:00:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if start := (&settings{}).start("charges", now); !start.IsZero() {
		t.Errorf("without a start date a stream begins at %v", start)
	}
}

func TestStartDatesThatMeanNothingAreRefused(t *testing.T) {
	s := &settings{StartDates: map[string]string{"store": "90d", "chargs": "90d", "orders": "2024-02-31"}}
	faults := strings.Join(s.readStarts(), "\n")
	for _, words := range []string{`"store", which is no incremental stream`, `"chargs"`, `start_dates.orders "2024-02-31" is not a date`} {
		if !strings.Contains(faults, words) {
			t.Errorf("%q is missing in:\n%s", words, faults)
		}
	}
	now := at("2024-01-01T00:00:00Z")
	s = &settings{StartDate: "2024-01-02", StartDates: map[string]string{"orders": "2024-01-01", "charges": "2030-01-01"}}
	if faults := s.readStarts(); faults != nil {
		t.Fatal(faults)
	}
	err := s.refuseFutureStarts(now)
	if err == nil || !strings.Contains(err.Error(), "start_date, 2024-01-02") || !strings.Contains(err.Error(), "start_dates.charges") ||
		strings.Contains(err.Error(), "orders") {
		t.Errorf("start dates ahead of the clock end with %v", err)
	}
	if err := s.refuseFutureStarts(at("2031-01-01")); err != nil {
		t.Error(err)
	}
}
