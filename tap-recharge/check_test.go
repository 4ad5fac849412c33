package main

import (
	"regexp"
	"strings"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

// tokenOf is a token with the given scopes.
func tokenOf(scopes ...string) []rechargefake.Token {
	return []rechargefake.Token{{Secret: fastToken, Scopes: scopes, Name: "nightly"}}
}

func matches(text, pattern string) bool { return regexp.MustCompile(pattern).MatchString(text) }

func TestACheckTellsStoreTokenAndScopes(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 300, Tokens: tokenOf("store_info", "read_orders", "read_plans", "write_orders")})
	r := runTap(t, url, "", map[string]any{"select": patterns("charges", "plans", "products", "events", "webhooks", "delivery_schedules")}, "--check")
	out := string(r.out)
	for _, line := range []string{
		`(?m)^store .+ \(\d+\), currency [A-Z]{3}, zone \S+/\S+$`,
		`(?m)^token "nightly" at http://\S+, API 2021-11, \S+ requests a second, bucket filled with \d+ of \d+$`,
		`(?m)^charges +yes +read_orders$`,
		`(?m)^plans +yes +read_plans$`,
		`(?m)^webhooks +yes +none needed$`,
		`(?m)^events +no +.*read_events`,
		`(?m)^delivery_schedules +no +.*read_customers`,
		`(?m)^scopes that the selected streams do not need: store_info, write_orders$`,
	} {
		if !matches(out, line) {
			t.Errorf("%s is not in\n%s", line, out)
		}
	}
	if r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "streams cannot be read: ") || !strings.Contains(lastLine(r.log), "events") {
		t.Errorf("it ends with %d and %q", r.code, lastLine(r.log))
	}
	if r := runTap(t, url, "", map[string]any{"select": patterns("charges", "orders")}, "--check"); r.code != singer.ExitOK {
		t.Errorf("a check of what can be read ends with %d:\n%s%s", r.code, r.out, r.log)
	}
}

func TestACheckTriesWhatTheScopesPromise(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 300, NotInPlan: []string{"credit_accounts"}})
	r := runTap(t, url, "", map[string]any{"select": patterns("credit_accounts", "orders")}, "--check")
	if !matches(string(r.out), `(?m)^credit_accounts +no +read_credit_accounts$`) || r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "plan is Plus or Custom") {
		t.Errorf("it ends with %d:\n%s%s", r.code, r.out, r.log)
	}
}

func TestACheckOfAStoreThatMayNotBeRead(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 100, Tokens: tokenOf("read_orders")})
	r := runTap(t, url, "", map[string]any{"select": patterns("charges")}, "--check")
	if r.code != singer.ExitOK || !strings.Contains(string(r.out), "store unknown") {
		t.Errorf("it ends with %d:\n%s%s", r.code, r.out, r.log)
	}
}

func TestATokenOfAnotherStoreIsRefused(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 100})
	state := lastState(mustRun(t, url, "", map[string]any{"select": patterns("charges")}).messages)
	if got := bookmarkOf(t, state, storeKey); !strings.HasPrefix(got, `{"id":`) {
		t.Fatalf("the state keeps %s of the store", got)
	}
	mustRun(t, url, state, nil)
	other := strings.Replace(state, `{"id":`, `{"id":7`, 1)
	for _, args := range [][]string{nil, {"--check"}} {
		r := runTap(t, url, other, nil, args...)
		if r.code != singer.ExitUsage || !strings.Contains(lastLine(r.log), "but the access token belongs to the store") {
			t.Errorf("%v ends with %d and %q", args, r.code, lastLine(r.log))
		}
		if count[*singer.Record](r.messages)+count[*singer.State](r.messages) > 0 {
			t.Error("something of the other store is written")
		}
	}
}

func TestAWrongTokenEndsTheRunInPlainWords(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 2, Objects: 100})
	for _, args := range [][]string{nil, {"--check"}, {"--discover"}} {
		r := runTap(t, url, "", map[string]any{"access_token": "sk_test_not_the_right_one"}, args...)
		if r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "the access token is wrong") {
			t.Errorf("%v ends with %d and %q", args, r.code, lastLine(r.log))
		}
		if strings.Contains(r.log+string(r.out), "not_the_right_one") {
			t.Errorf("%v shows the token:\n%s", args, r.log)
		}
	}
}

func TestDiscoveryNeedsNoToken(t *testing.T) {
	r := runTap(t, "http://127.0.0.1:1", "", map[string]any{"access_token": nil}, "--discover")
	catalog, err := singer.ParseCatalog(r.out)
	if r.code != singer.ExitOK || err != nil || len(catalog.Streams) != len(streams) {
		t.Fatalf("discovery ends with %d, %v:\n%s", r.code, err, r.log)
	}
	for _, s := range catalog.Streams {
		if st := findStream(s.ID); s.Selected() == st.optional || s.ReplicationKey() != st.replicationKey || len(s.KeyProperties()) != len(st.keys) {
			t.Errorf("stream %s: selected %v by %q", s.Name, s.Selected(), s.ReplicationKey())
		}
	}
}

func TestDiscoveryMarksWhatTheTokenCannotRead(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 3, Objects: 300, Tokens: tokenOf("read_orders", "read_customers", "store_info")})
	catalog, err := singer.ParseCatalog(runTap(t, url, "", nil, "--discover").out)
	if err != nil {
		t.Fatal(err)
	}
	for stream, reason := range map[string]string{
		"orders": "", "customers": "", "webhooks": "", "store": "", "delivery_schedules": "",
		"subscriptions":    "the access token lacks the scope read_subscriptions",
		"plans":            "the access token lacks the scope read_products or read_plans",
		"credit_summaries": "the access token lacks the scope read_credit_summary",
	} {
		entry := catalog.Stream(stream)
		if got := unsupportedReason(entry); got != reason || entry.Selected() != (reason == "" && !findStream(stream).optional) {
			t.Errorf("%s is selected: %t, with the reason %q", stream, entry.Selected(), got)
		}
	}
}

// The names of scopes are not documented in one voice, so that Recharge has the last word.
func TestDiscoveryBelievesTheListMoreThanTheScopes(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 3, Objects: 300, Tokens: tokenOf("read_store")})
	catalog, err := singer.ParseCatalog(runTap(t, url, "", nil, "--discover").out)
	if err != nil || !catalog.Stream("store").Selected() {
		t.Errorf("the store cannot be read with the other name of its scope: %v", err)
	}
	probes := 0
	for _, r := range fake.Requests() {
		if r.Path == "/events" {
			probes++
		}
	}
	if probes != 1 {
		t.Errorf("events were tried %d times", probes)
	}
}

func TestWhatTheTokenCannotReadIsTold(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 4, Objects: 300, Tokens: tokenOf("read_orders", "store_info")})
	r := mustRun(t, url, "", nil)
	if !matches(r.log, `WARN stream=events the stream is not read: the access token lacks the scope read_events`) {
		t.Errorf("the log does not tell that events are not read:\n%s", r.log)
	}
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "charges", "orders", "store"), got); diff != "" {
		t.Error(diff)
	}
	named := runTap(t, url, "", map[string]any{"select": patterns("orders", "events")})
	if named.code != singer.ExitCredentials || !matches(lastLine(named.log), "stream events: .*the access token may not read it: grant it the scope read_events") {
		t.Errorf("a stream that was asked for by name ends with %d and %q", named.code, lastLine(named.log))
	}
	if alone := runTap(t, url, "", map[string]any{"select": patterns("events")}); alone.code != singer.ExitCredentials {
		t.Errorf("the only stream that was asked for ends with %d:\n%s", alone.code, alone.log)
	}
	if len(recordsOfStream(named.messages, "orders")) == 0 {
		t.Error("the other stream is not read")
	}
}
