package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

func TestAFirstRunReadsEveryObjectUnchanged(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 1, Objects: 600})
	r := mustRun(t, url, "", nil)
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
	validate(t, r.messages)
	if records, objects := count[*singer.Record](r.messages), total(fake); records != objects {
		t.Errorf("%d records for %d objects", records, objects)
	}
}

func total(fake *stripefake.Server) (n int) {
	counts := fake.Counts()
	for _, name := range usual {
		n += counts[name]
	}
	return n
}

func TestSchemasComeFirstAndAStateLast(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 2, Counts: map[string]int{"charges": 3}}) // every other stream is empty
	r := mustRun(t, url, "", nil)
	for i := range usual {
		schema, ok := r.messages[i].(*singer.Schema)
		if !ok || schema.Stream == "" || len(schema.KeyProperties) != 1 || len(schema.BookmarkProperties) != 1 {
			t.Errorf("message %d is %+v, want the SCHEMA of a stream with its key and bookmark", i, r.messages[i])
		}
	}
	if _, ok := r.messages[len(r.messages)-1].(*singer.State); !ok {
		t.Error("the last message is no STATE")
	}
	var state struct{ Bookmarks map[string]bookmark }
	if err := json.Unmarshal([]byte(lastState(r.messages)), &state); err != nil {
		t.Fatal(err)
	}
	for _, name := range usual {
		if got := state.Bookmarks[name]; got.Created != stripefake.DefaultNow.Unix() || got.Backfill != nil {
			t.Errorf("%s ends with the bookmark %+v, want the server's time %d", name, got, stripefake.DefaultNow.Unix())
		}
	}
	if log := strings.ToLower(r.log); strings.Contains(log, "error") || strings.Contains(log, "exception") {
		t.Errorf("a healthy run speaks of errors:\n%s", r.log)
	}
}

// A run that is killed leaves some of its lines behind. With the last state among them the next run must read all that
// is missing. Of all prefixes with the same last state, the one that ends in it has the fewest records.
func TestARunCutAnywhereIsCompletedByTheNext(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 3, Span: 20 * time.Second,
		Counts: map[string]int{"prices": 20, "coupons": 40, "tax_rates": 40, "plans": 3, "refunds": 25}})
	want := oracle(t, fake, "prices", "coupons", "tax_rates", "plans", "refunds")
	set := map[string]any{"page_size": 5, "lookback_seconds": 0, "start_date": "2024-03-30", "select": []string{"prices.*", "coupons.*", "tax_rates.*", "plans.*", "refunds.*"}}
	whole := mustRun(t, url, "", set).messages
	states := 0
	for i, m := range whole {
		state, ok := m.(*singer.State)
		if !ok {
			continue
		}
		states++
		got := table{}
		got.load(t, whole[:i])
		got.load(t, mustRun(t, url, string(state.Value), set).messages)
		if diff := differ(want, got); diff != "" {
			t.Fatalf("cut behind message %d and resumed from %s: %s", i, state.Value, diff)
		}
	}
	if states < 25 {
		t.Errorf("%d states, too few to show anything", states)
	}
}

func TestARunCutManyTimesComesToItsEnd(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 4, Objects: 150})
	r := rand.New(rand.NewPCG(7, 7))
	got, state, runs := table{}, "", 0
	for ; ; runs++ {
		messages := mustRun(t, url, state, map[string]any{"page_size": 7}).messages
		end := len(messages)
		if runs < 10 {
			end = min(end, 13+r.IntN(40))
		}
		got.load(t, messages[:end])
		if s := lastState(messages[:end]); s != "" {
			state = s
		}
		if end == len(messages) {
			break
		}
	}
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
	if runs < 5 {
		t.Errorf("only %d runs were cut", runs)
	}
}

func TestTheNextRunReadsWhatIsNew(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 5, Objects: 200})
	first := mustRun(t, url, "", nil)
	got := table{}
	got.load(t, first.messages)
	advance(t, fake, 24*time.Hour)
	for _, kind := range []string{"charges", "customers", "coupons"} {
		if _, err := fake.Create(kind, 120); err != nil {
			t.Fatal(err)
		}
	}
	fake.ResetRequests()
	bookmark := stripefake.DefaultNow.Unix()
	second := mustRun(t, url, lastState(first.messages), nil)
	got.load(t, second.messages)
	want := oracle(t, fake)
	for id := range got["events"] {
		if _, kept := want["events"][id]; !kept { // it has aged out meanwhile
			delete(got["events"], id)
		}
	}
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	if n := count[*singer.Record](second.messages); n < 360 || n > 1000 {
		t.Errorf("the second run writes %d records for 360 new objects and their events", n)
	}
	requests := fake.Requests()
	if n := len(requests); n > 60 {
		t.Errorf("the second run makes %d requests", n)
	}
	for _, r := range requests[1:] { // the first asks for the time
		query, err := neturl.ParseQuery(r.Query)
		if err != nil {
			t.Fatal(err)
		}
		earliest := bookmark - 600
		switch {
		case query.Get("limit") == "1" || r.Path == accountPath: // it asks for the time, and whose the key is
			continue
		case r.Path == "/v1/balance_transactions": // those that may have been pending
			earliest = stripefake.DefaultNow.Add(-settlesWithin).Unix()
		}
		if from, err := strconv.ParseInt(query.Get("created[gte]"), 10, 64); err != nil || from < earliest {
			t.Errorf("%s?%s does not begin ten minutes before the bookmark %d, or later", r.Path, r.Query, bookmark)
		}
	}
}

func advance(t *testing.T, fake *stripefake.Server, d time.Duration) {
	t.Helper()
	if err := fake.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// Objects that come into being while a list is read belong to the next run, even those of the second in which the
// first one began.
func TestObjectsCreatedDuringARunAreReadByTheNext(t *testing.T) {
	for _, lookback := range []int{0, 600} {
		fake, _ := newFake(t, stripefake.Options{Seed: 6, Objects: 300})
		requests, resting := 0, false
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			fake.ServeHTTP(w, r)
			if requests++; resting {
				return
			}
			if requests%3 == 0 {
				if _, err := fake.Create("charges", 2); err != nil {
					t.Error(err)
				}
			}
			if requests%10 == 0 {
				advance(t, fake, time.Second)
			}
		})
		set := map[string]any{"page_size": 20, "lookback_seconds": lookback, "select": []string{"charges.*"}}
		got := table{}
		first := mustRun(t, url, "", set)
		got.load(t, first.messages)
		made := requests
		resting = true
		got.load(t, mustRun(t, url, lastState(first.messages), set).messages)
		if diff := differ(oracle(t, fake, "charges"), got); diff != "" {
			t.Errorf("with a lookback of %d s: %s", lookback, diff)
		}
		if made < 4 {
			t.Errorf("nothing was created in %d requests", made)
		}
	}
}

// serve starts a server for one handler that is called by one request at a time.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	turn := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestPassingFailuresLoseNothing(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 7, Objects: 300})
	for i, mode := range []stripefake.Mode{stripefake.RateLimit, stripefake.LockTimeout, stripefake.Conflict, stripefake.Internal,
		stripefake.BadGateway, stripefake.Unavailable, stripefake.Truncated, stripefake.Reset} {
		if err := fake.Fail(stripefake.Failure{Mode: mode, Skip: 1 + 2*i}); err != nil {
			t.Fatal(err)
		}
	}
	r := mustRun(t, url, "", map[string]any{"page_size": 30})
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(r.log, "a request is made again"); n != 8 {
		t.Errorf("%d retries are told of, want 8:\n%s", n, r.log)
	}
	if strings.Contains(strings.ToLower(r.log), "error") {
		t.Errorf("a run that came through speaks of errors:\n%s", r.log)
	}
}

func TestAServerThatStaysAwayEndsTheRunResumably(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 8, Objects: 150})
	if err := fake.Fail(stripefake.Failure{Mode: stripefake.BadGateway, Skip: 15, Times: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"max_retries": 0, "page_size": 10}
	first := runTap(t, url, "", set)
	if first.code != singer.ExitUnavailable || !strings.Contains(lastLine(first.log), "502") {
		t.Errorf("the run ends with %d and %q", first.code, lastLine(first.log))
	}
	fake.ClearFailures()
	got := table{}
	got.load(t, first.messages)
	got.load(t, mustRun(t, url, lastState(first.messages), set).messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
}

func TestARunThatIsStoppedLeavesAStateToGoOnFrom(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 19, Objects: 150})
	ctx, stop := context.WithCancel(t.Context())
	var requests atomic.Int64 // the tap does not wait for the last answers
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 14 {
			stop()
		}
		fake.ServeHTTP(w, r)
	})
	config := write(t, "config.json", fmt.Sprintf(`{"api_key": "sk_test_fake", "base_url": %q, "page_size": 10, "request_rate": 100000}`, url))
	var out, log bytes.Buffer
	code := tap().Run(ctx, []string{"--config", config}, singer.IO{Out: &out, Err: &log})
	first := parse(t, out.Bytes())
	if code == singer.ExitOK || requests.Load() > 14+streamsAtOnce {
		t.Errorf("the run ends with %d after %d requests:\n%s", code, requests.Load(), log.String())
	}
	got := table{}
	got.load(t, first)
	got.load(t, mustRun(t, url, lastState(first), nil).messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
}

func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[len(lines)-1]
}

func TestSelection(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 9, Objects: 500})
	r := mustRun(t, url, "", map[string]any{"select": []string{"invoices.*", "!invoices.lines.data.amount", "!invoices.metadata", "customers.email"}})
	seen := map[string]int{}
	for _, m := range r.messages {
		record, ok := m.(*singer.Record)
		if !ok {
			continue
		}
		seen[record.Stream]++
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(record.Record, &fields); err != nil {
			t.Fatal(err)
		}
		switch record.Stream {
		case "customers":
			for name := range fields {
				if !slices.Contains([]string{"id", "created", "email"}, name) {
					t.Fatalf("a customer keeps %s", name)
				}
			}
		case "invoices":
			var lines struct{ Data []map[string]json.RawMessage }
			if err := json.Unmarshal(fields["lines"], &lines); err != nil {
				t.Fatal(err)
			}
			for _, line := range lines.Data {
				if line["amount"] != nil || line["id"] == nil {
					t.Fatalf("a line has the fields %v", line)
				}
			}
			if fields["metadata"] != nil || fields["total"] == nil {
				t.Fatalf("an invoice has the fields %s", record.Record)
			}
		}
	}
	if len(seen) != 2 || seen["customers"] == 0 || seen["invoices"] == 0 {
		t.Errorf("records by stream: %v", seen)
	}
}

func TestRecordsHaveAKeyEvenIfTheCatalogTellsNone(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 20, Counts: map[string]int{"charges": 2}})
	catalog := write(t, "catalog.json", `{"streams":[{"tap_stream_id":"charges","schema":{"properties":{"id":{},"amount":{}}}}]}`)
	r := runTap(t, url, "", nil, "--catalog", catalog)
	schema, ok := r.messages[0].(*singer.Schema)
	if r.code != singer.ExitOK || !ok || !slices.Equal(schema.KeyProperties, []string{"id"}) {
		t.Errorf("the run ends with %d and begins with %+v:\n%s", r.code, r.messages[0], r.log)
	}
}

func TestACheckOfNothingSaysSo(t *testing.T) {
	r := runTap(t, "http://127.0.0.1:1", "", nil, "--check", "--catalog", write(t, "catalog.json", `{"streams":[]}`))
	if r.code != singer.ExitOK || !strings.Contains(string(r.out), "no stream is selected") {
		t.Errorf("it ends with %d and %s", r.code, r.out)
	}
}

func TestStartDate(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 10, Counts: map[string]int{"charges": 100}})
	start := fake.Now().Add(-200 * 24 * time.Hour)
	got := table{}
	got.load(t, mustRun(t, url, "", map[string]any{"start_date": start.Format(time.RFC3339), "select": []string{"charges.*"}}).messages)
	all, want := oracle(t, fake, "charges")["charges"], table{"charges": {}}
	for id, text := range all {
		var charge struct{ Created time.Time }
		if err := json.Unmarshal([]byte(text), &charge); err != nil {
			t.Fatal(err)
		}
		if !charge.Created.Before(start) {
			want["charges"][id] = text
		}
	}
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	if len(want["charges"]) == 0 || len(want["charges"]) == len(all) {
		t.Errorf("%d charges show nothing", len(want["charges"]))
	}
}

// A stream whose bookmark lies in the future would count as read for good.
func TestABookmarkAheadOfTheServersClockIsRefused(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 12, Objects: 100})
	now := stripefake.DefaultNow.Unix()
	for _, c := range []struct {
		bookmark string
		code     int
	}{
		{fmt.Sprintf(`{"created":%d}`, now+5), singer.ExitOK}, // of a server whose clock is ahead
		{fmt.Sprintf(`{"created":%d}`, now+3600), singer.ExitUsage},
		{fmt.Sprintf(`{"created":%d}`, now*1000), singer.ExitUsage},
		{fmt.Sprintf(`{"backfill":{"start":0,"end":%d,"remaining":[{"gte":0,"lt":5}]}}`, now+3600), singer.ExitUsage},
	} {
		r := runTap(t, url, `{"bookmarks":{"charges":`+c.bookmark+`}}`, nil)
		if r.code != c.code || c.code != singer.ExitOK && !strings.Contains(lastLine(r.log), "bookmark of stream charges") {
			t.Errorf("%s ends with %d and %q, want %d", c.bookmark, r.code, lastLine(r.log), c.code)
		}
	}
}

func TestAStartDateInTheFutureIsTold(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 12, Objects: 100})
	r := mustRun(t, url, "", map[string]any{"start_date": "2099-01-01"})
	if !strings.Contains(r.log, "start_date lies in the future") {
		t.Errorf("the run tells\n%s", r.log)
	}
}

func TestARunThatReadsNothingInventsNoState(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 12, Objects: 100, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"customers"}}}})
	set := map[string]any{"api_key": "rk_test_narrow", "select": []string{"charges.*"}}
	if r := runTap(t, url, "", set); matches(lastState(r.messages), "created|backfill") { // when it began is no promise
		t.Errorf("without a state it writes %s", lastState(r.messages))
	}
	const state = `{"bookmarks":{"charges":{"created":5},"_account":{"id":"acct_1FakeTapline","livemode":false}}}`
	if r := runTap(t, url, state, set); lastState(r.messages) != state {
		t.Errorf("from %s it goes to %s", state, lastState(r.messages))
	}
}

func TestEventsOlderThanStripeKeepsThem(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 11, Objects: 500})
	only := map[string]any{"select": []string{"events.*"}}
	if r := mustRun(t, url, "", only); strings.Contains(r.log, "does not keep") {
		t.Errorf("a run that asked for nothing old is warned:\n%s", r.log)
	}
	for _, state := range []string{`{"bookmarks":{"events":{"created":1600000000}}}`,
		fmt.Sprintf(`{"bookmarks":{"events":{"backfill":{"start":1600000000,"end":%d,"remaining":[{"gte":1600000000,"lt":%d}]}}}}`, fake.Now().Unix(), fake.Now().Unix())} {
		r := mustRun(t, url, state, only)
		got := table{}
		got.load(t, r.messages)
		if diff := differ(oracle(t, fake, "events"), got); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(r.log, "does not keep these objects as far back") {
			t.Errorf("no warning from state %s:\n%s", state, r.log)
		}
	}
}

func TestAnEventCursorThatAgesOutEndsTheList(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 12, Objects: 600, Span: 20 * 24 * time.Hour})
	aged := false
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("starting_after") && !aged {
			aged = true
			advance(t, fake, 29*24*time.Hour)
		}
		fake.ServeHTTP(w, r)
	})
	r := mustRun(t, url, "", map[string]any{"select": []string{"events.*"}, "page_size": 100})
	if !aged || count[*singer.Record](r.messages) < 100 {
		t.Errorf("aged %v, %d records", aged, count[*singer.Record](r.messages))
	}
}

func TestACursorWhoseObjectIsDeletedLosesNothing(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 13, Counts: map[string]int{"coupons": 200}, Span: 10 * time.Minute})
	deleted := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("starting_after"); id != "" && deleted < 6 && r.URL.Path == "/v1/coupons" {
			if err := fake.Delete("coupons", id); err != nil {
				t.Error(err)
			}
			deleted++
		}
		fake.ServeHTTP(w, r)
	})
	got := table{}
	got.load(t, mustRun(t, url, "", map[string]any{"select": []string{"coupons.*"}, "page_size": 10}).messages)
	if len(got["coupons"]) != 200 || deleted != 6 {
		t.Errorf("%d of 200 coupons were read, %d deleted meanwhile", len(got["coupons"]), deleted)
	}
	for id, object := range oracle(t, fake, "coupons")["coupons"] {
		if got["coupons"][id] != object {
			t.Errorf("coupon %s is missing or changed", id)
		}
	}
}

func TestAListThatNeverEndsStopsItsStreamOnly(t *testing.T) {
	fake, _ := newFake(t, stripefake.Options{Seed: 14, Objects: 300})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/charges" {
			query := r.URL.Query()
			query.Del("starting_after")
			r.URL.RawQuery = query.Encode()
		}
		fake.ServeHTTP(w, r)
	})
	r := runTap(t, url, "", map[string]any{"page_size": 50})
	if r.code != singer.ExitFailure || !strings.Contains(lastLine(r.log), "/v1/charges shows the same objects again") {
		t.Errorf("the run ends with %d and %q", r.code, lastLine(r.log))
	}
	want, got := oracle(t, fake), table{}
	got.load(t, r.messages)
	delete(want, "charges")
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWrongKeyEndsTheRunInPlainWords(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 15, Objects: 100})
	for _, args := range [][]string{nil, {"--check"}} {
		r := runTap(t, url, "", map[string]any{"api_key": "sk_test_not_the_right_one"}, args...)
		if r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "the API key is wrong, expired or revoked") {
			t.Errorf("%v ends with %d and %q", args, r.code, lastLine(r.log))
		}
		if strings.Contains(r.log+string(r.out), "not_the_right_one") {
			t.Errorf("%v shows the key:\n%s", args, r.log)
		}
	}
}

func TestAWrongAccountIsToldOnce(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 15, Objects: 100})
	for _, args := range [][]string{nil, {"--check"}} {
		r := runTap(t, url, "", map[string]any{"account_id": "acct_other"}, args...)
		if n := strings.Count(r.log, "no access to the account that account_id names"); r.code != singer.ExitCredentials || n != 1 {
			t.Errorf("%v ends with %d and tells it %d times:\n%s", args, r.code, n, r.log)
		}
	}
}

func TestARestrictedKeyReadsWhatItMay(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 16, Objects: 400, Keys: []stripefake.Key{{Secret: "rk_test_narrow", Resources: []string{"charges", "customers"}}}})
	set := map[string]any{"api_key": "rk_test_narrow", "select": []string{"charges.*", "customers.*", "refunds.*", "balance_transactions.*"}}
	r := runTap(t, url, "", set)
	last := lastLine(r.log)
	if r.code != singer.ExitCredentials || !strings.Contains(last, "2 streams cannot be read: balance_transactions, refunds;") || strings.Count(last, "rak_balance_transaction_read; grant it") != 1 {
		t.Errorf("the run ends with %d and %q", r.code, last)
	}
	if !matches(r.log, "ERROR stream refunds: .* rak_refund_read; grant it") {
		t.Errorf("the log does not tell why refunds cannot be read:\n%s", r.log)
	}
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "charges", "customers"), got); diff != "" {
		t.Error(diff)
	}
	checked := runTap(t, url, "", set, "--check")
	if checked.code != singer.ExitCredentials || strings.Contains(checked.log+string(checked.out)+r.log, "rk_test_narrow") {
		t.Errorf("--check ends with %d:\n%s", checked.code, checked.log)
	}
	for _, line := range []string{"charges  *yes", "customers  *yes", "refunds  *no  *the key lacks rak_"} {
		if !matches(string(checked.out)+checked.log, line) {
			t.Errorf("--check does not say %q:\n%s%s", line, checked.out, checked.log)
		}
	}
	set["select"] = []string{"charges.*"}
	if r := runTap(t, url, "", set, "--check"); r.code != singer.ExitOK {
		t.Errorf("--check of a readable stream ends with %d:\n%s", r.code, r.log)
	}
}

func TestARunForOneRecordEach(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 17, Objects: 100})
	r := runTap(t, url, "", nil, "--test")
	if n := count[*singer.Record](r.messages); r.code != singer.ExitOK || n != len(usual) {
		t.Errorf("--test ends with %d and %d records of %d streams:\n%s", r.code, n, len(usual), r.log)
	}
}

func TestDiscoveryNeedsNoKey(t *testing.T) {
	r := runTap(t, "http://127.0.0.1:1", "", map[string]any{"api_key": nil}, "--discover")
	catalog, err := singer.ParseCatalog(r.out)
	if r.code != singer.ExitOK || err != nil || len(catalog.Streams) != len(streams) {
		t.Fatalf("discovery ends with %d, %v:\n%s", r.code, err, r.log)
	}
	for _, s := range catalog.Streams {
		if s.Selected() == findStream(s.Name).costly {
			t.Errorf("stream %s: selected %v by %s", s.Name, s.Selected(), s.ReplicationKey())
		}
	}
}

func TestFaultsOfTheSettingsAreTold(t *testing.T) {
	for _, c := range []struct {
		set   map[string]any
		words string
	}{
		{map[string]any{"api_key": nil}, "api_key is missing"},
		{map[string]any{"api_key": "pk_test_1"}, "publishable"},
		{map[string]any{"api_key": "sk_test_1\nsk_test_2"}, "api_key holds"},
		{map[string]any{"start_date": "2024-02-31"}, "start_date"},
		{map[string]any{"start_date": "yesterday"}, "2024-01-31T00:00:00Z"},
		{map[string]any{"base_url": "http://stripe.example"}, "base_url"},
		{map[string]any{"select": []string{"charge.*"}}, "charges"},
	} {
		if r := runTap(t, "http://127.0.0.1:1", "", c.set); r.code != singer.ExitUsage || !strings.Contains(r.log, c.words) {
			t.Errorf("%v ends with %d:\n%s", c.set, r.code, r.log)
		}
	}
}

func TestASummaryCountsTheTimeOfTheOnlyPage(t *testing.T) {
	const latency = 30 * time.Millisecond
	_, url := newFake(t, stripefake.Options{Seed: 19, Counts: map[string]int{"coupons": 5}, Latency: latency})
	path := filepath.Join(t.TempDir(), "summary.json")
	if r := runTap(t, url, "", map[string]any{"select": []string{"coupons.*"}}, "--summary-file", path); r.code != singer.ExitOK {
		t.Fatal(r.log)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Streams map[string]struct {
			Rows    int
			Seconds float64
		}
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		t.Fatal(err)
	}
	if got := summary.Streams["coupons"]; got.Rows != 5 || got.Seconds < latency.Seconds() {
		t.Errorf("the summary has %+v, but an answer takes %v", got, latency)
	}
}

func TestUnknownFieldsAreToldOnce(t *testing.T) {
	_, url := newFake(t, stripefake.Options{Seed: 18, Objects: 400})
	r := mustRun(t, url, "", map[string]any{"select": []string{"charges.*", "customers.*"}})
	if n := strings.Count(r.log, "fields that no schema describes are passed on"); n != 1 || !strings.Contains(r.log, " streams=2 ") {
		t.Errorf("told %d times:\n%s", n, r.log)
	}
}
