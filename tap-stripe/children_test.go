package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// families are child streams that the fake has objects for, by parent.
var families = map[string][]string{
	"invoices":          {"invoice_line_items"},
	"subscriptions":     {"subscription_items"},
	"transfers":         {"transfer_reversals"},
	"application_fees":  {"application_fee_refunds"},
	"credit_notes":      {"credit_note_line_items"},
	"checkout_sessions": {"checkout_session_line_items"},
	"payment_links":     {"payment_link_line_items"},
	"quotes":            {"quote_line_items", "quote_upfront_line_items"},
	"customers":         {"cards", "bank_accounts", "sources", "tax_ids", "customer_balance_transactions", "payment_methods"},
	"setup_intents":     {"setup_attempts"},
	"payouts":           {"payout_transactions"},
	"radar_value_lists": {"radar_value_list_items"},
}

// askChildren asks the fake for all children of a stream by their own path, without any code of the tap.
func askChildren(t *testing.T, fake *stripefake.Server, url string, st *stream) map[string]string {
	t.Helper()
	parents, err := fake.Objects(kindOf(findStream(st.parent.stream)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, parent := range parents {
		var owner struct {
			ID            string
			Automatic     bool
			LatestAttempt *string `json:"latest_attempt"`
		}
		if err := json.Unmarshal(parent, &owner); err != nil {
			t.Fatal(err)
		}
		if st.name == "payout_transactions" && !owner.Automatic {
			continue
		}
		address := url + strings.ReplaceAll(st.parent.path+"?limit=100&"+st.parent.query, "{id}", owner.ID)
		for after, more := "", true; more; {
			var page struct {
				Data []json.RawMessage
				More bool `json:"has_more"`
			}
			ask(t, address+after, &page)
			for _, object := range page.Data {
				text := string(compacted(t, object))
				var members map[string]json.RawMessage
				if err := json.Unmarshal(object, &members); err != nil {
					t.Fatal(err)
				}
				if as := st.parent.as; members[as] == nil {
					text = strings.TrimSuffix(text, "}") + fmt.Sprintf(`,%q:%q}`, as, owner.ID)
				}
				want[keyOf(t, st.name, []byte(text))] = text
				after = "&starting_after=" + idIn(t, object)
			}
			more = page.More
		}
	}
	return want
}

func ask(t *testing.T, address string, into any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk_test_fake")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, answer.Status, err)
	}
}

func idIn(t *testing.T, object []byte) string {
	t.Helper()
	var it struct{ ID string }
	if err := json.Unmarshal(object, &it); err != nil {
		t.Fatal(err)
	}
	return it.ID
}

// records are what a table has to hold: objects as the tap writes them.
func asRecords(t *testing.T, st *stream, objects map[string]string) map[string]string {
	t.Helper()
	catalog, err := allStreams()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := catalog.Stream(st.name).SelectedSchema()
	if err != nil {
		t.Fatal(err)
	}
	shop, err := newRecordShop(st, schema, func(...string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	maker, err := shop.take(st)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for key, object := range objects {
		made, err := maker.make([]found{{object: json.RawMessage(object)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		want[key] = withoutColumns(made[0])
	}
	return want
}

func compareChildren(t *testing.T, fake *stripefake.Server, url string, got table) {
	t.Helper()
	for _, children := range families {
		for _, name := range children {
			st := findStream(name)
			want := table{name: asRecords(t, st, askChildren(t, fake, url, st))}
			if diff := differ(want, got); diff != "" {
				t.Error(diff)
			}
			if len(want[name]) == 0 {
				t.Errorf("the fake has no %s", name)
			}
		}
	}
}

func TestChildrenAreReadWithTheirParentsAndWithoutThem(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 31, Objects: 400, AllKinds: true})
	var with, without []string
	for parent, children := range families {
		with = append(with, parent+".*")
		for _, child := range children {
			with, without = append(with, child+".*"), append(without, child+".*")
		}
	}
	for _, selected := range [][]string{with, without} {
		fake.ResetRequests()
		r := mustRun(t, url, "", map[string]any{"select": selected})
		got := table{}
		got.load(t, r.messages)
		for stream := range got {
			if !slices.Contains(selected, stream+".*") {
				t.Errorf("%s was not selected", stream)
			}
		}
		compareLines(t, fake)
		compareChildren(t, fake, url, got)
		var again = mustRun(t, url, lastState(r.messages), map[string]any{"select": selected})
		if n := count[*singer.Record](again.messages); n > count[*singer.Record](r.messages)/2 {
			t.Errorf("a run without news writes %d records", n)
		}
	}
}

// compareLines tells whether lines were asked for where, and only where, an invoice shows them not all.
func compareLines(t *testing.T, fake *stripefake.Server) {
	t.Helper()
	var want, got []string
	invoices, err := fake.Objects("invoices")
	if err != nil {
		t.Fatal(err)
	}
	for _, invoice := range invoices {
		var it struct {
			ID    string
			Lines struct {
				More bool `json:"has_more"`
			}
		}
		if err := json.Unmarshal(invoice, &it); err != nil {
			t.Fatal(err)
		}
		if it.Lines.More {
			want = append(want, "/v1/invoices/"+it.ID+"/lines")
		}
	}
	for _, r := range fake.Requests() {
		if strings.HasSuffix(r.Path, "/lines") && strings.HasPrefix(r.Path, "/v1/invoices/") {
			got = append(got, r.Path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || len(want) == 0 {
		t.Errorf("lines asked for (-want +got):\n%s", diff)
	}
}

// A child that is selected later, or again, has missed its parents' records; it is read from the start.
func TestAChildThatWasNotSelectedIsReadFromTheStart(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 32, Counts: map[string]int{"invoices": 80}})
	alone := map[string]any{"select": []string{"invoices.*"}, "page_size": 7}
	both := map[string]any{"select": []string{"invoices.*", "invoice_line_items.*"}, "page_size": 7}
	want := asRecords(t, findStream("invoice_line_items"), askChildren(t, fake, url, findStream("invoice_line_items")))
	state := ""
	for step, selected := range []map[string]any{alone, both, both, alone, both} {
		r := mustRun(t, url, state, selected)
		state = lastState(r.messages)
		got := table{}
		got.load(t, r.messages)
		complete := differ(table{"invoice_line_items": want}, got) == ""
		if expected := step == 1 || step == 4; complete != expected {
			t.Errorf("step %d writes all lines: %t; the state is %s", step, complete, state)
		}
		if len(got["invoices"]) > 0 && step > 0 {
			t.Errorf("step %d reads %d invoices again", step, len(got["invoices"]))
		}
	}
	if !strings.Contains(state, `"invoice_line_items":{"created":`) {
		t.Errorf("the lines have no bookmark of their own: %s", state)
	}
	joined := mustRun(t, url, state, both)
	if !strings.Contains(lastState(joined.messages), `"invoice_line_items":{"with":"invoices"}`) {
		t.Errorf("the lines did not join the invoices: %s", lastState(joined.messages))
	}
}

func TestParentsThatAreCutAreCompletedWithTheirChildren(t *testing.T) {
	fake, url := newFake(t, stripefake.Options{Seed: 33, Counts: map[string]int{"invoices": 60, "subscriptions": 40}})
	set := map[string]any{"select": []string{"invoice_line_items.*", "subscription_items.*", "subscriptions.*"}, "page_size": 9}
	whole := mustRun(t, url, "", set).messages
	want := table{}
	for _, name := range []string{"invoice_line_items", "subscription_items"} {
		want[name] = asRecords(t, findStream(name), askChildren(t, fake, url, findStream(name)))
	}
	cuts := 0
	for i, m := range whole {
		if _, ok := m.(*singer.State); !ok {
			continue
		}
		got := table{}
		got.load(t, whole[:i])
		got.load(t, mustRun(t, url, lastState(whole[:i+1]), set).messages)
		if diff := differ(want, got); diff != "" {
			t.Fatalf("cut behind message %d: %s", i, diff)
		}
		cuts++
	}
	if cuts < 8 {
		t.Errorf("only %d states", cuts)
	}
}

func TestChildrenGetTheirParentsID(t *testing.T) {
	parent := found{object: json.RawMessage(`{"id":"in_1"}`), updated: 5, updatedBy: "invoice.updated"}
	got, err := adopt(findStream("invoice_line_items"), parent, []json.RawMessage{
		json.RawMessage(`{"id":"il_1"}`), json.RawMessage(`{"id":"il_tmp_2"}`), json.RawMessage(`{"id":"il_3","invoice":null}`), json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range got {
		texts = append(texts, string(f.object))
		if f.updated != 5 || f.updatedBy != "invoice.updated" {
			t.Errorf("%s does not know the event that led to its parent", f.object)
		}
	}
	want := []string{`{"id":"il_1","invoice":"in_1"}`, `{"id":"il_3","invoice":null}`, `{"invoice":"in_1"}`}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := adopt(findStream("invoice_line_items"), found{object: json.RawMessage(`{}`)}, []json.RawMessage{json.RawMessage(`{}`)}); err == nil {
		t.Error("a parent without an id is accepted")
	}
}

func TestChildrenThatAParentShowsAreFoundByTheirKind(t *testing.T) {
	for _, c := range []struct {
		stream, parent string
		shown          int
		whole          bool
	}{
		{"cards", `{"sources":{"data":[{"object":"card"},{"object":"source"},{"object":"card"}],"has_more":false}}`, 2, true},
		{"cards", `{"sources":{"data":[{"object":"card"}],"has_more":true}}`, 1, false},
		{"cards", `{}`, 0, false},
		{"cards", `{"sources":null}`, 0, false},
		{"invoice_line_items", `{"lines":{"data":[]}}`, 0, true},
		{"payment_methods", `{"payment_methods":{"data":[{}]}}`, 0, false},
	} {
		shown, whole, err := shownChildren(json.RawMessage(c.parent), findStream(c.stream))
		if len(shown) != c.shown || whole != c.whole || err != nil {
			t.Errorf("%s of %s: %d, whole %v, %v", c.stream, c.parent, len(shown), whole, err)
		}
	}
	if _, _, err := shownChildren(json.RawMessage(`{"lines":{"data":7}}`), findStream("invoice_line_items")); err == nil {
		t.Error("a number is taken for a list")
	}
}

func TestNeededChildren(t *testing.T) {
	for _, c := range []struct {
		stream, parent string
		want           bool
	}{
		{"payout_transactions", `{"automatic":true}`, true}, {"payout_transactions", `{"automatic":false}`, false},
		{"setup_attempts", `{"latest_attempt":"setatt_1"}`, true}, {"setup_attempts", `{"latest_attempt":null}`, false},
		{"usage_record_summaries", `{"price":{"recurring":{"usage_type":"metered"}}}`, true},
		{"usage_record_summaries", `{"price":{"recurring":{"usage_type":"metered","meter":"mtr_1"}}}`, false},
		{"usage_record_summaries", `{"price":{"recurring":{"usage_type":"licensed"}}}`, false},
		{"persons", `{"controller":{"type":"application"}}`, true}, {"persons", `{"controller":{"type":"account"}}`, false},
		{"persons", `{"controller":{"type":"application","requirement_collection":"stripe"}}`, false},
	} {
		if got := findStream(c.stream).parent.needed(json.RawMessage(c.parent)); got != c.want {
			t.Errorf("%s of %s: %v", c.stream, c.parent, got)
		}
	}
}
