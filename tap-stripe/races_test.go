package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// small is an account with a few objects of a kind, that were created in the last ten days.
func small(t *testing.T, counts map[string]int, streams ...string) *scenario {
	t.Helper()
	return newScenario(t, 1, picksOf(t, streams...), stripefake.Options{Seed: 1, Counts: counts, Span: 240 * time.Hour})
}

// records are those of an object, in the order in which they were written.
func recordsOf(messages []singer.Message, id string) (records []string) {
	for _, m := range messages {
		if r, ok := m.(*singer.Record); ok && textOf(member(r.Record, "id")) == id {
			records = append(records, string(r.Record))
		}
	}
	return records
}

// anID is the id of an object of the account.
func (s *scenario) anID(t *testing.T, kind string, at int) string {
	t.Helper()
	objects, err := s.fake.Objects(kind)
	if err != nil || len(objects) <= at {
		t.Fatalf("%d objects of %s: %v", len(objects), kind, err)
	}
	return textOf(member(objects[at], "id"))
}

func (s *scenario) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnObjectThatChangesAfterItsListPageIsReadAgain(t *testing.T) {
	s := small(t, map[string]int{"customers": 30}, "customers")
	s.settings.PageSize = 10
	id, pages := s.anID(t, "customers", 29), 0
	s.before = func(r *http.Request) {
		if pages++; pages == 4 { // the time, and a page with the youngest
			s.must(t, s.fake.Update("customers", id, []byte(`{"name":"Later"}`)))
		}
	}
	s.sync(t, false)
	advance(t, s.fake, 2*time.Minute)
	got := recordsOf(s.sync(t, false), id)
	if len(got) != 1 || !strings.Contains(got[0], `"name":"Later"`) || !strings.Contains(got[0], `"updated_by_event_type":"customer.updated"`) {
		t.Errorf("the second run writes %v", got)
	}
	s.compare(t)
}

func TestAnObjectThatIsDeletedDuringTheFirstRunIsToldBehindIt(t *testing.T) {
	s := small(t, map[string]int{"customers": 30}, "customers")
	s.settings.PageSize = 10
	id, pages := s.anID(t, "customers", 29), 0
	s.before = func(*http.Request) {
		if pages++; pages == 4 {
			s.must(t, s.fake.Delete("customers", id))
		}
	}
	s.sync(t, false)
	if s.rows["customers"][id] == "" {
		t.Fatal("the customer was deleted before its page came")
	}
	advance(t, s.fake, 2*time.Minute)
	s.sync(t, false)
	s.compare(t)
}

// A target may have kept records behind which no state came.
func TestARunThatIsCutBeforeItsFirstPageIsCoveredKeepsItsBeginning(t *testing.T) {
	s := small(t, map[string]int{"customers": 30}, "customers")
	messages, err := s.run(t)
	s.must(t, err)
	end := slices.IndexFunc(messages, func(m singer.Message) bool { _, ok := m.(*singer.Record); return ok }) + 30
	s.take(t, messages[:end])
	advance(t, s.fake, 30*time.Minute)
	s.must(t, s.fake.Delete("customers", s.anID(t, "customers", 4)))
	advance(t, s.fake, 30*time.Minute)
	s.sync(t, false)
	s.compare(t)
}

func TestAnEventThatShowsUpLateIsNotLost(t *testing.T) {
	late := newScenario(t, 3, picksOf(t, "customers"), stripefake.Options{Seed: 3, Counts: map[string]int{"customers": 200}, Span: time.Hour, EventDelay: 9 * time.Minute})
	late.sync(t, false)
	for range 8 { // runs in between read what is there, and later events with it
		for range 5 {
			_, err := late.fake.Mutate(1, late.random.Uint64())
			late.must(t, err)
		}
		advance(t, late.fake, 70*time.Second)
		late.sync(t, false)
	}
	advance(t, late.fake, 10*time.Minute)
	late.sync(t, false)
	late.compare(t)
}

func TestEventsOfOneSecondAreAllRead(t *testing.T) {
	s := small(t, map[string]int{"coupons": 60}, "coupons")
	s.sync(t, false)
	advance(t, s.fake, 61*time.Second)
	for at := range 30 { // at the very second at which the next run's window ends, and in the one behind it
		s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", at), []byte(`{"name":"First"}`)))
	}
	advance(t, s.fake, 60*time.Second)
	s.settings.PageSize = 7
	s.sync(t, false)
	advance(t, s.fake, 60*time.Second)
	s.sync(t, false)
	s.compare(t)
}

func TestAnEventIsFollowedOnce(t *testing.T) {
	s := small(t, map[string]int{"coupons": 5}, "coupons")
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	id := s.anID(t, "coupons", 0)
	s.must(t, s.fake.Update("coupons", id, []byte(`{"name":"Once"}`)))
	var got []int
	for range 4 {
		advance(t, s.fake, 2*time.Minute)
		got = append(got, len(recordsOf(s.sync(t, false), id)))
	}
	if !slices.Equal(got, []int{1, 0, 0, 0}) {
		t.Errorf("runs write %v records of an object that changed once", got)
	}
}

func TestAnIDThatIsGivenAgainEndsAsTheLiveObject(t *testing.T) {
	s := small(t, map[string]int{"coupons": 10}, "coupons")
	s.sync(t, false)
	gone, back := s.anID(t, "coupons", 1), s.anID(t, "coupons", 2)
	advance(t, s.fake, time.Hour)
	for _, id := range []string{gone, back} {
		s.must(t, s.fake.Delete("coupons", id))
	}
	s.must(t, s.fake.Recreate("coupons", back)) // in the same second
	advance(t, s.fake, 2*time.Minute)
	messages := s.sync(t, false)
	if got := recordsOf(messages, gone); len(got) != 1 || !strings.Contains(got[0], `"deleted":true`) {
		t.Errorf("the deleted coupon: %v", got)
	}
	for _, record := range recordsOf(messages, back) {
		if !strings.Contains(record, `"deleted":false`) {
			t.Errorf("the coupon that came back: %s", record)
		}
	}
	s.compare(t)
}

func TestATombstoneKeepsTheLastColumns(t *testing.T) {
	for _, short := range []bool{false, true} {
		s := newScenario(t, 1, picksOf(t, "customers"), stripefake.Options{Seed: 1, Counts: map[string]int{"customers": 5}, ShortDeletes: short})
		s.sync(t, false)
		advance(t, s.fake, time.Hour)
		id := s.anID(t, "customers", 0)
		s.must(t, s.fake.Update("customers", id, []byte(`{"name":"Last of all"}`)))
		at := s.fake.Now().Unix() + 5
		advance(t, s.fake, 5*time.Second)
		s.must(t, s.fake.Delete("customers", id))
		advance(t, s.fake, 2*time.Minute)
		got := recordsOf(s.sync(t, false), id)
		if len(got) != 1 {
			t.Fatalf("%d records of a deleted customer", len(got))
		}
		var record struct {
			Name      string
			Deleted   bool
			DeletedAt time.Time `json:"deleted_at"`
			By        string    `json:"updated_by_event_type"`
		}
		s.must(t, json.Unmarshal([]byte(got[0]), &record))
		if record.Name != "Last of all" || !record.Deleted || record.DeletedAt.Unix() != at || record.By != "customer.deleted" {
			t.Errorf("short %v: %+v\n%s", short, record, got[0])
		}
	}
}

// What an event shows at another API version may not fit the schema.
func TestATombstoneOfAnotherVersionHoldsPlainFieldsTheSchemaKnows(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "customers"), stripefake.Options{Seed: 1, Counts: map[string]int{"customers": 5}, EventVersions: []string{"2018-01-01"}})
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	id := s.anID(t, "customers", 0)
	s.must(t, s.fake.Delete("customers", id))
	advance(t, s.fake, 2*time.Minute)
	got := recordsOf(s.sync(t, false), id)
	if len(got) != 1 || !strings.Contains(got[0], `"email":`) || strings.Contains(got[0], "account_balance") || strings.Contains(got[0], `"address"`) {
		t.Errorf("%v", got)
	}
}

func TestAnObjectMissingWithoutAnEventIsLookedUpByTheNextRun(t *testing.T) {
	s := small(t, map[string]int{"coupons": 5}, "coupons")
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	id := s.anID(t, "coupons", 0)
	s.must(t, s.fake.Update("coupons", id, []byte(`{"name":"Hidden"}`)))
	advance(t, s.fake, 2*time.Minute)
	s.must(t, s.fake.Fail(stripefake.Failure{Mode: stripefake.Missing, Path: "/v1/coupons/*", Times: 2}))
	if got := recordsOf(s.sync(t, false), id); got != nil || !strings.Contains(s.state, `"pending_events":{"evt_`) {
		t.Fatalf("a coupon that is not found: %v\n%s", got, s.state)
	}
	if got := recordsOf(s.sync(t, false), id); len(got) != 1 || !strings.Contains(got[0], `"Hidden"`) || strings.Contains(s.state, "pending_events") {
		t.Errorf("a coupon that is found again: %v\n%s", got, s.state)
	}
	s.compare(t)

	s.must(t, s.fake.Update("coupons", id, []byte(`{"name":"Gone"}`)))
	s.must(t, s.fake.Fail(stripefake.Failure{Mode: stripefake.Missing, Path: "/v1/coupons/*", Times: 1 << 20}))
	var got []string
	for range 5 {
		advance(t, s.fake, 6*time.Hour)
		got = append(got, recordsOf(s.sync(t, false), id)...)
	}
	if len(got) != 1 || !strings.Contains(got[0], `"deleted":true`) || !strings.Contains(got[0], `"name":"Gone"`) || strings.Contains(s.state, "pending_events") {
		t.Errorf("a coupon that is missing for a day: %v\n%s", got, s.state)
	}
}

func TestAStreamThatFailsKeepsItsPlaceAndOthersGoOn(t *testing.T) {
	s := small(t, map[string]int{"coupons": 5, "tax_rates": 5}, "coupons", "tax_rates")
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	id := s.anID(t, "coupons", 0)
	s.must(t, s.fake.Update("coupons", id, []byte(`{"name":"New"}`)))
	s.must(t, s.fake.Update("tax_rates", s.anID(t, "tax_rates", 0), []byte(`{"description":"New"}`)))
	s.refuse = func(r *http.Request) int {
		if strings.HasPrefix(r.URL.Path, "/v1/coupons/") {
			return http.StatusForbidden
		}
		return 0
	}
	for range 3 { // far beyond the overlap
		advance(t, s.fake, time.Hour)
		messages, err := s.run(t)
		if err == nil || !strings.Contains(err.Error(), "stream coupons") || strings.Contains(err.Error(), "tax_rates") {
			t.Fatalf("the run ends with %v", err)
		}
		s.take(t, messages)
	}
	if !strings.Contains(s.rows["tax_rates"][s.anID(t, "tax_rates", 0)], `"New"`) {
		t.Error("the other stream has not gone on")
	}
	s.refuse = nil
	s.sync(t, false)
	s.compare(t)
}

func TestAStreamThatWasLeftOutForAWhileGoesOnWhereItStopped(t *testing.T) {
	both := picksOf(t, "coupons", "tax_rates")
	s := newScenario(t, 1, both, stripefake.Options{Seed: 1, Counts: map[string]int{"coupons": 9, "tax_rates": 9}})
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	s.must(t, s.fake.Delete("coupons", s.anID(t, "coupons", 0)))
	s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", 3), []byte(`{"name":"Meanwhile"}`)))
	s.picks = both[1:]
	for range 3 {
		advance(t, s.fake, 24*time.Hour)
		s.sync(t, false)
	}
	s.picks = both
	s.sync(t, false)
	s.compare(t)
}

func TestAStreamThatIsNewIsFollowedFromItsOwnBeginning(t *testing.T) {
	both := picksOf(t, "coupons", "tax_rates")
	s := newScenario(t, 1, both[1:], stripefake.Options{Seed: 1, Counts: map[string]int{"coupons": 9, "tax_rates": 9}})
	s.sync(t, false)
	advance(t, s.fake, 24*time.Hour)
	s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", 3), []byte(`{"name":"Before"}`)))
	advance(t, s.fake, time.Hour)
	s.picks = both
	s.asked = nil
	s.sync(t, false)
	if n := s.countAsked("/v1/coupons/"); n > 0 {
		t.Errorf("%d coupons are read anew that changed before the stream was begun", n)
	}
	s.compare(t)
	s.must(t, s.fake.Delete("coupons", s.anID(t, "coupons", 3)))
	advance(t, s.fake, 2*time.Minute)
	s.sync(t, false)
	s.compare(t)
}

func TestAGapInTheFeedIsBridgedByTheWholeList(t *testing.T) {
	s := small(t, map[string]int{"coupons": 40, "customers": 20}, "coupons", "customers")
	s.settings.PageSize = 10
	s.settings.start = s.fake.Now().Unix() - 300*3600
	s.sync(t, false)
	changed := s.anID(t, "coupons", 3)
	s.must(t, s.fake.Update("coupons", changed, []byte(`{"name":"Long ago"}`)))
	advance(t, s.fake, 40*24*time.Hour)
	s.must(t, s.fake.Delete("coupons", s.anID(t, "coupons", 7)))
	advance(t, s.fake, 20*24*time.Hour)
	state := s.state
	whole, err := s.run(t)
	s.must(t, err)
	if !strings.Contains(s.log.String(), "read from the start again") {
		t.Error("the log says nothing about it")
	}
	for cut := range whole { // and cut at each of its states
		if _, ok := whole[cut].(*singer.State); !ok {
			continue
		}
		again := *s
		again.merchant = s.merchant
		again.rows, again.state = table{}, state
		for name, rows := range s.rows {
			again.rows[name] = map[string]string{}
			for id, row := range rows {
				again.rows[name][id] = row
			}
		}
		again.take(t, whole[:cut+1])
		messages, err := again.run(t)
		s.must(t, err)
		again.take(t, messages)
		again.compare(t)
	}
}

func TestStatesOfSingerIOAreCarriedOn(t *testing.T) {
	s := small(t, map[string]int{"coupons": 12}, "coupons")
	s.sync(t, false)
	before := s.fake.Now().Unix()
	advance(t, s.fake, time.Hour)
	s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", 3), []byte(`{"name":"Told"}`)))
	advance(t, s.fake, time.Hour)
	s.state = fmt.Sprintf(`{"bookmarks":{"coupons":{"created":%d},"coupons_events":{"updates_created":%d}}}`, before, before)
	s.log.Reset()
	s.sync(t, false)
	s.compare(t)
	if strings.Contains(s.log.String(), "from the start again") {
		t.Errorf("the list is read anew:\n%s", s.log.String())
	}
}

func TestAStateWithoutAPlaceInTheFeedIsCompleted(t *testing.T) {
	s := small(t, map[string]int{"coupons": 12}, "coupons")
	s.sync(t, false)
	s.must(t, s.fake.Update("coupons", s.anID(t, "coupons", 3), []byte(`{"name":"Untold"}`)))
	advance(t, s.fake, 50*24*time.Hour)
	s.state = fmt.Sprintf(`{"bookmarks":{"coupons":{"created":%d}}}`, s.fake.Now().Unix())
	s.sync(t, false)
	s.compare(t)
}

func TestChildrenThatWereRemovedBecomeTombstones(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "subscription_items", "invoice_line_items"), stripefake.Options{Seed: 1, Counts: map[string]int{"subscriptions": 20, "invoices": 20}})
	s.sync(t, false)
	mutator, err := s.fake.NewMutator(stripefake.MutatorOptions{Seed: 4, Kinds: []string{"subscriptions", "invoices"}})
	s.must(t, err)
	removed := 0
	for range 6 {
		_, err := mutator.Step(40)
		s.must(t, err)
		advance(t, s.fake, 2*time.Minute)
		for _, m := range s.sync(t, false) {
			if r, ok := m.(*singer.Record); ok && string(member(r.Record, "deleted")) == "true" {
				removed++
				if owner := textOf(member(r.Record, findStream(r.Stream).parent.as)); owner == "" {
					t.Fatalf("a tombstone of %s without its parent: %s", r.Stream, r.Record)
				}
			}
		}
		s.compare(t)
	}
	if removed < 5 {
		t.Errorf("%d children were removed, too few to show anything", removed)
	}
}

// The pages of a long list are written one by one.
func TestChildrenOfALongListAreNotTakenForRemoved(t *testing.T) {
	s := newScenario(t, 1, picksOf(t, "invoices", "invoice_line_items"), stripefake.Options{Seed: 1, Counts: map[string]int{"invoices": 10}})
	s.settings.PageSize = 4
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	id := s.anID(t, "invoices", 7)
	s.must(t, s.fake.Update("invoices", id, []byte(`{"description":"New"}`)))
	advance(t, s.fake, 2*time.Minute)
	lines := 0
	for _, m := range s.sync(t, false) {
		if r, ok := m.(*singer.Record); ok && r.Stream == "invoice_line_items" {
			lines++
			if string(member(r.Record, "deleted")) != "false" {
				t.Errorf("a line that is there: %s", r.Record)
			}
		}
	}
	if lines < 11 {
		t.Errorf("%d lines are read, too few to show anything", lines)
	}
	s.compare(t)
}

func TestEachConnectedAccountHasItsOwnFeed(t *testing.T) {
	counts := map[string]int{"coupons": 6}
	s := newScenario(t, 1, picksOf(t, "coupons"), stripefake.Options{Seed: 1, Counts: counts,
		Connected: []stripefake.Options{{Account: "acct_A", Seed: 2, Counts: counts}, {Account: "acct_B", Seed: 3, Counts: counts}}})
	s.settings.Accounts = []string{"acct_A", "acct_B"}
	addAccount(s.picks)
	s.sync(t, false)
	advance(t, s.fake, time.Hour)
	for _, account := range s.settings.Accounts {
		coupons, err := s.fake.Account(account).Objects("coupons")
		s.must(t, err)
		id := textOf(member(coupons[1], "id"))
		s.must(t, s.fake.Account(account).Update("coupons", id, []byte(`{"name":"Of `+account+`"}`)))
	}
	advance(t, s.fake, 2*time.Minute)
	told := map[string]int{}
	for _, m := range s.sync(t, false) {
		if r, ok := m.(*singer.Record); ok {
			told[textOf(member(r.Record, "name"))+" in "+textOf(member(r.Record, columnAccount))]++
		}
	}
	if diff := cmp.Diff(map[string]int{"Of acct_A in acct_A": 1, "Of acct_B in acct_B": 1}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(s.state, `"_changes@acct_A":{"cursor":`) || !strings.Contains(s.state, `"coupons@acct_B":{"created":`) {
		t.Errorf("the state is %s", s.state)
	}
}

func TestARunOfManyWindowsIsTheSameAsOne(t *testing.T) {
	var states [2]map[string]map[string]string
	for i, window := range []int{windowEvents, 15} {
		s := newScenario(t, 5, picksOf(t, "customers", "invoices", "coupons", "charges"), stripefake.Options{Seed: 5, Objects: 100})
		s.random = rand.New(rand.NewPCG(1, 1))
		s.settings.window, s.settings.PageSize = window, 4
		s.sync(t, false)
		s.work(200)
		advance(t, s.fake, time.Hour)
		n := 0
		for _, m := range s.sync(t, false) {
			if _, ok := m.(*singer.State); ok {
				n++
			}
		}
		if window == 15 && n < 15 {
			t.Errorf("%d states behind windows of 15 events", n)
		}
		s.compare(t)
		states[i] = s.rows
	}
	if diff := differ(states[0], states[1]); diff != "" {
		t.Error(diff)
	}
}
