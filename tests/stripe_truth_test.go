package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline/schemas"
	"tapline/tests/fake/stripe/stripefake"
)

// A shown says where the fake shows what a stream of tap-stripe holds. A stream without a row is the kind of its name.
type shown struct {
	kind   string // of the fake, if it has another name
	single string // path of the one object
	expand string // fields that Stripe shows only when asked, as tap-stripe does

	list   string // path of the list, if it does not show everything
	parent string // of a child stream: the stream of the parents; {name} in list stands for that field of the parent
	as     string // field with the parent's id

	some   bool           // nothing lists all of it; what is there must be right
	hidden func(row) bool // tells of a row whether no list shows it, so that it may be missing
	none   bool           // the fake has nothing of it
}

var shownAs = map[string]shown{
	"prices":            {expand: "tiers,currency_options"},
	"plans":             {expand: "tiers"},
	"coupons":           {expand: "applies_to,currency_options"},
	"invoice_items":     {kind: "invoiceitems"},
	"radar_value_lists": {kind: "value_lists"},
	"account":           {single: "/v1/account"},
	"apps_secrets":      {list: "apps/secrets?scope[type]=account"}, // those of users can be listed by none but the user
	"balance":           {some: true},                               // a row for every run
	"discounts":         {some: true},
	"mandates":          {some: true},
	"reviews":           {hidden: func(r row) bool { return r["open"] == false }},

	"application_fee_refunds":            {parent: "application_fees", list: "application_fees/{id}/refunds", as: "fee"},
	"bank_accounts":                      {parent: "customers", list: "customers/{id}/sources?object=bank_account", as: "customer"},
	"capabilities":                       {parent: "accounts", list: "accounts/{id}/capabilities", as: "account"},
	"cards":                              {parent: "customers", list: "customers/{id}/sources?object=card", as: "customer"},
	"checkout_session_line_items":        {parent: "checkout_sessions", list: "checkout/sessions/{id}/line_items", as: "session"},
	"credit_note_line_items":             {parent: "credit_notes", list: "credit_notes/{id}/lines", as: "credit_note"},
	"customer_balance_transactions":      {parent: "customers", list: "customers/{id}/balance_transactions", as: "customer"},
	"customer_cash_balance_transactions": {parent: "customers", list: "customers/{id}/cash_balance_transactions", as: "customer"},
	"external_account_bank_accounts":     {parent: "accounts", list: "accounts/{id}/external_accounts?object=bank_account", as: "account"},
	"external_account_cards":             {parent: "accounts", list: "accounts/{id}/external_accounts?object=card", as: "account"},
	"financial_connections_account_owners": {parent: "financial_connections_accounts",
		list: "financial_connections/accounts/{id}/owners?ownership={ownership}", as: "account"},
	"financial_connections_transactions": {parent: "financial_connections_accounts", list: "financial_connections/transactions?account={id}", as: "account"},
	"invoice_line_items":                 {parent: "invoices", list: "invoices/{id}/lines", as: "invoice"},
	"issuing_tokens":                     {parent: "issuing_cards", list: "issuing/tokens?card={id}", as: "card"},
	"payment_link_line_items":            {parent: "payment_links", list: "payment_links/{id}/line_items", as: "payment_link"},
	"payment_methods":                    {parent: "customers", list: "customers/{id}/payment_methods", as: "customer"},
	"payout_transactions":                {parent: "payouts", list: "balance_transactions?payout={id}", as: "payout_id"},
	"persons":                            {parent: "accounts", list: "accounts/{id}/persons", as: "account"},
	"quote_line_items":                   {parent: "quotes", list: "quotes/{id}/line_items", as: "quote"},
	"quote_upfront_line_items":           {parent: "quotes", list: "quotes/{id}/computed_upfront_line_items", as: "quote"},
	"radar_value_list_items":             {parent: "radar_value_lists", list: "radar/value_list_items?value_list={id}", as: "value_list"},
	"setup_attempts":                     {parent: "setup_intents", list: "setup_attempts?setup_intent={id}", as: "setup_intent"},
	"source_transactions":                {parent: "sources", list: "sources/{id}/source_transactions", as: "source"},
	"sources":                            {parent: "customers", list: "customers/{id}/sources?object=source", as: "customer"},
	"subscription_items":                 {parent: "subscriptions", list: "subscription_items?subscription={id}", as: "subscription"},
	"tax_ids":                            {parent: "customers", list: "customers/{id}/tax_ids", as: "customer"},
	"transfer_reversals":                 {parent: "transfers", list: "transfers/{id}/reversals", as: "transfer"},
	"treasury_credit_reversals":          financialAccounts("credit_reversals"),
	"treasury_debit_reversals":           financialAccounts("debit_reversals"),
	"treasury_inbound_transfers":         financialAccounts("inbound_transfers"),
	"treasury_outbound_payments":         financialAccounts("outbound_payments"),
	"treasury_outbound_transfers":        financialAccounts("outbound_transfers"),
	"treasury_received_credits":          financialAccounts("received_credits"),
	"treasury_received_debits":           financialAccounts("received_debits"),
	"treasury_transaction_entries":       financialAccounts("transaction_entries"),
	"treasury_transactions":              financialAccounts("transactions"),
	"usage_record_summaries":             {parent: "subscription_items", list: "subscription_items/{id}/usage_record_summaries", as: "subscription_item"},

	"active_entitlements": {none: true}, "billing_meter_event_summaries": {none: true}, "billing_meters": {none: true},
	"entitlements_features": {none: true}, "forwarding_requests": {none: true},
	"issuing_personalization_designs": {none: true}, "issuing_physical_bundles": {none: true},
}

func financialAccounts(list string) shown {
	return shown{parent: "treasury_financial_accounts", list: "treasury/" + list + "?financial_account={id}", as: "financial_account"}
}

// A truth is what the account of a fake is, now. It asks the fake without a connection, and none of its failures and
// limits may be on.
type truth struct {
	fake    *stripefake.Server
	objects map[string][][]byte // by stream
	rows    map[string]map[string]row
}

func newTruth(fake *stripefake.Server) *truth {
	return &truth{fake, map[string][][]byte{}, map[string]map[string]row{}}
}

// get asks the fake as a client would.
func (w *truth) get(path string) (status int, body []byte) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer sk_test_fake")
	answer := httptest.NewRecorder()
	w.fake.ServeHTTP(answer, r)
	return answer.Code, answer.Body.Bytes()
}

// walk reads a list to its end. A list that is refused is empty: a manual payout has no transactions.
func (w *truth) walk(t testing.TB, path string) (objects [][]byte) {
	t.Helper()
	path, text, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, "/capabilities") { // which has no pages
		query.Set("limit", "100")
	}
	for {
		status, body := w.get("/v1/" + path + "?" + query.Encode())
		var page struct {
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK && status != http.StatusBadRequest && status != http.StatusForbidden {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		for _, object := range page.Data {
			objects = append(objects, object)
		}
		if !page.HasMore {
			return objects
		}
		query.Set("starting_after", textOf(t, page.Data[len(page.Data)-1], "id"))
	}
}

var field = regexp.MustCompile(`\{\w+\}`)

// shownOf returns the objects of a stream, each with the id of its parent, "" without one.
func (w *truth) shownOf(t testing.TB, stream string) (objects [][]byte, parents []string) {
	t.Helper()
	s := shownAs[stream]
	switch {
	case s.none || s.some:
		return nil, nil
	case s.single != "":
		_, body := w.get(s.single)
		return [][]byte{body}, []string{""}
	case s.parent == "" && s.list != "":
		objects := w.walk(t, s.list)
		return objects, make([]string, len(objects))
	case s.parent == "":
		kind := s.kind
		if kind == "" {
			kind = stream
		}
		var expand []string
		if s.expand != "" {
			expand = strings.Split(s.expand, ",")
		}
		objects, err := w.fake.Objects(kind, expand...)
		if err != nil {
			t.Fatal(err)
		}
		return objects, make([]string, len(objects))
	}
	above, _ := w.shownOf(t, s.parent)
	for _, parent := range above {
		path := field.ReplaceAllStringFunc(s.list, func(name string) string { return url.QueryEscape(textOf(t, parent, name[1:len(name)-1])) })
		id := textOf(t, parent, "id")
		for _, object := range w.walk(t, path) {
			objects, parents = append(objects, object), append(parents, id)
		}
	}
	return objects, parents
}

func textOf(t testing.TB, object []byte, name string) string {
	t.Helper()
	text, _ := decode(t, object).(map[string]any)[name].(string)
	return text
}

// want returns the rows that a stream must have, by key.
func (w *truth) want(t testing.TB, stream string) map[string]row {
	t.Helper()
	if rows, ok := w.rows[stream]; ok {
		return rows
	}
	s, err := schemas.StripeStream(stream)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(s.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	objects, parents := w.shownOf(t, stream)
	rows := map[string]row{}
	for i, object := range objects {
		members := decode(t, object).(map[string]any)
		if as := shownAs[stream].as; as != "" && members[as] == nil {
			members[as] = parents[i]
		}
		if stream == "usage_record_summaries" {
			members["period_start"] = members["period"].(map[string]any)["start"]
		}
		r := wantRow(members, schema)
		rows[keyOf(r, s.KeyProperties)] = r
	}
	w.rows[stream] = rows
	return rows
}

// keyOf spells the key of a row.
func keyOf(r row, keys []string) string {
	parts := make([]string, len(keys))
	for i, name := range keys {
		parts[i], _ = r[name].(string)
	}
	return strings.Join(parts, " ")
}

// added are the columns that tap-stripe gives to the records of every stream, whether or not an object has such a field.
var added = []string{"updated", "updated_by_event_type", "deleted", "deleted_at", "account_id"}

// onDemand are the fields that Stripe shows only when asked, and tap-stripe asks for when a stream is selected that they hold.
var onDemand = []string{"line_items", "sources", "tax_ids", "refunds", "subscriptions", "cash_balance", "lines"}

// A difference is a row of a table that is not as the account.
type difference struct {
	key, text string
	parent    string // id of what it belongs to, if it is known
	leftOver  bool   // it is there and should not be
}

// compare lists where the rows of a table differ from the account. Rows that were found deleted do not count. What
// belonged to an object that is gone may be there still.
func (w *truth) compare(t testing.TB, stream string, have map[string]row) (list []difference) {
	t.Helper()
	s, want := shownAs[stream], w.want(t, stream)
	add := func(key string, r row, text string) {
		parent, _ := r[s.as].(string)
		list = append(list, difference{key, text, parent, want[key] == nil})
	}
	for key, r := range want {
		got, ok := have[key]
		switch {
		case !ok && s.hidden != nil && s.hidden(r):
		case !ok:
			add(key, r, "is missing")
		case got["deleted"] == true && r["deleted"] == nil: // one kind of object says so itself
			add(key, r, "is there, but was marked deleted")
		default:
			if got = withoutAdded(r, got); !same(map[string]any(r), map[string]any(got)) {
				add(key, r, "differs (-Stripe +table):\n"+cmp.Diff(r, got, sameDigits))
			}
		}
	}
	for key, r := range have {
		if _, ok := want[key]; ok || s.some || r["deleted"] == true || w.aged(stream, r) {
			continue
		}
		if parent, _ := r[s.as].(string); s.as != "" && w.want(t, s.parent)[parent] == nil {
			continue
		}
		add(key, r, fmt.Sprintf("should not be there: %v", onlyAdded(r)))
	}
	slices.SortFunc(list, func(a, b difference) int { return strings.Compare(a.key, b.key) })
	return list
}

// withoutAdded takes from a row what tap-stripe adds to the object that it should be.
func withoutAdded(want, have row) row {
	r := row{}
	for name, value := range have {
		isAdded := slices.Contains(added, name) || strings.HasPrefix(name, "_sdc_") || slices.Contains(onDemand, name)
		if _, ok := want[name]; ok || !isAdded {
			r[name] = value
		}
	}
	return r
}

// onlyAdded is what tap-stripe has added to a row.
func onlyAdded(have row) row {
	r := row{}
	for name, value := range have {
		if slices.Contains(added, name) || strings.HasPrefix(name, "_sdc_") {
			r[name] = value
		}
	}
	return r
}

// aged tells whether a row is an event that Stripe shows no longer.
func (w *truth) aged(stream string, r row) bool {
	created, _ := r["created"].(string)
	return stream == "events" && created < w.fake.Now().Add(-stripefake.Retention).Format("2006-01-02T15:04:05Z")
}

// TestWhatDiffersIsSeen holds the comparison itself against tables that are wrong in one place.
func TestWhatDiffersIsSeen(t *testing.T) {
	fake, _ := startFake(t, stripefake.Options{Seed: 2, Objects: 2000, AllKinds: true})
	for stream, wrong := range map[string]func(rows map[string]row, key string){
		"charges":              func(rows map[string]row, key string) { delete(rows, key) },
		"customers":            func(rows map[string]row, key string) { rows["cus_other"] = row{"id": "cus_other"} },
		"balance_transactions": func(rows map[string]row, key string) { rows[key]["fee"] = json.Number("-1") },
		"invoices":             func(rows map[string]row, key string) { rows[key]["deleted"] = true },
		"refunds":              func(rows map[string]row, key string) { rows[key]["x_unknown"] = []any{json.Number("1"), nil} },
		"products":             func(rows map[string]row, key string) { rows[key]["created"] = "2020-01-01T00:00:01Z" },
		"subscription_items":   func(rows map[string]row, key string) { delete(rows[key], "quantity") },
		"setup_attempts":       func(rows map[string]row, key string) { rows[key]["usage"] = "twice" },
	} {
		w, right := newTruth(fake), map[string]row{}
		for key, r := range w.want(t, stream) {
			right[key] = maps.Clone(r)
		}
		if list := w.compare(t, stream, right); len(list) > 0 {
			t.Errorf("%s differ from themselves: %v", stream, list)
		}
		key := slices.Sorted(maps.Keys(right))[len(right)/2]
		wrong(right, key)
		if list := w.compare(t, stream, right); len(list) != 1 || list[0].key != key && stream != "customers" {
			t.Errorf("%s: what is wrong with %s is seen as %v", stream, key, list)
		}
	}
	w := newTruth(fake)
	for _, name := range schemas.StripeNames() {
		if n := len(w.want(t, name)); n == 0 && !shownAs[name].some && !shownAs[name].none {
			t.Errorf("an account with all kinds has no %s", name)
		}
	}
}
