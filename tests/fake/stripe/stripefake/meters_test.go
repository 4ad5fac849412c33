package stripefake

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

type summary struct {
	ID, Meter, Object string
	AggregatedValue   int64 `json:"aggregated_value"`
	StartTime         int64 `json:"start_time"`
	EndTime           int64 `json:"end_time"`
}

func summariesOf(t *testing.T, c *client, path, query string) (list []summary) {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	values.Set("limit", "3")
	for {
		page := c.list(path, values)
		for _, raw := range page.Data {
			var one summary
			if err := json.Unmarshal(raw, &one); err != nil {
				t.Fatal(err)
			}
			list = append(list, one)
		}
		if !page.HasMore {
			return list
		}
		values.Set("starting_after", list[len(list)-1].ID)
	}
}

func TestSummariesOfMetersAddUp(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Meters: 2, Counts: map[string]int{"customers": 3}})
	meters := c.list("/v1/billing/meters", url.Values{"limit": {"100"}}).Data
	if len(meters) != 2 {
		t.Fatalf("%d meters", len(meters))
	}
	until := fake.Now().Unix() / day * day
	used := 0
	for _, meter := range meters {
		path := "/v1/billing/meters/" + memberText(meter, "id") + "/event_summaries"
		for _, customer := range oracle(t, fake, "customers") {
			query := fmt.Sprintf("customer=%s&start_time=%d&end_time=%d", idOf(t, customer), until-200*day, until)
			whole := summariesOf(t, c, path, query)
			days, hours := summariesOf(t, c, path, query+"&value_grouping_window=day"), summariesOf(t, c, path, query+"&value_grouping_window=hour")
			if len(whole) != 1 || whole[0].StartTime != until-200*day || whole[0].EndTime != until || len(days) != len(hours) {
				t.Fatalf("%v, %d days and %d hours", whole, len(days), len(hours))
			}
			sum := int64(0)
			for i, one := range days {
				sum += one.AggregatedValue
				if one.AggregatedValue != hours[i].AggregatedValue || one.StartTime%day != 0 || one.EndTime != one.StartTime+day || one.Meter != memberText(meter, "id") {
					t.Errorf("%+v and %+v", one, hours[i])
				}
				if i > 0 && one.StartTime >= days[i-1].StartTime {
					t.Errorf("%d behind %d", one.StartTime, days[i-1].StartTime)
				}
			}
			if used += len(days); sum != whole[0].AggregatedValue {
				t.Errorf("the days add up to %d, the whole is %d", sum, whole[0].AggregatedValue)
			}
		}
	}
	if used < 20 {
		t.Errorf("%d days, too few to show anything", used)
	}
}

func TestSummariesAreStrict(t *testing.T) {
	fake, c := start(t, Options{Seed: 3, Meters: 1, Counts: map[string]int{"customers": 2}})
	path := "/v1/billing/meters/" + memberText(c.list("/v1/billing/meters", url.Values{}).Data[0], "id") + "/event_summaries"
	customer := idOf(t, oracle(t, fake, "customers")[0])
	at := fake.Now().Unix() / day * day
	good := url.Values{"customer": {customer}, "start_time": {strconv.FormatInt(at-day, 10)}, "end_time": {strconv.FormatInt(at, 10)}, "value_grouping_window": {"day"}}
	if status, _, body := c.do("GET", path+"?"+good.Encode(), ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, bad := range []struct {
		name, value string
		status      int
	}{
		{"customer", "", 400}, {"start_time", "", 400}, {"end_time", "", 400}, {"customer", "cus_none", 404}, {"start_time", strconv.FormatInt(at-day+3600, 10), 400},
		{"end_time", strconv.FormatInt(at+1, 10), 400}, {"end_time", strconv.FormatInt(at-day, 10), 400}, {"value_grouping_window", "week", 400},
		{"start_time", "soon", 400}, {"limit", "101", 400}, {"created[gte]", "5", 400}, {"expand[]", "data.meter", 400}, {"starting_after", "mtrusg_none", 404},
	} {
		query := url.Values{}
		for name := range good {
			query[name] = good[name]
		}
		if query.Set(bad.name, bad.value); bad.value == "" {
			query.Del(bad.name)
		}
		if status, _, body := c.do("GET", path+"?"+query.Encode(), ""); status != bad.status {
			t.Errorf("%s=%s: %d %s", bad.name, bad.value, status, body)
		}
	}
	for _, gone := range []string{"/v1/billing/meters/mtr_none/event_summaries?" + good.Encode(), "/v1/billing/meters?starting_after=mtr_none"} {
		if status, _, _ := c.do("GET", gone, ""); status != 404 {
			t.Errorf("%s: %d", gone, status)
		}
	}
	if status, _, _ := c.do("GET", "/v1/billing/meters?customer=x", ""); status != 400 {
		t.Errorf("meters by customer: %d", status)
	}
}
