package stripefake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheClockGoesForwardOnly(t *testing.T) {
	fake, c := start(t, Options{})
	if err := fake.SetClock(DefaultNow.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := fake.SetClock(DefaultNow); err == nil || !strings.Contains(err.Error(), "2024-04-10T13:00:00Z") {
		t.Errorf("going back gave %v", err)
	}
	if status, _, body := c.do("POST", "/_control/clock?set=2024-05-01T00:00:00Z", ""); status != 200 || !fake.Now().Equal(time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%d %s, the clock stands at %s", status, body, fake.Now())
	}
	for _, wrong := range []string{"2024-04-30T00:00:00Z", "tomorrow"} {
		if status, _, _ := c.do("POST", "/_control/clock?set="+wrong, ""); status != 400 {
			t.Errorf("set=%s: %d", wrong, status)
		}
	}
}

func TestAPaceMovesTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := New(Options{Pace: 3600})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := fake.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, want := fake.Now(), DefaultNow.Add(2*time.Hour+time.Minute); !got.Equal(want) {
			t.Errorf("the clock stands at %s, want %s", got, want)
		}
	})
}

func TestEventsAppearLateAndOutOfOrder(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 1}, Span: 60 * 24 * time.Hour, EventDelay: 10 * time.Second})
	if err := fake.Advance(time.Minute); err != nil {
		t.Fatal(err)
	}
	before := len(oracle(t, fake, "events"))
	for range 30 {
		if _, err := fake.Create("customers", 1); err != nil {
			t.Fatal(err)
		}
		if err := fake.Advance(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	shelf := fake.shelves["events"]
	hidden := shelf.entries[len(shelf.entries)-1].id
	for path, want := range map[string]int{"events/" + hidden: 404, "events?starting_after=" + hidden: 404} {
		if status, _, _ := c.do("GET", "/v1/"+path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	seen := map[string]int{} // the second at which each was first seen
	overtaken := 0
	for second := range 12 {
		events := oracle(t, fake, "events")
		if n := fake.Counts()["events"]; n != len(events) {
			t.Errorf("%d counted, %d shown", n, len(events))
		}
		newest := true // no event that was there before lies above
		for _, raw := range events {
			if _, ok := seen[idOf(t, raw)]; ok {
				newest = false
			} else if seen[idOf(t, raw)] = second; second > 0 && !newest {
				overtaken++
			}
		}
		if err := fake.Advance(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != before+30 || overtaken == 0 {
		t.Errorf("%d events appeared, %d below others; want %d and some", len(seen), overtaken, before+30)
	}
	late := oracle(t, fake, "events")
	again, _ := start(t, Options{Counts: map[string]int{"customers": 1}, Span: 60 * 24 * time.Hour})
	if len(oracle(t, again, "events")) != before || len(late) != before+30 {
		t.Errorf("%d events in the end, %d seeded", len(late), before)
	}
}

func TestEventsAreWrittenAtTheirOwnVersion(t *testing.T) {
	versions := []string{"2017-02-14", "2019-05-16", Version, "2025-03-31.basil"}
	fake, _ := start(t, Options{Objects: 2000, EventVersions: versions})
	for _, raw := range oracle(t, fake, "customers")[:40] {
		if err := fake.Update("customers", idOf(t, raw), []byte(`{"balance":-77}`)); err != nil {
			t.Fatal(err)
		}
	}
	members := map[string]map[string]bool{} // by component and version
	previous := map[string]bool{}
	for _, raw := range oracle(t, fake, "events") {
		var e struct {
			Version string `json:"api_version"`
			Request json.RawMessage
			Data    struct {
				Object   map[string]json.RawMessage
				Previous map[string]json.RawMessage `json:"previous_attributes"`
			}
		}
		if err := json.Unmarshal([]byte(raw), &e); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(versions, e.Version) || (e.Version < objectRequest) == isObject(e.Request) {
			t.Fatalf("request at %s: %s", e.Version, e.Request)
		}
		key := text(e.Data.Object["object"]) + " " + e.Version
		if members[key] == nil {
			members[key] = map[string]bool{}
		}
		for name := range e.Data.Object {
			members[key][name] = true
		}
		for name := range e.Data.Previous {
			previous[e.Version+" "+name] = true
		}
	}
	for member, want := range map[string][]bool{
		"customer balance":         {false, false, true, true},
		"customer account_balance": {true, true, false, false},
		"customer sources":         {true, true, false, false},
		"charge refunds":           {true, true, false, false},
		"invoice payment_intent":   {true, true, true, false},
		"invoice billing":          {true, true, false, false},
		"subscription id":          {true, true, true, true},
	} {
		component, name, _ := strings.Cut(member, " ")
		var got []bool
		for _, version := range versions {
			got = append(got, members[component+" "+version][name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s at %v (-want +got):\n%s", member, versions, diff)
		}
	}
	for _, name := range []string{"2017-02-14 account_balance", Version + " balance"} {
		if !previous[name] {
			t.Errorf("no previous attribute %s among %v", name, previous)
		}
	}
}

// A GET shows the fake's own version whatever the events of the account use.
func TestObjectsStayAtTheVersionOfTheFake(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 3}, EventVersions: []string{"2019-05-16"}})
	status, header, body := c.do("GET", "/v1/customers/"+idOf(t, oracle(t, fake, "customers")[0]), "")
	if o := decode(t, body); status != http.StatusOK || o["account_balance"] != nil || o["balance"] == nil || header.Get("Stripe-Version") != Version {
		t.Errorf("%d %v %s", status, header, body)
	}
}
