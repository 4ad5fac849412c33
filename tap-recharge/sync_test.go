package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xeipuuv/gojsonschema"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

func TestAFirstRunReadsEveryObjectUnchanged(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 1, Objects: 2000})
	r := mustRun(t, url, "", nil)
	got := table{}
	got.load(t, r.messages)
	want := oracle(t, fake)
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	validate(t, r.messages)
	objects := 0
	for _, records := range want {
		objects += len(records)
	}
	if records := count[*singer.Record](r.messages); records != objects {
		t.Errorf("%d records for %d objects", records, objects)
	}
	if log := strings.ToLower(r.log); strings.Contains(log, "error") || strings.Contains(log, "exception") {
		t.Errorf("a healthy run speaks of errors:\n%s", r.log)
	}
}

// validate holds every record against its SCHEMA.
func validate(t *testing.T, messages []singer.Message) {
	t.Helper()
	schemas := map[string]*gojsonschema.Schema{}
	for _, m := range messages {
		switch m := m.(type) {
		case *singer.Schema:
			schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(m.Schema))
			if err != nil {
				t.Fatalf("the schema of %s: %v", m.Stream, err)
			}
			schemas[m.Stream] = schema
		case *singer.Record:
			result, err := schemas[m.Stream].Validate(gojsonschema.NewBytesLoader(m.Record))
			if err != nil {
				t.Fatal(err)
			}
			if !result.Valid() {
				t.Fatalf("a record of %s: %v\n%s", m.Stream, result.Errors(), m.Record)
			}
		}
	}
}

func TestSchemasComeFirstAndAStateLast(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 2, Counts: map[string]int{"charges": 3}}) // every other list is empty
	r := mustRun(t, url, "", nil)
	selected := 0
	for i := range streams {
		if streams[i].optional {
			continue
		}
		schema, ok := r.messages[selected].(*singer.Schema)
		if !ok || len(schema.KeyProperties) == 0 || (len(schema.BookmarkProperties) == 0) != (streams[i].replicationKey == "") {
			t.Errorf("message %d is %+v, want the SCHEMA of a stream with its key and bookmark", selected, r.messages[selected])
		}
		selected++
	}
	if _, ok := r.messages[len(r.messages)-1].(*singer.State); !ok {
		t.Error("the last message is no STATE")
	}
	state := lastState(r.messages)
	for i := range streams {
		got := bookmarkOf(t, state, streams[i].name)
		want := ""
		switch {
		case streams[i].optional:
		case streams[i].replicationKey != "":
			text, _ := json.Marshal(map[string]string{streams[i].replicationKey: formatTime(rechargefake.DefaultNow)})
			want = string(text)
		default:
			want = `{"version":1748865600000}`
		}
		if got != want {
			t.Errorf("%s ends with the bookmark %s, want %s", streams[i].name, got, want)
		}
	}
}

// A run that is killed leaves some of its lines behind. With the last state among them the next run must read all that
// is missing. Of all prefixes with the same last state, the one that ends in it has the fewest records.
func TestARunCutAnywhereIsCompletedByTheNext(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 3, Span: 20 * time.Second, Counts: map[string]int{
		"customers": 30, "collections": 22, "plans": 20, "products": 12, "events": 30, "async_batches": 3, "async_batch_tasks": 12, "credit_adjustments": 15}})
	names := []string{"customers", "collections", "plans", "products", "events", "async_batches", "async_batch_tasks", "credit_adjustments", "delivery_schedules"}
	want := oracle(t, fake, names...)
	set := map[string]any{"page_size": 5, "lookback_minutes": 0, "select": patterns(names...)}
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
	if states < 60 {
		t.Errorf("%d states, too few to show anything", states)
	}
}

// patterns selects every field of streams.
func patterns(names ...string) []string {
	var list []string
	for _, name := range names {
		list = append(list, name+".*")
	}
	return list
}

func TestARunCutManyTimesComesToItsEnd(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 4, Objects: 400})
	r := rand.New(rand.NewPCG(7, 7))
	got, state, runs := table{}, "", 0
	for ; ; runs++ {
		messages := mustRun(t, url, state, map[string]any{"page_size": 7}).messages
		end := len(messages)
		if runs < 12 {
			end = min(end, 30+r.IntN(60))
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

func TestChildrenAreReadWhenNamed(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 5, Counts: map[string]int{"customers": 12, "async_batches": 4, "async_batch_tasks": 30}})
	names := []string{"async_batch_tasks", "credit_summaries", "delivery_schedules"}
	r := mustRun(t, url, "", map[string]any{"select": patterns(names...), "page_size": 4})
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, names...), got); diff != "" {
		t.Error(diff)
	}
	validate(t, r.messages)
	if r := mustRun(t, url, "", map[string]any{"select": []string{"*.*"}}); recordsOfStream(r.messages, "credit_summaries") != nil {
		t.Error("a pattern for all streams reads children, which cost a request for each parent")
	}
	catalog := write(t, "catalog.json", string(mustRun(t, url, "", nil, "--discover").out))
	if r := mustRun(t, url, "", nil, "--catalog", catalog); recordsOfStream(r.messages, "credit_summaries") != nil || recordsOfStream(r.messages, "customers") == nil {
		t.Error("a catalog as it was discovered reads children")
	}
}

func TestAPassIsContinuedWhereItWasCut(t *testing.T) {
	for stream, place := range map[string]string{"collections": `"cursor":`, "delivery_schedules": `"after":`} {
		fake, url := newFake(t, rechargefake.Options{Seed: 6, Counts: map[string]int{"collections": 90, "customers": 30}})
		set := map[string]any{"page_size": 10, "select": patterns(stream)}
		first := mustRun(t, url, "", set).messages
		whole := len(fake.Requests())
		half := first[:len(first)/2]
		if !strings.Contains(lastState(half), place) {
			t.Fatalf("half a run over %s leaves %s", stream, lastState(half))
		}
		fake.ResetRequests()
		second := mustRun(t, url, lastState(half), set)
		if rest := len(fake.Requests()); rest > whole*3/4 {
			t.Errorf("%s: a whole run takes %d requests, and what was left in the middle %d", stream, whole, rest)
		}
		versions := map[int64]bool{}
		for _, m := range slices.Concat(half, second.messages) {
			if r, ok := m.(*singer.Record); ok {
				versions[r.Version] = true
			}
		}
		if len(versions) != 1 || count[*singer.ActivateVersion](half) != 0 || count[*singer.ActivateVersion](second.messages) != 1 {
			t.Errorf("%s: the records of one pass have the versions %v, activated %d times", stream, versions, count[*singer.ActivateVersion](second.messages))
		}
	}
}

func TestARefusedCursorBelowAParentIsCuredThere(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 6, Counts: map[string]int{"async_batches": 5, "async_batch_tasks": 60}})
	later := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tasks") && r.URL.Query().Has("cursor") {
			if later++; later == 9 {
				w.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = w.Write([]byte(`{"errors":{"cursor":["Invalid value"]}}`))
				return
			}
		}
		fake.ServeHTTP(w, r)
	})
	r := mustRun(t, url, "", map[string]any{"page_size": 4, "select": patterns("async_batch_tasks")})
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake, "async_batch_tasks"), got); diff != "" {
		t.Error(diff)
	}
	if n := count[*singer.Record](r.messages); n == 60 || n > 75 {
		t.Errorf("%d records for 60 tasks: the parents that were read before are read again", n)
	}
}

func TestWhatIsGoneMeanwhileHasNoRecords(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 6, Counts: map[string]int{"customers": 4}})
	gone := ""
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if gone == "" && strings.HasSuffix(r.URL.Path, "/delivery_schedule") {
			gone = r.URL.Path
		}
		if r.URL.Path == gone {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors":"Not Found"}`))
			return
		}
		fake.ServeHTTP(w, r)
	})
	if r := mustRun(t, url, "", map[string]any{"select": patterns("delivery_schedules")}); count[*singer.Record](r.messages) != 3 {
		t.Errorf("%d records of 4 customers, one of whom is gone", count[*singer.Record](r.messages))
	}
}

func TestATokenThatIsRevokedEndsTheRun(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 6, Objects: 500})
	if err := fake.Fail(rechargefake.Failure{Mode: rechargefake.Unauthorized, Skip: 8, Share: 1}); err != nil {
		t.Fatal(err)
	}
	r := runTap(t, url, "", map[string]any{"page_size": 10})
	if r.code != singer.ExitCredentials || !strings.Contains(lastLine(r.log), "the access token is wrong, expired or revoked") {
		t.Errorf("it ends with %d and %q", r.code, lastLine(r.log))
	}
	if n := len(fake.Requests()); n > 8+streamsAtOnce+1 {
		t.Errorf("after the refusal it goes on, to %d requests", n)
	}
}

func TestWhatIsGoneIsToldByACompletePassOnly(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 7, Counts: map[string]int{"collections": 30}})
	var fail atomic.Bool
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if fail.Load() && r.URL.Query().Has("cursor") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fake.ServeHTTP(w, r)
	})
	set := map[string]any{"page_size": 10, "select": patterns("collections")}
	state := lastState(mustRun(t, url, "", set).messages)
	fail.Store(true)
	cut := runTap(t, url, state, set)
	if cut.code != singer.ExitCredentials || count[*singer.ActivateVersion](cut.messages) != 0 || count[*singer.Record](cut.messages) != 10 {
		t.Errorf("a pass that fails ends with %d, %d records and %d activations:\n%s", cut.code, count[*singer.Record](cut.messages), count[*singer.ActivateVersion](cut.messages), cut.log)
	}
	if got, want := bookmarkOf(t, lastState(cut.messages), "collections"), `{"version":1748865600000,"pass":{"version":1748865600001,"cursor":`; !strings.HasPrefix(got, want) {
		t.Errorf("it leaves %s", got)
	}
}

func TestAServerThatStaysAwayEndsTheRunResumably(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 8, Objects: 400})
	var requests atomic.Int64
	var back atomic.Bool
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 25 && !back.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fake.ServeHTTP(w, r)
	})
	set := map[string]any{"max_retries": 0, "page_size": 10}
	first := runTap(t, url, "", set)
	if first.code != singer.ExitUnavailable || !strings.Contains(lastLine(first.log), "502") {
		t.Errorf("the run ends with %d and %q", first.code, lastLine(first.log))
	}
	back.Store(true)
	got := table{}
	got.load(t, first.messages)
	got.load(t, mustRun(t, url, lastState(first.messages), set).messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
}

// A list that alone keeps failing, as some do when they are long, does not take the others along.
func TestAListThatStaysAwayDoesNotStopTheOthers(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 8, Objects: 400})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/subscriptions" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fake.ServeHTTP(w, r)
	})
	r := runTap(t, url, "", map[string]any{"max_retries": 1})
	if r.code != singer.ExitUnavailable || !strings.Contains(lastLine(r.log), "stream subscriptions: reading /subscriptions failed at attempt 2") {
		t.Errorf("the run ends with %d and %q", r.code, lastLine(r.log))
	}
	want, got := oracle(t, fake), table{}
	delete(want, "subscriptions")
	got.load(t, r.messages)
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARunThatIsStoppedLeavesAStateToGoOnFrom(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 9, Objects: 300})
	ctx, stop := context.WithCancel(t.Context())
	var requests atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 20 {
			stop()
		}
		fake.ServeHTTP(w, r)
	})
	config := write(t, "config.json", fmt.Sprintf(`{"access_token": %q, "base_url": %q, "page_size": 5, "lag_minutes": 0}`, fastToken, url))
	var out, log bytes.Buffer
	code := tap().Run(ctx, []string{"--config", config}, singer.IO{Out: &out, Err: &log})
	first := parse(t, out.Bytes())
	if code == singer.ExitOK || requests.Load() > 20+streamsAtOnce {
		t.Errorf("the run ends with %d after %d requests:\n%s", code, requests.Load(), log.String())
	}
	got := table{}
	got.load(t, first)
	got.load(t, mustRun(t, url, lastState(first), nil).messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
}

func TestStatesOfSingerIOsTapAreCarriedOn(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 10, Counts: map[string]int{"subscriptions": 200, "collections": 5}})
	mark := rechargefake.DefaultNow.Add(-100 * 24 * time.Hour)
	state := fmt.Sprintf(`{"currently_syncing":"subscriptions","bookmarks":{"subscriptions":%q,"collections":%q,"unknown":{"x":1}}}`,
		mark.Format("2006-01-02T15:04:05.000000Z"), mark.Format(time.RFC3339))
	r := mustRun(t, url, state, map[string]any{"select": patterns("subscriptions", "collections")})
	n := len(recordsOfStream(r.messages, "subscriptions"))
	if n == 0 || n == 200 || len(recordsOfStream(r.messages, "collections")) != 5 {
		t.Errorf("from a bookmark in the middle %d of 200 subscriptions are read", n)
	}
	for _, request := range fake.Requests() {
		if request.Path == "/subscriptions" && !strings.Contains(request.Query, "cursor=") &&
			!strings.Contains(request.Query, "updated_at_min="+strings.ReplaceAll(formatTime(mark.Add(-10*time.Minute-time.Second)), ":", "%3A")) {
			t.Errorf("the first page is asked for by %s", request.Query)
		}
	}
	last := lastState(r.messages)
	if bookmarkOf(t, last, "unknown") != `{"x":1}` || !strings.Contains(last, `"currently_syncing":null`) ||
		bookmarkOf(t, last, "subscriptions") != `{"updated_at":"2025-06-02T12:00:00Z"}` {
		t.Errorf("it leaves %s", last)
	}
}

func TestTheWindowEndsALagBeforeTheServersNow(t *testing.T) {
	fake, url := newFake(t, rechargefake.Options{Seed: 11, Counts: map[string]int{"customers": 20, "bundle_selections": 200}, Span: 200 * time.Minute})
	r := mustRun(t, url, "", map[string]any{"select": patterns("customers", "bundle_selections"), "lag_minutes": 30, "page_size": 20})
	want := formatTime(rechargefake.DefaultNow.Add(-30 * time.Minute))
	for _, stream := range []string{"customers", "bundle_selections"} {
		if got := bookmarkOf(t, lastState(r.messages), stream); got != `{"updated_at":"`+want+`"}` {
			t.Errorf("%s ends at %s, want %s", stream, got, want)
		}
		for _, record := range recordsOfStream(r.messages, stream) {
			if instantOf(lookup([]byte(record), "updated_at")).After(at(want)) {
				t.Fatalf("%s holds a record from behind the window: %s", stream, record)
			}
		}
	}
	// That list takes no upper bound, so that the tap ends it where the window does.
	n := len(recordsOfStream(r.messages, "bundle_selections"))
	if n == 0 || n == 200 || !slices.ContainsFunc(fake.Requests(), func(q rechargefake.Request) bool {
		return q.Path == "/customers" && strings.Contains(q.Query, "updated_at_max=2025-06-02T11%3A30%3A00Z")
	}) {
		t.Errorf("%d of 200 bundle selections are read", n)
	}
	again := mustRun(t, url, lastState(r.messages), map[string]any{"select": patterns("customers", "bundle_selections"), "lookback_minutes": 0})
	got := table{}
	got.load(t, r.messages)
	got.load(t, again.messages)
	if diff := differ(oracle(t, fake, "customers", "bundle_selections"), got); diff != "" {
		t.Error(diff)
	}
}

func TestStartDates(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 12, Counts: map[string]int{"subscriptions": 300, "orders": 300}})
	r := mustRun(t, url, "", map[string]any{"select": patterns("subscriptions", "orders"), "start_date": "100d", "start_dates": map[string]string{"orders": "2025-01-01"}})
	for stream, start := range map[string]time.Time{"subscriptions": rechargefake.DefaultNow.Add(-100 * 24 * time.Hour), "orders": at("2025-01-01")} {
		records := recordsOfStream(r.messages, stream)
		if len(records) == 0 || len(records) == 300 {
			t.Errorf("%d of 300 %s show nothing", len(records), stream)
		}
		for _, record := range records {
			if instantOf(lookup([]byte(record), "updated_at")).Before(start) {
				t.Fatalf("%s holds a record from before %v: %s", stream, start, record)
			}
		}
	}
	for _, set := range []map[string]any{{"start_date": "2031-01-01"}, {"start_dates": map[string]string{"orders": "2031-01-01"}}} {
		for _, args := range [][]string{nil, {"--check"}} {
			if r := runTap(t, url, "", set, args...); r.code != singer.ExitUsage || !strings.Contains(lastLine(r.log), "lies in the future") {
				t.Errorf("%v %v ends with %d and %q", set, args, r.code, lastLine(r.log))
			}
		}
	}
}

func TestABookmarkAheadOfTheServersClockIsRefused(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 13, Objects: 100})
	for ahead, code := range map[time.Duration]int{5 * time.Second: singer.ExitOK, time.Hour: singer.ExitUsage} {
		state := `{"bookmarks":{"charges":{"updated_at":"` + formatTime(rechargefake.DefaultNow.Add(ahead)) + `"}}}`
		r := runTap(t, url, state, map[string]any{"select": patterns("charges")})
		if r.code != code || code != singer.ExitOK && !strings.Contains(lastLine(r.log), "bookmark of stream charges") {
			t.Errorf("%v ahead ends with %d and %q, want %d", ahead, r.code, lastLine(r.log), code)
		}
		if code == singer.ExitOK && bookmarkOf(t, lastState(r.messages), "charges") != `{"updated_at":"2025-06-02T12:00:05Z"}` {
			t.Errorf("the bookmark moves back to %s", lastState(r.messages))
		}
	}
}

func TestARunThatReadsNothingInventsNoState(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 14, Objects: 100, Tokens: []rechargefake.Token{{Secret: fastToken, Scopes: []string{"read_customers"}}}})
	catalog := write(t, "catalog.json", `{"streams":[{"tap_stream_id":"charges","schema":{"properties":{"id":{"type":"integer"}}},"metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}]}`)
	if r := runTap(t, url, "", nil, "--catalog", catalog); count[*singer.State](r.messages) > 0 {
		t.Errorf("without a state it writes %s", lastState(r.messages))
	}
	const state = `{"bookmarks":{"charges":{"updated_at":"2025-05-05T00:00:00Z"}}}`
	if r := runTap(t, url, state, nil, "--catalog", catalog); lastState(r.messages) != state {
		t.Errorf("from %s it goes to %s", state, lastState(r.messages))
	}
}

func TestSelection(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 15, Objects: 300})
	r := mustRun(t, url, "", map[string]any{"select": []string{"orders.*", "!orders.line_items.title", "!orders.customer", "customers.email"}})
	for _, record := range recordsOfStream(r.messages, "customers") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(record), &fields); err != nil || len(fields) != 3 || fields["id"] == nil || fields["updated_at"] == nil {
			t.Fatalf("a customer is %s", record)
		}
	}
	orders := strings.Join(recordsOfStream(r.messages, "orders"), "\n")
	if orders == "" || strings.Contains(orders, `"customer":`) || !strings.Contains(orders, `"line_items":[{`) {
		t.Errorf("orders are %.300s", orders)
	}
	for _, record := range recordsOfStream(r.messages, "orders") {
		var order struct {
			LineItems []map[string]any `json:"line_items"`
		}
		if err := json.Unmarshal([]byte(record), &order); err != nil {
			t.Fatal(err)
		}
		for _, line := range order.LineItems {
			if line["title"] != nil {
				t.Fatalf("a line item has a title: %v", line)
			}
		}
	}
}

func TestARunForOneRecordEach(t *testing.T) {
	_, url := newFake(t, rechargefake.Options{Seed: 16, Objects: 1500})
	r := runTap(t, url, "", nil, "--test")
	seen := map[string]int{}
	for _, m := range r.messages {
		if record, ok := m.(*singer.Record); ok {
			seen[record.Stream]++
		}
	}
	for i := range streams {
		if want := !streams[i].optional; (seen[streams[i].name] == 1) != want {
			t.Errorf("--test shows %d records of %s", seen[streams[i].name], streams[i].name)
		}
	}
	if r.code != singer.ExitOK || count[*singer.State](r.messages) != 0 {
		t.Errorf("--test ends with %d:\n%s", r.code, r.log)
	}
}

func TestFaultsOfTheSettingsAreTold(t *testing.T) {
	for _, c := range []struct {
		set   map[string]any
		words string
	}{
		{map[string]any{"access_token": nil, "select": patterns("charges")}, "set TAP_RECHARGE_ACCESS_TOKEN and pass --config ENV"},
		{map[string]any{"access_token": "sk_1\nsk_2"}, "access_token holds"},
		{map[string]any{"start_date": "2024-02-31"}, "start_date"},
		{map[string]any{"start_date": "yesterday"}, "90d"},
		{map[string]any{"start_dates": map[string]any{"store": "90d"}}, "no incremental stream"},
		{map[string]any{"base_url": "http://recharge.example"}, "base_url"},
		{map[string]any{"api_version": "2021-01"}, "2021-11"},
		{map[string]any{"select": []string{"charge.*"}, "access_token": nil}, "charges"},
	} {
		if r := runTap(t, "http://127.0.0.1:1", "", c.set); r.code != singer.ExitUsage || !strings.Contains(r.log, c.words) {
			t.Errorf("%v ends with %d:\n%s", c.set, r.code, r.log)
		}
	}
}
