package stripefake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Meters count what customers use, and tell sums of it. The document does not know them yet.
// https://docs.stripe.com/api/billing/meter-event_summary

const (
	metersPath    = "billing/meters"
	summariesPath = "billing/meters/{}/event_summaries"
)

// windowSeconds are the widths that summaries can be asked for; "" is one summary of everything.
var windowSeconds = map[string]int64{"": 60, "hour": 3600, "day": day}

var summaryParameters = []parameter{
	{Name: "customer", Required: true, Schema: &schema{Type: "string", MaxLength: 5000}},
	{Name: "start_time", Required: true, Schema: &schema{Type: "integer"}},
	{Name: "end_time", Required: true, Schema: &schema{Type: "integer"}},
	{Name: "value_grouping_window", Schema: &schema{Type: "string", Enum: []string{"day", "hour"}}},
}

func (s *Server) meterID(index int) string {
	return "mtr_test_" + token(s.world.random("meters", index, "id"), 24)
}

// meterSince is when a meter began to count.
func (s *Server) meterSince(index int) int64 { return s.world.now - int64(20+130*index)*day - 7_777 }

// meters are all meters, newest first.
func (s *Server) meters() [][]byte {
	list := make([][]byte, s.options.Meters)
	for i := range list {
		created := itoa(s.meterSince(i))
		list[i] = writeMembers([]member{
			{"id", []byte(quote(s.meterID(i)))}, {"object", []byte(`"billing.meter"`)}, {"created", []byte(created)},
			{"customer_mapping", []byte(`{"event_payload_key":"stripe_customer_id","type":"by_id"}`)},
			{"default_aggregation", []byte(`{"formula":"sum"}`)}, {"display_name", []byte(quote("Meter " + strconv.Itoa(i)))},
			{"event_name", []byte(quote("meter_" + strconv.Itoa(i)))}, {"event_time_window", []byte("null")}, {"livemode", []byte("false")},
			{"status", []byte(`"active"`)}, {"status_transitions", []byte(`{"deactivated_at":null}`)}, {"updated", []byte(created)},
			{"value_settings", []byte(`{"event_payload_key":"value"}`)},
		})
	}
	return list
}

// listMeters answers GET /v1/billing/meters.
func (s *Server) listMeters(query url.Values) ([]byte, *apiError) {
	status := parameter{Name: "status", Schema: &schema{Type: "string", Enum: []string{"active", "inactive"}}}
	p, err := readAllowed(append([]parameter{status}, paging...), query)
	if err != nil {
		return nil, err
	}
	return s.page(&kind{name: "meters", component: "billing.meter"}, p, s.meters(), "/v1/"+metersPath)
}

// used is what a customer has used on a day, counted from 1970: all of it at noon. On most days nobody uses anything.
func (s *Server) used(meter int, customer string, number int64) (value int64, ok bool) {
	r := s.world.random("usage "+customer, meter, strconv.FormatInt(number, 10))
	noon := number*day + day/2
	return 1 + r.Int64N(1000), r.IntN(3) == 0 && noon >= s.meterSince(meter) && noon <= s.Ticks()
}

// listSummaries answers GET /v1/billing/meters/{id}/event_summaries.
func (s *Server) listSummaries(id string, query url.Values) ([]byte, *apiError) {
	p, err := readAllowed(append(summaryParameters[:len(summaryParameters):len(summaryParameters)], paging...), query)
	if err != nil {
		return nil, err
	}
	meter := slices.IndexFunc(s.meters(), func(raw []byte) bool { return memberText(raw, "id") == id })
	if meter < 0 {
		return nil, missing("billing.meter", "id", id)
	}
	customer := p.scalar["customer"]
	if _, ok := s.shelves["customers"].live(customer); !ok {
		return nil, missing("customer", "customer", customer)
	}
	all, err := s.summaries(meter, customer, p)
	if err != nil {
		return nil, err
	}
	for _, a := range summaryParameters {
		delete(p.scalar, a.Name)
	}
	return s.page(&kind{name: "event_summaries", component: "billing.meter_event_summary"}, p, all,
		"/v1/"+strings.ReplaceAll(summariesPath, "{}", url.PathEscape(id)))
}

// summaries are the sums of the windows in which something was used, newest first.
func (s *Server) summaries(meter int, customer string, p params) (list [][]byte, err *apiError) {
	start, _ := strconv.ParseInt(p.scalar["start_time"], 10, 64) // readAllowed has read them
	end, _ := strconv.ParseInt(p.scalar["end_time"], 10, 64)
	window := p.scalar["value_grouping_window"]
	width := windowSeconds[window]
	for _, name := range []string{"start_time", "end_time"} {
		if at, _ := strconv.ParseInt(p.scalar[name], 10, 64); at%width != 0 {
			return nil, invalid(http.StatusBadRequest, "", name, "%s must be aligned with the boundaries of %d seconds.", name, width)
		}
	}
	if start >= end {
		return nil, invalid(http.StatusBadRequest, "", "end_time", "end_time must be after start_time.")
	}
	if window == "" {
		width = end - start
	}
	sums := map[int64]int64{} // by the beginning of the window
	for number := start / day; number*day < end; number++ {
		noon := number*day + day/2
		if value, ok := s.used(meter, customer, number); ok && noon >= start && noon < end {
			sums[start+(noon-start)/width*width] += value
		}
	}
	for at := start + (end-start-1)/width*width; at >= start; at -= width {
		if sums[at] == 0 && window != "" {
			continue
		}
		id := "mtrusg_test_" + token(s.world.random("summary "+customer+window, meter, itoa(at)), 24)
		list = append(list, writeMembers([]member{
			{"id", []byte(quote(id))}, {"object", []byte(`"billing.meter_event_summary"`)}, {"aggregated_value", []byte(itoa(sums[at]))},
			{"end_time", []byte(itoa(at + width))}, {"livemode", []byte("false")}, {"meter", []byte(quote(s.meterID(meter)))}, {"start_time", []byte(itoa(at))},
		}))
	}
	return list, nil
}
