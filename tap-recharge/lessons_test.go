package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/tests/fake/recharge/rechargefake"
)

// What went wrong in other connectors to Recharge, one test each.

// Bookmarks taken from lists that were not sorted, or written at the end of a stream only, lost records or did all over.
func TestLesson1AKillAfterPageThreeLosesNothing(t *testing.T) {
	fake, address := newFake(t, rechargefake.Options{Seed: 21, Counts: map[string]int{"charges": 100}})
	set := map[string]any{"page_size": 10, "lookback_minutes": 0, "select": patterns("charges")}
	whole := mustRun(t, address, "", set).messages
	records, end := 0, 0
	for i, m := range whole {
		if _, ok := m.(*singer.Record); ok {
			records++
		}
		if _, ok := m.(*singer.State); ok && records == 30 {
			end = i + 1
			break
		}
	}
	if end == 0 {
		t.Fatal("no state follows the third page")
	}
	got := table{}
	got.load(t, whole[:end])
	rest := mustRun(t, address, lastState(whole[:end]), set).messages
	got.load(t, rest)
	if diff := differ(oracle(t, fake, "charges"), got); diff != "" {
		t.Error(diff)
	}
	if n := count[*singer.Record](rest); n > 75 {
		t.Errorf("of 100 charges %d are read after 30 were", n)
	}
}

// Filters beside a cursor are refused with status 422.
func TestLesson2LaterPagesCarryOnlyCursorAndLimit(t *testing.T) {
	fake, address := newFake(t, rechargefake.Options{Seed: 22, Objects: 500})
	mustRun(t, address, `{"bookmarks":{"orders":{"updated_at":"2024-01-01T00:00:00Z"}}}`, map[string]any{"page_size": 10})
	later := 0
	for _, r := range fake.Requests() {
		query, err := url.ParseQuery(r.Query)
		if err != nil {
			t.Fatal(err)
		}
		if query.Has("cursor") {
			later++
			if len(query) != 2 || !query.Has("limit") {
				t.Errorf("a later page is asked for by %s?%s", r.Path, r.Query)
			}
		}
	}
	if later < 30 {
		t.Errorf("%d later pages show nothing", later)
	}
}

// Bodies that end early were taken for data, or ended the run.
func TestLesson3TruncatedAnswersAreReadAgain(t *testing.T) {
	fake, _ := newFake(t, rechargefake.Options{Seed: 23, Objects: 400})
	cuts := 0
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		fake.ServeHTTP(whole, r)
		body := whole.Body.Bytes()
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		if r.URL.Path == "/charges" && cuts < 2 {
			cuts++
			if cuts == 1 { // the length tells of the cut
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			}
			body = body[:len(body)/2]
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(body)
	})
	r := mustRun(t, address, "", nil)
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(r.log, "a request is made again"); cuts != 2 || n != 2 {
		t.Errorf("%d answers were cut and %d requests made again:\n%s", cuts, n, r.log)
	}
}

// One stream that may not be read ended the run, or was passed over in silence.
func TestLesson4AForbiddenStreamLeavesTheOthersRunning(t *testing.T) {
	fake, address := newFake(t, rechargefake.Options{Seed: 24, Objects: 500, NotInPlan: []string{"credit_accounts", "bundle_selections"}})
	r := runTap(t, address, "", nil)
	want, got := oracle(t, fake), table{}
	delete(want, "credit_accounts")
	delete(want, "bundle_selections")
	got.load(t, r.messages)
	if diff := differ(want, got); diff != "" {
		t.Error(diff)
	}
	if last := lastLine(r.log); r.code != singer.ExitCredentials || !strings.Contains(last, "2 streams cannot be read: bundle_selections, credit_accounts") {
		t.Errorf("the run ends with %d and %q", r.code, last)
	}
	if !matches(r.log, "ERROR stream credit_accounts: .*plan is Plus or Custom, or deselect the stream") {
		t.Errorf("the log does not tell what to do:\n%s", r.log)
	}
	state := lastState(r.messages)
	if bookmarkOf(t, state, "credit_accounts")+bookmarkOf(t, state, "bundle_selections") != "" {
		t.Errorf("streams that were not read have bookmarks in %s", state)
	}
}

// The same field came now as a number, now as text, and columns split.
func TestLesson5TypesThatDriftComeOutAsOne(t *testing.T) {
	object := `{"id":7,"customer":{"id":1},"status":"ERROR","tags":["a","b"],"taxable":"true","tax_lines":[{"price":"1.10","rate":0.0825,"title":"t"},{"price":"1.10","rate":"0.0825","title":"t"}],` +
		`"line_items":[{"purchase_item_id":null,"taxable":1,"properties":[{"name":"n","value":3},{"name":"n","value":true},{"name":"n","value":null}]}],` +
		`"total_refunds":null,"scheduled_at":"2025-05-05","updated_at":"2025-05-05T10:00:00","created_at":"2025-05-05T12:00:00+02:00","processed_at":"2025-05-05T10:00:00.25","total_price":"10.50"}`
	want := `{"id":7,"customer":{"id":1},"status":"error","tags":"a, b","taxable":true,"tax_lines":[{"price":"1.10","rate":"0.0825","title":"t"},{"price":"1.10","rate":"0.0825","title":"t"}],` +
		`"line_items":[{"purchase_item_id":null,"taxable":true,"properties":[{"name":"n","value":"3"},{"name":"n","value":"true"},{"name":"n","value":null}]}],` +
		`"total_refunds":null,"scheduled_at":"2025-05-05","updated_at":"2025-05-05T10:00:00Z","created_at":"2025-05-05T10:00:00Z","processed_at":"2025-05-05T10:00:00.25Z","total_price":"10.50"}`
	address := serve(t, answers(map[string]string{"/charges": `{"next_cursor":null,"charges":[` + object + `]}`}))
	r := mustRun(t, address, "", map[string]any{"select": patterns("charges")})
	records := recordsOfStream(r.messages, "charges")
	if len(records) != 1 || records[0] != want {
		t.Errorf("got\n%s\nwant\n%s", records, want)
	}
	validate(t, r.messages)

	fake, drifting := newFake(t, rechargefake.Options{Seed: 25, Objects: 2000, TypeDrift: true})
	r = mustRun(t, drifting, "", nil)
	validate(t, r.messages)
	got := table{}
	got.load(t, r.messages)
	if diff := differ(oracle(t, fake), got); diff != "" {
		t.Error(diff)
	}
}

// answers serves fixed bodies by path, beside an unlimited token and a store.
func answers(bodies map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		switch {
		case ok:
		case r.URL.Path == "/token_information":
			body = `{"token_information":{"name":"t","scopes":[]}}`
		case r.URL.Path == "/store":
			body = `{"store":{"id":1}}`
		default:
			w.WriteHeader(http.StatusNotFound)
			body = `{"errors":"Not Found"}`
		}
		_, _ = w.Write([]byte(body))
	}
}

// Whole answers and tokens were logged.
func TestLesson6TokenAndPersonalDataStayOutOfLogs(t *testing.T) {
	const person = "jane.doe@example.com"
	bad := `{"next_cursor":null,"customers":[{"email":"` + person + `","updated_at":"2025-05-05T10:00:00"}]}`
	forbidden := `{"errors":"` + fastToken + ` may not"}`
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/orders" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(forbidden))
			return
		}
		answers(map[string]string{"/customers": bad, "/addresses": `{"next_cursor":null,"addresses":[{"email":"` + person + `",` + `}]}`})(w, r)
	})
	r := runTap(t, address, "", map[string]any{"select": patterns("customers", "orders", "addresses"), "max_retries": 1}, "--log-level", "debug")
	if r.code == singer.ExitOK || !strings.Contains(r.log, "3 streams cannot be read") {
		t.Errorf("the run ends with %d:\n%s", r.code, r.log)
	}
	if strings.Contains(r.log, fastToken) || strings.Contains(r.log, "jane") || bytes.Contains(r.out, []byte(fastToken)) {
		t.Errorf("the log shows a token or a person:\n%s", r.log)
	}
}

// A storm of 429 used attempts up.
func TestLesson7BeingPutOffCountsAsNoFailure(t *testing.T) {
	// The bucket is as small as usual, so that it is soon empty again, and leaks fast.
	const small = "sk_99x1_fake"
	fake, _ := newFake(t, rechargefake.Options{Seed: 27, Counts: map[string]int{"charges": 20}, Tokens: []rechargefake.Token{{Secret: small}}})
	put := 0
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if put < 2 && r.URL.Path == "/charges" {
			put++
			w.Header().Set("Retry-After", "0.05")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"warning":"too many requests"}`))
			return
		}
		fake.ServeHTTP(w, r)
	})
	r := mustRun(t, address, "", map[string]any{"access_token": small, "max_retries": 0, "select": patterns("charges")})
	if n := len(recordsOfStream(r.messages, "charges")); n != 20 || put != 2 {
		t.Errorf("%d of 20 charges are read after %d refusals", n, put)
	}
}

// Events disappear after 7 days, and nobody said so.
func TestLesson8AnOldBookmarkOfEventsIsTold(t *testing.T) {
	fake, address := newFake(t, rechargefake.Options{Seed: 28, Counts: map[string]int{"events": 300}})
	state := func(days int) string {
		return fmt.Sprintf(`{"bookmarks":{"events":{"created_at":%q}}}`, formatTime(fake.Now().AddDate(0, 0, -days)))
	}
	set := map[string]any{"select": patterns("events")}
	old := mustRun(t, address, state(8), set)
	if !matches(old.log, "WARN stream=events the bookmark is older than what Recharge still lists: events are kept for 7 days only") {
		t.Errorf("an old bookmark is not told of:\n%s", old.log)
	}
	got := table{}
	got.load(t, old.messages)
	if diff := differ(oracle(t, fake, "events"), got); diff != "" {
		t.Error(diff)
	}
	if young := mustRun(t, address, state(2), set); strings.Contains(young.log, "still lists") {
		t.Errorf("a young bookmark is told of:\n%s", young.log)
	}
	if early := mustRun(t, address, "", map[string]any{"select": patterns("events"), "start_date": "30d"}); !strings.Contains(early.log, "the start date is earlier") {
		t.Errorf("an early start date is not told of:\n%s", early.log)
	}
}

// Charges that were paid disappear after 90 days. That is no deletion.
func TestLesson9OldChargesAreToldAndNotDeleted(t *testing.T) {
	fake, address := newFake(t, rechargefake.Options{Seed: 29, Counts: map[string]int{"charges": 200}})
	set := map[string]any{"select": patterns("charges")}
	first := mustRun(t, address, "", set)
	if !matches(first.log, "INFO stream=charges Recharge does not list everything: charges that were paid or refunded disappear 90 days") {
		t.Errorf("a first run does not tell:\n%s", first.log)
	}
	before := len(oracle(t, fake, "charges")["charges"])
	if err := fake.Advance(100 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	after := len(oracle(t, fake, "charges")["charges"])
	second := mustRun(t, address, lastState(first.messages), set)
	if !matches(second.log, "WARN stream=charges the bookmark is older than what Recharge still lists.*orders has the older revenue") {
		t.Errorf("a late run does not tell:\n%s", second.log)
	}
	got := table{}
	got.load(t, first.messages)
	got.load(t, second.messages)
	if len(got["charges"]) != before || after >= before || count[*singer.ActivateVersion](first.messages)+count[*singer.ActivateVersion](second.messages) != 0 {
		t.Errorf("of %d charges, %d of which are still listed, %d are kept", before, after, len(got["charges"]))
	}
}

// A cursor that was refused in the middle of a run ended it.
func TestLesson10ARefusedCursorIsCuredOnce(t *testing.T) {
	for _, stream := range []string{"charges", "events", "collections", "products", "metafields_order"} {
		fake, _ := newFake(t, rechargefake.Options{Seed: 30, Counts: map[string]int{"charges": 60, "events": 60, "collections": 60, "plans": 80, "products": 60, "metafields_order": 60}})
		refusals, limit, later := 0, 1, 0
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("cursor") {
				if later++; later >= 3 && refusals < limit {
					refusals++
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = w.Write([]byte(`{"errors":{"cursor":["Invalid value"]}}`))
					return
				}
			}
			fake.ServeHTTP(w, r)
		})
		set := map[string]any{"page_size": 10, "select": patterns(stream)}
		got := table{}
		got.load(t, mustRun(t, address, "", set).messages)
		if diff := differ(oracle(t, fake, stream), got); diff != "" || refusals != 1 {
			t.Errorf("%d refusals: %s", refusals, diff)
		}
		refusals, later, limit = 0, 0, 1000
		if r := runTap(t, address, "", set); r.code != singer.ExitFailure || refusals > 2 {
			t.Errorf("%s: cursors that are always refused end with %d after %d refusals: %s", stream, r.code, refusals, lastLine(r.log))
		}
	}
}
