package rechargefake

import (
	"strings"
	"testing"
)

func TestTheControlHalfDoesWhatTheMethodsDo(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	c.token, c.version = "", "" // it asks for none
	id := idOf(oracle(t, fake, "customers")[0])
	gone := idOf(oracle(t, fake, "webhooks")[0])
	for _, step := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "counts", "", 200, `"charges":175`},
		{"POST", "create/charges?n=3", "", 200, `{"ids":[`},
		{"GET", "counts", "", 200, `"charges":178`},
		{"POST", "create/things?n=3", "", 400, `no kind \"things\"`},
		{"POST", "create/charges?n=-1", "", 400, "create?n="},
		{"POST", "update/customers/" + id, `{"first_name":"New"}`, 200, "ok"},
		{"POST", "update/customers/" + id, `{"id":5}`, 400, "cannot be updated"},
		{"POST", "update/customers/5", `{}`, 400, "no customers 5"},
		{"POST", "update/customers/five", `{}`, 400, "five"},
		{"DELETE", "objects/webhooks/" + gone, "", 200, "ok"},
		{"DELETE", "objects/webhooks/" + gone, "", 400, "no webhooks"},
		{"DELETE", "objects/webhooks/x", "", 400, "not the id"},
		{"POST", "step?n=5&seed=7", "", 200, `"action"`},
		{"POST", "step?n=5&seed=8&keep=true&silent=true", "", 200, `"action"`},
		{"POST", "step?n=x", "", 400, "step?n="},
		{"POST", "step?seed=x", "", 400, "step?seed="},
		{"POST", "settle", "", 200, "ok"},
		{"POST", "clock?advance=48h", "", 200, `"now"`},
		{"POST", "clock?advance=-1s", "", 400, "cannot go back"},
		{"POST", "clock?advance=soon", "", 400, "duration"},
		{"POST", "clock?set=2025-06-05T00:00:00Z", "", 200, `"time":"2025-06-05T00:00:00Z"`},
		{"POST", "clock?set=tomorrow", "", 400, "clock?set="},
		{"GET", "clock", "", 200, `"time":"2025-06-05T00:00:00Z"`},
		{"POST", "fail", `{"mode":"unavailable","times":2}`, 200, "ok"},
		{"POST", "fail", `{"mode":"unavailable","tmies":2}`, 400, "tmies"},
		{"POST", "reset-failures", "", 200, "ok"},
		{"GET", "refused", "", 200, `{"refused":0}`},
		{"GET", "requests", "", 200, "[]"},
		{"POST", "reset-requests", "", 200, "ok"},
		{"GET", "objects/customers", "", 200, `"first_name":"New"`},
		{"GET", "objects/store", "", 200, `"id":18250`},
		{"GET", "objects/things", "", 400, "no kind"},
	} {
		status, _, body := c.do(step.method, "/_control/"+step.path, step.body)
		if status != step.status || !strings.Contains(body, step.holds) {
			t.Errorf("%s %s: %d %.300s, want %d with %q", step.method, step.path, status, body, step.status, step.holds)
		}
	}
	_, _, body := c.do("GET", "/_control/objects/charges", "")
	if lines := strings.Count(body, "\n"); lines != fake.Counts()["charges"] {
		t.Errorf("%d lines for %d charges", lines, fake.Counts()["charges"])
	}
}
