package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// platform starts a fake platform with connected accounts.
func platform(t *testing.T) (*stripefake.Server, string, []string) {
	t.Helper()
	var connected []stripefake.Options
	var ids []string
	for i := range 3 {
		id := fmt.Sprintf("acct_1Shop%d", i)
		ids = append(ids, id)
		connected = append(connected, stripefake.Options{Account: id, Counts: map[string]int{"charges": 30 + 10*i, "coupons": 5, "invoices": 10, "webhook_endpoints": 3}})
	}
	fake, url := newFake(t, stripefake.Options{Seed: 51, Objects: 50, Connected: connected})
	return fake, url, ids
}

// compareAccounts compares the records of each account with its objects.
func compareAccounts(t *testing.T, fake *stripefake.Server, ids []string, messages []singer.Message, streams ...string) {
	t.Helper()
	got := map[string]table{}
	for _, m := range messages {
		r, ok := m.(*singer.Record)
		if !ok {
			continue
		}
		account, err := stringOf(member(r.Record, "account_id"))
		if err != nil {
			t.Fatalf("a record of %s without its account: %s", r.Stream, r.Record)
		}
		if got[account] == nil {
			got[account] = table{}
		}
		got[account].load(t, []singer.Message{m})
	}
	if len(got) != len(ids) {
		t.Errorf("records of %d accounts", len(got))
	}
	for _, id := range ids {
		if diff := differ(oracle(t, fake.Account(id), streams...), got[id]); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestConnectedAccountsAreReadSideBySide(t *testing.T) {
	fake, url, ids := platform(t)
	set := map[string]any{"accounts": []string{"all"}, "select": []string{"charges.*", "coupons.*", "invoice_line_items.*", "webhook_endpoints.*"}, "page_size": 8}
	first := mustRun(t, url, "", set)
	compareAccounts(t, fake, ids, first.messages, "charges", "coupons", "webhook_endpoints")
	for _, m := range first.messages {
		if s, ok := m.(*singer.Schema); ok && (s.KeyProperties[0] != "account_id" || !strings.Contains(string(s.Schema), `"account_id":{"type":"string"}`)) {
			t.Errorf("%s has the key %v", s.Stream, s.KeyProperties)
		}
	}
	state := lastState(first.messages)
	for _, id := range ids {
		for _, key := range []string{"charges@" + id, "invoice_line_items@" + id, "invoices.children@" + id, "webhook_endpoints@" + id} {
			if !strings.Contains(state, `"`+key+`":{`) {
				t.Errorf("the state has no %s: %s", key, state)
			}
		}
	}
	if strings.Contains(state, `"charges":`) {
		t.Errorf("the state speaks of the platform's own charges: %s", state)
	}

	advance(t, fake, time.Hour)
	if _, err := fake.Account(ids[1]).Create("charges", 4); err != nil {
		t.Fatal(err)
	}
	second := mustRun(t, url, state, set)
	compareAccounts(t, fake, ids, append(first.messages, second.messages...), "charges", "coupons", "webhook_endpoints")
	charges := 0
	for _, m := range second.messages {
		if r, ok := m.(*singer.Record); ok && r.Stream == "charges" {
			charges++
		}
	}
	if charges != 4 {
		t.Errorf("the second run writes %d charges for 4 new ones", charges)
	}
}

// The platform is no account that is connected to it, and has to be asked for.
func TestAPlatformIsReadBesideItsAccounts(t *testing.T) {
	fake, url, ids := platform(t)
	const own = "acct_1FakeTapline"
	set := map[string]any{"accounts": []string{"platform", "all", ids[1]}, "select": []string{"charges.*", "coupons.*"}, "page_size": 8}
	first := mustRun(t, url, "", set)
	if _, err := fake.Create("charges", 2); err != nil {
		t.Fatal(err)
	}
	advance(t, fake, time.Hour)
	second := mustRun(t, url, lastState(first.messages), set)
	got, ofShops := table{}, []singer.Message{}
	for _, m := range append(first.messages, second.messages...) {
		if r, ok := m.(*singer.Record); ok && textOf(member(r.Record, columnAccount)) == own {
			got.load(t, []singer.Message{m})
		} else {
			ofShops = append(ofShops, m)
		}
	}
	if diff := differ(oracle(t, fake, "charges", "coupons"), got); diff != "" {
		t.Errorf("the platform: %s", diff)
	}
	compareAccounts(t, fake, ids, ofShops, "charges", "coupons")
	if n := count[*singer.Record](first.messages); n != len(got["charges"])-2+len(got["coupons"])+30+40+50+3*5 {
		t.Errorf("the first run writes %d records, so that an account was read twice", n)
	}
	if state := lastState(second.messages); !strings.Contains(state, `"charges@`+own+`":{"created"`) {
		t.Errorf("the state is %s", state)
	}
}

func TestSomeConnectedAccounts(t *testing.T) {
	fake, url, ids := platform(t)
	r := mustRun(t, url, "", map[string]any{"accounts": ids[:2], "select": []string{"charges.*"}})
	compareAccounts(t, fake, ids[:2], r.messages, "charges")
}

func TestAnAccountThatHasLeftDoesNotStopTheOthers(t *testing.T) {
	fake, url, ids := platform(t)
	r := runTap(t, url, "", map[string]any{"accounts": append(ids[:2:2], "acct_1Gone"), "select": []string{"charges.*", "coupons.*"}})
	if r.code == singer.ExitOK || !strings.Contains(lastLine(r.log), "acct_1Gone") {
		t.Errorf("the run ends with %d and %q", r.code, lastLine(r.log))
	}
	compareAccounts(t, fake, ids[:2], r.messages, "charges", "coupons")
}

func TestTheAccountOfTheSettingsIsInEveryRecord(t *testing.T) {
	_, url, ids := platform(t)
	r := mustRun(t, url, "", map[string]any{"account_id": ids[0], "select": []string{"coupons.*"}})
	for _, m := range r.messages {
		switch m := m.(type) {
		case *singer.Schema:
			if len(m.KeyProperties) != 1 {
				t.Errorf("the key is %v", m.KeyProperties)
			}
		case *singer.Record:
			if account, _ := stringOf(member(m.Record, "account_id")); account != ids[0] {
				t.Errorf("%s is of %q", m.Record, account)
			}
		}
	}
}

func TestLongStatesAreWrittenOnceASecond(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 52, Counts: map[string]int{"coupons": 60}})
	set := map[string]any{"select": []string{"coupons.*"}, "page_size": 1}
	short := count[*singer.State](mustRun(t, url, "", set).messages)
	state := `{"bookmarks":{"other":{"text":"` + strings.Repeat("x", longState) + `"}}}`
	r := mustRun(t, url, state, set)
	if n := count[*singer.State](r.messages); n > short/4 || !strings.Contains(lastState(r.messages), `"coupons":{"created":`) {
		t.Errorf("%d states of %d, the last one %.200s", n, short, lastState(r.messages)[longState:])
	}
}

// The table of a stream that is read whole holds the rows of all accounts, and an activation speaks of all of them.
func TestATableOfSeveralAccountsIsActivatedWhenAllAreRead(t *testing.T) {
	fake, url, ids := platform(t)
	set := map[string]any{"accounts": ids, "select": []string{"webhook_endpoints.*"}, "page_size": 1, "max_retries": 0}
	first := mustRun(t, url, "", set)
	if n := count[*singer.ActivateVersion](first.messages); n != 1 {
		t.Errorf("%d activations", n)
	}
	rows := 0
	for _, m := range first.messages {
		switch m.(type) {
		case *singer.Record:
			rows++
		case *singer.ActivateVersion:
			if rows != 9 {
				t.Errorf("the version is activated behind %d rows of 9", rows)
			}
		}
	}
	if err := fake.Fail(stripefake.Failure{Mode: stripefake.Missing, Path: "/v1/webhook_endpoints", Skip: 4}); err != nil {
		t.Fatal(err)
	}
	cut := runTap(t, url, lastState(first.messages), set)
	if n := count[*singer.ActivateVersion](cut.messages); n != 0 && cut.code != singer.ExitOK {
		t.Errorf("%d activations of a run that ends with %d:\n%s", n, cut.code, cut.log)
	}
	if err := fake.Fail(stripefake.Failure{Mode: stripefake.BadGateway, Path: "/v1/webhook_endpoints", Skip: 4}); err != nil {
		t.Fatal(err)
	}
	cut = runTap(t, url, lastState(first.messages), set)
	if n := count[*singer.ActivateVersion](cut.messages); n != 0 || cut.code == singer.ExitOK {
		t.Errorf("%d activations of a run that ends with %d", n, cut.code)
	}
}
