package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// summariesFrom are the summaries of whole days that the fake shows, by meter, customer and day.
func (s *scenario) summariesFrom(t *testing.T, from time.Time) map[string]string {
	t.Helper()
	all := map[string]string{}
	customers, err := s.fake.Objects("customers")
	s.must(t, err)
	for _, meter := range s.ask(t, "/v1/billing/meters", "", true) {
		for _, customer := range customers {
			id := textOf(member(customer, "id"))
			query := fmt.Sprintf("customer=%s&start_time=%d&end_time=%d&value_grouping_window=day", id, from.Unix(), s.fake.Now().Truncate(24*time.Hour).Unix())
			for _, one := range s.ask(t, "/v1/billing/meters/"+textOf(member(meter, "id"))+"/event_summaries", query, true) {
				var day int64
				s.must(t, json.Unmarshal(member(one, "start_time"), &day))
				key := fmt.Sprintf("%s %s %s", textOf(member(meter, "id")), id, time.Unix(day, 0).UTC().Format(time.RFC3339))
				all[key] = string(member(one, "aggregated_value"))
			}
		}
	}
	return all
}

// summaries are the rows, in the same way.
func (s *scenario) summaries() map[string]string {
	all := map[string]string{}
	for _, row := range s.rows["billing_meter_event_summaries"] {
		r := json.RawMessage(row)
		all[textOf(member(r, "meter"))+" "+textOf(member(r, "customer"))+" "+textOf(member(r, "start_time"))] = string(member(r, "aggregated_value"))
	}
	return all
}

func TestSummariesOfMetersAreReadByCustomerAndDay(t *testing.T) {
	o := stripefake.Options{Seed: 1, Meters: 2, Counts: map[string]int{"customers": 7}}
	long := time.Unix(0, 0)
	for _, names := range [][]string{{"billing_meter_event_summaries"}, {"billing_meter_event_summaries", "billing_meters", "customers"}} {
		s := newScenario(t, 1, picksOf(t, names...), o)
		s.settings.PageSize = 3
		s.sync(t, false)
		want := s.summariesFrom(t, long)
		if diff := cmp.Diff(want, s.summaries()); diff != "" || len(want) < 100 {
			t.Fatalf("%v: %d rows are wanted (-want +got):\n%s", names, len(want), diff)
		}
		for _, asked := range s.asked {
			if strings.HasPrefix(asked, "/v1/customers/") {
				t.Fatalf("%s is asked for", asked)
			}
		}

		advance(t, s.fake, 50*time.Hour) // two more days have ended
		gone := s.anID(t, "customers", 0)
		s.must(t, s.fake.Delete("customers", gone))
		s.sync(t, false)
		after := s.summariesFrom(t, long)
		if diff := cmp.Diff(after, s.summaries()); diff != "" {
			t.Errorf("%v: two days later (-want +got):\n%s", names, diff)
		}
		maps.DeleteFunc(want, func(key, _ string) bool { return strings.Contains(key, gone) })
		if len(after) <= len(want) {
			t.Errorf("%d days, %d before", len(after), len(want))
		}
	}
}

func TestSummariesBeginWithTheDayOfTheStartDate(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "billing_meter_event_summaries"), stripefake.Options{Seed: 1, Meters: 2, Counts: map[string]int{"customers": 4}})
	start := s.fake.Now().Add(-10 * 24 * time.Hour)
	s.settings.start = start.Unix()
	s.sync(t, false)
	if diff := cmp.Diff(s.summariesFrom(t, start.Truncate(24*time.Hour)), s.summaries()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.settings.start = s.fake.Now().Unix()
	s.asked = nil
	s.sync(t, false)
	if s.countAsked("/v1/billing/meters/") > 0 || len(s.summaries()) > 0 {
		t.Error("a day that has not ended is asked for")
	}
}

// A run that is cut tells of no version, so that no row goes.
func TestSummariesOfAnUnfinishedRunReplaceNothing(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "billing_meter_event_summaries"), stripefake.Options{Seed: 1, Meters: 2, Counts: map[string]int{"customers": 4}})
	s.sync(t, false)
	before := len(s.summaries())
	var asked atomic.Int64
	s.refuse = func(r *http.Request) int {
		if strings.HasSuffix(r.URL.Path, "/event_summaries") {
			if asked.Add(1) > 5 {
				return http.StatusForbidden
			}
		}
		return 0
	}
	messages, err := s.run(t)
	if err == nil || !strings.Contains(err.Error(), "billing_meters") {
		t.Errorf("the run ends with %v", err)
	}
	for _, m := range messages {
		if a, ok := m.(*singer.ActivateVersion); ok {
			t.Errorf("version %d of %s is activated", a.Version, a.Stream)
		}
	}
	s.take(t, messages)
	if got := len(s.summaries()); got != before {
		t.Errorf("%d rows, %d before", got, before)
	}
}
