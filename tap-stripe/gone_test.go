package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// completeStreams are those whose rows go when a whole reading does not bring them.
func completeStreams() (names []string) {
	for i := range streams {
		if streams[i].complete {
			names = append(names, streams[i].name)
		}
	}
	return names
}

// newLiveScenario is a scenario with a live key: in test mode, objects of test clocks are in no list.
func newLiveScenario(t testing.TB, seed uint64, picks []pick, o stripefake.Options) *scenario {
	t.Helper()
	o.Keys = []stripefake.Key{{Secret: "sk_live_fake"}, {Secret: "sk_test_fake"}}
	s := newScenario(t, seed, picks, o)
	s.settings.APIKey = "sk_live_fake"
	return s
}

const longPause = 40 * 24 * time.Hour // events are kept for 30 days

// What is deleted while no tap runs, for longer than events are kept, is gone from the tables all the same, wherever the
// runs that read the lists again are cut.
func TestDeletionsDuringALongPauseAreFollowed(t *testing.T) {
	picks := picksOf(t, completeStreams()...)
	deleted := 0
	for seed := uint64(1); seed <= numberFrom(t, "TAPLINE_SOAK", 12) && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		s := newLiveScenario(t, seed, picks, stripefake.Options{Seed: seed, Objects: 60 + r.IntN(60), AllKinds: true})
		s.settings.PageSize = 3 + r.IntN(20)
		s.sync(t, false)
		s.work(20)
		s.sync(t, r.IntN(2) == 0)
		s.work(60)
		before := len(s.diary)
		advance(t, s.fake, longPause)
		for _, line := range s.diary[:before] {
			if strings.Contains(line, "delete") {
				deleted++
			}
		}
		s.resting = false
		for range r.IntN(4) {
			s.sync(t, true)
			advance(t, s.fake, time.Duration(r.IntN(100))*time.Minute)
		}
		s.resting = true
		advance(t, s.fake, 10*time.Minute)
		s.sync(t, false)
		s.compare(t)
		if strings.Contains(s.state, sweepsKey) {
			t.Errorf("seed %d: the state ends with %s", seed, s.state)
		}
	}
	if deleted == 0 {
		t.Error("nothing was deleted")
	}
}

// activatedIn are the streams of which versions are activated.
func activatedIn(messages []singer.Message) (names []string) {
	for _, m := range messages {
		if a, ok := m.(*singer.ActivateVersion); ok {
			names = append(names, a.Stream)
		}
	}
	slices.Sort(names)
	return names
}

// Wherever the target was killed, it learns of the deletion at last, once.
func TestAnActivationIsNotForgotten(t *testing.T) {
	pristine := func() *scenario {
		s := newLiveScenario(t, 5, picksOf(t, "coupons"), stripefake.Options{Seed: 5, Counts: map[string]int{"coupons": 40}})
		s.settings.PageSize = 10
		s.sync(t, false)
		s.must(t, s.fake.Delete("coupons", s.anID(t, "coupons", 7)))
		advance(t, s.fake, longPause)
		return s
	}
	whole, err := pristine().run(t)
	if err != nil || !slices.Equal(activatedIn(whole), []string{"coupons"}) {
		t.Fatalf("the run activates %v and ends with %v", activatedIn(whole), err)
	}
	for cut := range whole {
		s := pristine()
		messages, err := s.run(t)
		s.must(t, err)
		s.take(t, messages[:min(cut, len(messages))])
		s.sync(t, false)
		s.compare(t)
		if again := activatedIn(s.sync(t, false)); again != nil || t.Failed() {
			t.Fatalf("cut behind message %d, it activates %v once more; the state is %s", cut, again, s.state)
		}
	}
}

// Where lists do not show every object, rows stay, and somebody is told.
func TestRowsStayWhereListsDoNotShowEverything(t *testing.T) {
	o := stripefake.Options{Seed: 6, Objects: 200, AllKinds: true}
	for _, c := range []struct {
		name      string
		streams   []string
		change    func(*scenario)
		activated []string
		warned    string // the streams of the warning; "": there is none
	}{
		{"lists that show everything", []string{"coupons", "customers", "cards", "charges"}, func(*scenario) {}, []string{"cards", "coupons", "customers"}, ""},
		{"lists that hide something", []string{"prices", "products", "plans", "coupons"}, func(*scenario) {}, []string{"coupons"}, "prices, products, plans"},
		{"test mode", []string{"coupons", "customers", "cards"}, func(s *scenario) { s.settings.APIKey = "sk_test_fake" }, []string{"coupons"}, "customers, cards"},
		{"a start date", []string{"coupons", "customers"}, func(s *scenario) { s.settings.start = 1600000000 }, nil, "coupons, customers"},
		{"children alone", []string{"tax_ids", "invoice_line_items"}, func(*scenario) {}, []string{"invoice_line_items", "tax_ids"}, ""},
		{"streams that are never deleted from", []string{"charges", "refunds"}, func(*scenario) {}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newLiveScenario(t, 6, picksOf(t, c.streams...), o)
			c.change(s)
			if first := activatedIn(s.sync(t, false)); first != nil {
				t.Errorf("the first run activates %v", first)
			}
			s.log.Reset()
			advance(t, s.fake, longPause)
			if got := activatedIn(s.sync(t, false)); !slices.Equal(got, c.activated) {
				t.Errorf("it activates %v, want %v", got, c.activated)
			}
			warned := strings.Contains(s.log.String(), "may have rows left")
			if warned != (c.warned != "") || warned && !strings.Contains(s.log.String(), fmt.Sprintf("streams=%q", c.warned)) {
				t.Errorf("it should warn of %q:\n%s", c.warned, s.log.String())
			}
		})
	}
}

func TestATableOfSeveralAccountsKeepsItsRows(t *testing.T) {
	fake, url, ids := platform(t)
	set := map[string]any{"accounts": []string{"all"}, "select": []string{"coupons.*"}}
	first := mustRun(t, url, "", set)
	coupons, err := fake.Account(ids[0]).Objects("coupons")
	if err != nil {
		t.Fatal(err)
	}
	if err := fake.Account(ids[0]).Delete("coupons", textOf(member(coupons[0], "id"))); err != nil {
		t.Fatal(err)
	}
	advance(t, fake, longPause)
	second := mustRun(t, url, lastState(first.messages), set)
	if got := activatedIn(second.messages); got != nil || !strings.Contains(second.log, "may have rows left") {
		t.Errorf("it activates %v:\n%s", got, second.log)
	}
}
