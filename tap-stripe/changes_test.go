package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tapline/singer"
	"tapline/tests/fake/stripe/stripefake"
)

// A merchant changes a fake's objects while it is read: now and then before it answers.
type merchant struct {
	mu      sync.Mutex
	fake    *stripefake.Server
	mutator *stripefake.Mutator
	random  *rand.Rand
	resting bool
	diary   []string
	asked   []string                  // paths with their queries
	refuse  func(r *http.Request) int // answers with a status other than 0; may be nil
	before  func(r *http.Request)     // is called before an answer, one at a time; may be nil
}

// RoundTrip answers like a server, without the way there.
func (m *merchant) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	if !m.resting && m.random.IntN(5) == 0 {
		m.work(1 + m.random.IntN(4))
	}
	query, _ := url.QueryUnescape(r.URL.RawQuery)
	m.asked = append(m.asked, r.URL.Path+"?"+query)
	if m.before != nil {
		m.before(r)
	}
	refuse := m.refuse
	m.mu.Unlock()
	w := httptest.NewRecorder()
	if refuse != nil {
		if status := refuse(r); status != 0 {
			w.Header().Set("Date", m.fake.Now().Format(http.TimeFormat))
			w.Header().Set("Stripe-Should-Retry", "false")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","message":"refused"}}`)
			return w.Result(), nil
		}
	}
	m.fake.ServeHTTP(w, r)
	return w.Result(), nil
}

func (m *merchant) work(n int) {
	changes, err := m.mutator.Step(n)
	if err != nil {
		panic(err)
	}
	for _, c := range changes {
		m.diary = append(m.diary, fmt.Sprintf("%d: %s %s %s", m.fake.Now().Unix(), c.Action, c.Kind, c.ID))
	}
}

// A scenario is an account, a tap that reads it again and again, and what a target has been told.
type scenario struct {
	*merchant
	seed     uint64
	picks    []pick
	settings settings
	state    string
	rows     table
	versions map[string]map[string]int64 // of the rows, by stream and id
	log      bytes.Buffer
}

// picksOf prepares streams for many runs, because preparing takes longer than a run.
func picksOf(t testing.TB, names ...string) []pick {
	t.Helper()
	all, err := allStreams()
	if err != nil {
		t.Fatal(err)
	}
	some := &singer.Catalog{}
	var patterns []string
	for _, name := range names {
		some.Streams = append(some.Streams, all.Stream(name))
		patterns = append(patterns, name+".*")
	}
	if err := some.Select(patterns); err != nil {
		t.Fatal(err)
	}
	picks, err := (&syncer{run: &singer.Run{Catalog: some}}).picks()
	if err != nil {
		t.Fatal(err)
	}
	return picks
}

func newScenario(t testing.TB, seed uint64, picks []pick, o stripefake.Options) *scenario {
	t.Helper()
	fake, err := stripefake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	mutator, err := fake.NewMutator(stripefake.MutatorOptions{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return &scenario{
		merchant: &merchant{fake: fake, mutator: mutator, random: rand.New(rand.NewPCG(seed, 5)), resting: true},
		seed:     seed, picks: picks, rows: table{}, versions: map[string]map[string]int64{},
		settings: settings{APIKey: "sk_test_fake", BaseURL: "http://localhost", RequestRate: 1e6, PageSize: 100, MaxRetries: 3,
			RequestTimeout: 80, Lookback: 600, Lag: 60, Overlap: 600, Hydrate: "always", window: windowEvents},
	}
}

// run runs the tap and returns what it wrote.
func (s *scenario) run(t testing.TB) ([]singer.Message, error) {
	t.Helper()
	bookmarks, err := singer.ParseBookmarks([]byte(s.state))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	run := &singer.Run{Bookmarks: bookmarks, Out: singer.NewWriter(&out), Log: log, Metrics: &singer.Metrics{}}
	one := newSyncer(run, &s.settings, newClient(&s.settings, s, log, run.Metrics))
	err = one.runWith(context.Background(), s.picks)
	if flushed := run.Out.Flush(); flushed != nil {
		t.Fatal(flushed)
	}
	return parse(t, out.Bytes()), err
}

// runWith is sync without preparing the streams.
func (s *syncer) runWith(ctx context.Context, picks []pick) (err error) {
	s.several = s.settings.severalAccounts()
	if s.now, err = s.client.clock(ctx, clockStream(picks)); err != nil {
		return err
	}
	ids, err := s.accountIDs(ctx)
	if err != nil {
		return err
	}
	accounts, err := s.accounts(ids, withBranches(picks))
	if err != nil {
		return err
	}
	return errors.Join(s.readAll(ctx, accounts), s.run.Out.WriteState(s.run.Bookmarks.State()))
}

// countAsked is how many requests had a path that begins so, query and all.
func (m *merchant) countAsked(prefix string) (n int) {
	for _, asked := range m.asked {
		if strings.HasPrefix(asked, prefix) {
			n++
		}
	}
	return n
}

// sync runs the tap, which must succeed, and takes over what it wrote: all, or as much as came before it was killed.
func (s *scenario) sync(t testing.TB, killed bool) []singer.Message {
	t.Helper()
	messages, err := s.run(t)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", s.seed, err, s.log.String())
	}
	if killed {
		messages = messages[:s.random.IntN(len(messages)+1)]
	}
	s.take(t, messages)
	return messages
}

// take folds records into rows as a target does: the last of a key counts, what was deleted goes, and so does what is of
// a version before the one that is activated.
func (s *scenario) take(t testing.TB, messages []singer.Message) {
	t.Helper()
	for _, m := range messages {
		if a, ok := m.(*singer.ActivateVersion); ok {
			for id, version := range s.versions[a.Stream] {
				if version < a.Version {
					delete(s.rows[a.Stream], id)
				}
			}
		}
		r, ok := m.(*singer.Record)
		if !ok {
			continue
		}
		if s.rows[r.Stream] == nil {
			s.rows[r.Stream], s.versions[r.Stream] = map[string]string{}, map[string]int64{}
		}
		id := textOf(member(r.Record, "id"))
		if id == "" {
			t.Fatalf("a record of %s without an id: %s", r.Stream, r.Record)
		}
		if string(member(r.Record, columnDeleted)) == "true" {
			delete(s.rows[r.Stream], id)
			continue
		}
		s.rows[r.Stream][id], s.versions[r.Stream][id] = plainRecord(r.Record), r.Version
	}
	if last := lastState(messages); last != "" {
		s.state = last
	}
}

// ask returns the objects of a list as the fake's own client sees them, all pages of it.
func (s *scenario) ask(t testing.TB, path, query string, paged bool) (objects []json.RawMessage) {
	t.Helper()
	if paged {
		query += "&limit=100"
	}
	for after := ""; ; {
		r := httptest.NewRequest("GET", "http://localhost"+path+"?"+query+after, nil)
		r.Header.Set("Authorization", "Bearer sk_test_fake")
		w := httptest.NewRecorder()
		s.fake.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return nil
		}
		var answer struct {
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, answer.Data...)
		if !answer.HasMore {
			return objects
		}
		after = "&starting_after=" + textOf(member(objects[len(objects)-1], "id"))
	}
}

// childrenOf lists the objects of a child stream, parent by parent.
func (s *scenario) childrenOf(t testing.TB, st *stream) (objects []json.RawMessage) {
	t.Helper()
	var parents []json.RawMessage
	if above := findStream(st.parent.stream); above.parent != nil {
		parents = s.childrenOf(t, above)
	} else {
		all, err := s.fake.Objects(cmp.Or(fakeKinds[above.name], above.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range all {
			parents = append(parents, object)
		}
	}
	for _, parent := range parents {
		if st.parent.needed != nil && !st.parent.needed(parent) {
			continue
		}
		id := textOf(member(parent, "id"))
		query := strings.Replace(st.parent.query, "{id}", id, 1)
		for _, object := range s.ask(t, strings.Replace(st.parent.path, "{id}", id, 1), query, !st.unpaged) {
			if as := st.parent.as; as != "" && !has(object, as) {
				object = withMember(object, as, quoted(id))
			}
			var line bytes.Buffer
			if err := json.Compact(&line, object); err != nil {
				t.Fatal(err)
			}
			objects = append(objects, line.Bytes())
		}
	}
	return objects
}

// fakeKinds are the names that the fake has for streams.
var fakeKinds = map[string]string{"invoice_items": "invoiceitems"}

// plainRecord is a record without the columns that say how it came to be.
func plainRecord(record json.RawMessage) string {
	at := len(record)
	for _, column := range []string{columnUpdated, columnUpdatedBy, columnDeleted, columnDeletedAt, columnFetchedAt, columnGoneAt} {
		if i := bytes.LastIndex(record, []byte(`,"`+column+`":`)); i >= 0 && bytes.Count(record[i:], []byte("{")) == 0 {
			at = min(at, i)
		}
	}
	if at == len(record) {
		return string(record)
	}
	return string(record[:at]) + "}"
}

// account is what rows have to be: the objects of the streams that were picked.
func (s *scenario) account(t testing.TB) table {
	t.Helper()
	want := table{}
	for _, p := range s.picks {
		maker, err := p.records.take(p.stream)
		if err != nil {
			t.Fatal(err)
		}
		var expand []string
		for _, path := range p.stream.expand {
			expand = append(expand, strings.TrimPrefix(path, "data."))
		}
		var objects []json.RawMessage
		if p.stream.parent != nil {
			objects = s.childrenOf(t, p.stream)
			for id := range s.rows[p.stream.name] { // a payment method that was detached is in no list, but is still there
				if object, err := s.fake.Object(p.stream.name, id); err == nil && member(object, p.stream.parent.as) == nil {
					objects = append(objects, object)
				}
			}
		} else {
			all, err := s.fake.Objects(cmp.Or(fakeKinds[p.stream.name], p.stream.name), expand...)
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range all {
				objects = append(objects, object)
			}
		}
		want[p.stream.name] = map[string]string{}
		for _, object := range objects {
			records, err := maker.make([]found{{object: object}}, "")
			if err != nil {
				t.Fatal(err)
			}
			want[p.stream.name][textOf(member(object, "id"))] = plainRecord(records[0])
		}
		p.records.put(maker)
	}
	return want
}

// withoutOrphans is the rows without those of objects whose parent was deleted: nobody tells of them, and Stripe does not
// show them any more.
func (s *scenario) withoutOrphans(t testing.TB) table {
	t.Helper()
	rows := table{}
	for name, objects := range s.rows {
		rows[name] = objects
		st := findStream(name)
		if st.parent == nil || st.parent.as == "" {
			continue
		}
		rows[name] = map[string]string{}
		for id, row := range objects {
			if parent := textOf(member(json.RawMessage(row), st.parent.as)); parent == "" || s.exists(t, st.root(), parent) {
				rows[name][id] = row
			}
		}
	}
	return rows
}

func (s *scenario) exists(t testing.TB, root *stream, id string) bool {
	t.Helper()
	_, err := s.fake.Object(cmp.Or(fakeKinds[root.name], root.name), id)
	return err == nil
}

// compare fails the test where the rows are not the account's objects.
func (s *scenario) compare(t testing.TB) {
	t.Helper()
	diff := differ(s.account(t), s.withoutOrphans(t))
	if diff == "" {
		return
	}
	id := strings.Fields(diff)[1]
	t.Errorf("seed %d: %s", s.seed, diff)
	for _, line := range s.diary {
		if strings.HasSuffix(line, id) {
			t.Log(line)
		}
	}
	events, err := s.fake.Objects("events")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range events {
		if e, err := parseEvent(raw); err == nil && e.objectID == id {
			t.Logf("%d: %s %s", e.created, e.typ, e.id)
		}
	}
	t.Logf("state %s", s.state)
}
