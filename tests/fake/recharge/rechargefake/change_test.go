package rechargefake

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func advance(t testing.TB, fake *Server, d time.Duration) {
	t.Helper()
	if err := fake.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// get reads a member of an object of the oracle.
func get(t testing.TB, fake *Server, kind, id, member string) string {
	t.Helper()
	for _, raw := range oracle(t, fake, kind) {
		if idOf(raw) == id {
			return string(memberRaw([]byte(raw), member))
		}
	}
	t.Fatalf("no %s %s", kind, id)
	return ""
}

func TestWhatIsCreatedIsTheYoungest(t *testing.T) {
	fake, c := start(t, Options{Objects: 500})
	for _, kind := range []string{"customers", "charges", "events", "metafields_order", "collection_products", "webhooks"} {
		advance(t, fake, time.Second)
		before := fake.Counts()[kind]
		ids, err := fake.Create(kind, 3)
		if err != nil || len(ids) != 3 || fake.Counts()[kind] != before+3 {
			t.Fatalf("%s: %v, %v", kind, ids, err)
		}
		raws := c.list("/"+fake.world.byName[kind].urlPath(), append(needs(t, fake, kind), "limit", "3")...).items
		for i, raw := range raws {
			if id := idOf(raw); id != "" && id != itoa(ids[2-i]) {
				t.Errorf("%s: %s, want %d", kind, id, ids[2-i])
			}
			if created := plainText(memberRaw([]byte(raw), "created_at")); created != "" && !strings.HasPrefix(created, fake.Now().Format("2006-01-02T15:04:05")) {
				t.Errorf("%s were created at %s", kind, created)
			}
		}
	}
	if _, err := fake.Create("things", 1); err == nil {
		t.Error("a thing was created")
	}
}

func TestAnUpdateStampsAndAnEventTells(t *testing.T) {
	fake, c := start(t, Options{Objects: 500})
	advance(t, fake, time.Hour)
	customer := oracle(t, fake, "customers")[2]
	id := idOf(customer)
	email := plainText(memberRaw([]byte(customer), "email"))
	if err := fake.Update("customers", number64(t, id), []byte(`{"email": "new@example.com", "extra": 1.50}`)); err != nil {
		t.Fatal(err)
	}
	_, _, body := c.do("GET", "/customers/"+id, "")
	for _, want := range []string{`"email":"new@example.com"`, `"updated_at":"2025-06-02T13:00:00"`, `"extra":1.50`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	for _, member := range []string{"created_at", "hash", "analytics_data"} {
		if was := string(memberRaw([]byte(customer), member)); get(t, fake, "customers", id, member) != was {
			t.Errorf("%s was changed too", member)
		}
	}
	last := c.list("/customers", "sort_by", "updated_at-desc", "limit", "1").items[0]
	if idOf(last) != id {
		t.Errorf("the last change is of %s, want %s", idOf(last), id)
	}
	event := c.list("/events", "limit", "1").items[0]
	want := `[{"attribute":"email","previous_value":"` + email + `","value":"new@example.com"},{"attribute":"extra","previous_value":null,"value":1.50}]`
	got := string(memberRaw([]byte(event), "updated_attributes"))
	if diff := cmp.Diff(want, got); diff != "" || plainText(memberRaw([]byte(event), "object_id")) != id || plainText(memberRaw([]byte(event), "customer_id")) != id ||
		plainText(memberRaw([]byte(event), "object_type")) != "customer" || plainText(memberRaw([]byte(event), "verb")) != "updated" {
		t.Errorf("the event %s (-want +got):\n%s", event, diff)
	}
	for _, wrong := range []struct {
		kind  string
		id    int64
		patch string
	}{
		{"things", 1, `{}`}, {"customers", 1, `{}`}, {"customers", number64(t, id), `{"id":5}`}, {"customers", number64(t, id), `{"updated_at":"now"}`},
		{"customers", number64(t, id), `[]`}, {"customers", number64(t, id), `{"a":`}, {"customers", number64(t, id), `{"a"`},
	} {
		if fake.Update(wrong.kind, wrong.id, []byte(wrong.patch)) == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

func TestWhatIsDeletedIsGone(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	id := idOf(oracle(t, fake, "subscriptions")[0])
	if err := fake.Delete("subscriptions", number64(t, id)); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := c.do("GET", "/subscriptions/"+id, ""); status != 404 {
		t.Errorf("GET: %d", status)
	}
	if n := len(c.walk("/subscriptions", "ids", id)); n != 0 {
		t.Errorf("it is listed")
	}
	if event := c.list("/events", "limit", "1").items[0]; plainText(memberRaw([]byte(event), "verb")) != "deleted" || plainText(memberRaw([]byte(event), "object_id")) != id {
		t.Errorf("the event: %s", event)
	}
	if fake.Delete("subscriptions", number64(t, id)) == nil || fake.Update("subscriptions", number64(t, id), []byte(`{}`)) == nil {
		t.Error("what is gone can be changed")
	}
	collection := plainText(memberRaw([]byte(oracle(t, fake, "collection_products")[0]), "collection_id"))
	if err := fake.Delete("collections", number64(t, collection)); err != nil {
		t.Fatal(err)
	}
	if rows := c.walk("/collection_products", "collection_id", collection); len(rows) != 0 {
		t.Errorf("its products stayed: %v", rows)
	}
}

func TestTheClockMovesForwardOnly(t *testing.T) {
	fake, c := start(t, Options{})
	advance(t, fake, 90*time.Second)
	if err := fake.SetClock(DefaultNow.Add(time.Hour)); err != nil || !fake.Now().Equal(DefaultNow.Add(time.Hour)) {
		t.Errorf("%v, %s", err, fake.Now())
	}
	if fake.Advance(-1) == nil || fake.SetClock(DefaultNow) == nil {
		t.Error("the clock went back")
	}
	if _, h, _ := c.do("GET", "/webhooks", ""); h.Get("Date") != "Mon, 02 Jun 2025 13:00:00 GMT" {
		t.Errorf("Date: %s", h.Get("Date"))
	}
	quick := fakeOf(t, Options{Pace: 1e6})
	time.Sleep(5 * time.Millisecond)
	if quick.Now().Sub(DefaultNow) < 5000*time.Second {
		t.Errorf("at a pace of a million it is %s", quick.Now())
	}
}

func TestPaidChargesAgeOutAndOthersStay(t *testing.T) {
	fake, c := start(t, Options{Seed: 2, Counts: map[string]int{"customers": 10, "addresses": 10, "charges": 200}})
	for _, by := range []time.Duration{0, 30 * 24 * time.Hour, 70 * 24 * time.Hour} {
		before := oracle(t, fake, "charges")
		advance(t, fake, by)
		border := fake.Now().Add(-90 * 24 * time.Hour).UnixMicro()
		var want []string
		for _, raw := range slices.Backward(before) {
			at, ok := parseTime(plainText(memberRaw([]byte(raw), "processed_at")))
			state := plainText(memberRaw([]byte(raw), "status"))
			if !ok || at >= border || state == "error" || state == "queued" || state == "skipped" || state == "pending" {
				want = append(want, raw)
			} else if status, _, _ := c.do("GET", "/charges/"+idOf(raw), ""); status != 404 {
				t.Fatalf("GET of a charge that has aged out: %d", status)
			}
		}
		if diff := cmp.Diff(want, c.walk("/charges", "limit", "50")); diff != "" {
			t.Errorf("after %s more (-want +got):\n%.500s", by, diff)
		}
		t.Logf("%d of %d charges can be read", len(want), len(before))
	}
	left := oracle(t, fake, "charges")
	if len(left) == 0 || len(left) > 100 {
		t.Errorf("%d charges are left", len(left))
	}
	// What is paid now can be read for another 90 days.
	id := idOf(left[0])
	if err := fake.Update("charges", number64(t, id), []byte(`{"status":"SUCCESS","processed_at":"`+fake.Now().Format(time.RFC3339)+`"}`)); err != nil {
		t.Fatal(err)
	}
	advance(t, fake, Retention)
	if status, _, _ := c.do("GET", "/charges/"+id, ""); status != 200 {
		t.Errorf("after 90 days: %d", status)
	}
	advance(t, fake, time.Second)
	if status, _, _ := c.do("GET", "/charges/"+id, ""); status != 404 {
		t.Errorf("a second later: %d", status)
	}
}

func TestEventsCanBeReadForSevenDays(t *testing.T) {
	fake, c := start(t, Options{Objects: 1000})
	if n := len(c.walk("/events")); n != 60 {
		t.Errorf("%d events at the start", n)
	}
	advance(t, fake, 3*24*time.Hour)
	if n := len(c.walk("/events")); n == 0 || n == 60 {
		t.Errorf("%d events after three days", n)
	}
	ids, err := fake.Create("events", 1)
	if err != nil {
		t.Fatal(err)
	}
	advance(t, fake, EventRetention)
	if events := c.walk("/events"); len(events) != 1 || idOf(events[0]) != itoa(ids[0]) {
		t.Errorf("after seven days: %v", events)
	}
	advance(t, fake, time.Second)
	if n := len(c.walk("/events")); n != 0 {
		t.Errorf("%d events a second later", n)
	}
}

// A change is stamped when it is made and shows up later: until then the object is as it was.
func TestChangesShowUpLate(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 5}, Delay: 30 * time.Minute})
	advance(t, fake, time.Hour)
	id := idOf(oracle(t, fake, "customers")[0])
	was := get(t, fake, "customers", id, "email")
	stamp := quote(fake.Now().Format("2006-01-02T15:04:05"))
	for _, email := range []string{"first@example.com", "second@example.com"} {
		if err := fake.Update("customers", number64(t, id), []byte(`{"email":"`+email+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	created, err := fake.Create("customers", 20)
	if err != nil {
		t.Fatal(err)
	}
	changed, shown := time.Duration(-1), []time.Duration{}
	for waited := time.Duration(0); waited <= 30*time.Minute; waited += time.Minute {
		n := 0
		for _, raw := range c.walk("/customers", "updated_at_min", strings.Trim(stamp, `"`)) {
			if idOf(raw) != id {
				n++
			}
		}
		stamps := []string{}
		for _, raw := range c.walk("/customers", "sort_by", "updated_at-asc") {
			stamps = append(stamps, plainText(memberRaw([]byte(raw), "updated_at")))
		}
		if !slices.IsSorted(stamps) {
			t.Fatalf("after %s the order is that of before: %v", waited, stamps)
		}
		for len(shown) < n {
			shown = append(shown, waited)
		}
		if email := get(t, fake, "customers", id, "email"); email != was && changed < 0 {
			changed = waited
		}
		advance(t, fake, time.Minute)
	}
	if changed < 10*time.Minute || len(shown) != 20 || shown[0] < 10*time.Minute || shown[0] == shown[19] {
		t.Errorf("the update showed up after %s, the new customers after %v", changed, shown)
	}
	if email := get(t, fake, "customers", id, "email"); email != `"second@example.com"` || get(t, fake, "customers", id, "updated_at") != stamp {
		t.Errorf("in the end: %s at %s, want the second at %s", email, get(t, fake, "customers", id, "updated_at"), stamp)
	}
	if status, _, _ := c.do("GET", "/customers/"+itoa(created[19]), ""); status != 200 {
		t.Errorf("a new customer: %d", status)
	}
	last, err := fake.Create("customers", 1)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := c.do("GET", "/customers/"+itoa(last[0]), ""); status != 404 {
		t.Errorf("before Settle: %d", status)
	}
	fake.Settle()
	if status, _, _ := c.do("GET", "/customers/"+itoa(last[0]), ""); status != 200 {
		t.Errorf("after Settle: %d", status)
	}
	if _, err := New(Options{Delay: -1}); err == nil {
		t.Error("a negative delay was accepted")
	}
}

func TestWhatChangedShortlyBeforeTheStartShowsUpLateToo(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 50}, Span: 9 * time.Minute, Delay: 30 * time.Minute})
	if n := len(c.walk("/customers")); n != 0 {
		t.Errorf("%d customers at once", n)
	}
	advance(t, fake, 30*time.Minute)
	if n := len(c.walk("/customers")); n != 50 {
		t.Errorf("%d customers half an hour later", n)
	}
}

func TestTheClockStandsBetweenSecondsWhenTimesDrift(t *testing.T) {
	fake, _ := start(t, Options{Counts: map[string]int{"customers": 1}, TypeDrift: true})
	id := idOf(oracle(t, fake, "customers")[0])
	if err := fake.Update("customers", number64(t, id), []byte(`{"phone":"+1"}`)); err != nil {
		t.Fatal(err)
	}
	if at := get(t, fake, "customers", id, "updated_at"); at != `"2025-06-02T12:00:00.250125"` {
		t.Errorf("updated_at is %s", at)
	}
}

// A walk by updated_at meets an object again that was changed behind it.
func TestAWalkSeesWhatChangesMeanwhile(t *testing.T) {
	fake, c := start(t, Options{Counts: map[string]int{"customers": 40}})
	p := c.list("/customers", "sort_by", "updated_at-asc", "limit", "10")
	first := idOf(p.items[3])
	advance(t, fake, time.Minute)
	if err := fake.Update("customers", number64(t, first), []byte(`{"phone":"+1"}`)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var last string
	for {
		for _, raw := range p.items {
			seen[idOf(raw)]++
			last = idOf(raw)
		}
		if p.next == "" {
			break
		}
		p = c.list("/customers", "cursor", p.next, "limit", "10")
	}
	if len(seen) != 40 || seen[first] != 2 || last != first {
		t.Errorf("%d customers, %s %d times, the last was %s", len(seen), first, seen[first], last)
	}
}
