package main

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStreamNamesAreUnique(t *testing.T) {
	if len(streams) != 31 {
		t.Errorf("there are %d streams, want 31", len(streams))
	}
	for i := range streams {
		if st := &streams[i]; findStream(st.name) != st {
			t.Errorf("%s is the name of two streams", st.name)
		}
	}
	if findStream("checkouts") != nil {
		t.Error("checkouts are a stream, but there is no list of them")
	}
}

func TestStreamsAreWhole(t *testing.T) {
	for _, st := range streams {
		t.Run(st.name, func(t *testing.T) {
			if !strings.HasPrefix(st.path, "/") || strings.HasSuffix(st.path, "/") || len(st.keys) == 0 {
				t.Errorf("path %q, keys %q", st.path, st.keys)
			}
			if st.member == "" && !st.single {
				t.Error("a list must name the member that holds it")
			}
			if _, err := url.ParseQuery(st.query); err != nil {
				t.Errorf("query %q: %v", st.query, err)
			}
			if st.single && (st.query != "" || st.replicationKey != "") {
				t.Error("a single record has neither an order nor bounds")
			}
			if st.openEnd && !st.ascending() {
				t.Error("without an upper bound and an order the end of a window cannot be found")
			}
		})
	}
}

func TestParentsAreReadFirstAndGiveTheIDInOnePlace(t *testing.T) {
	for i, st := range streams {
		inPath := strings.Contains(st.path, "{id}")
		if st.parent == nil {
			if inPath || st.optional {
				t.Errorf("%s asks for the id of a parent that it does not have, or is optional without reason", st.name)
			}
			continue
		}
		above := slices.IndexFunc(streams, func(s stream) bool { return s.name == st.parent.stream })
		if above < 0 || above >= i || streams[above].parent != nil || st.parent.field == "" {
			t.Errorf("%s: the parent %q is missing, comes later or is a child itself", st.name, st.parent.stream)
		}
		if byQuery := st.parent.query != "" && st.parent.batch > 0; byQuery == inPath {
			t.Errorf("%s: the parent's id goes into the path: %t, into the query: %t", st.name, inPath, byQuery)
		}
		if st.optional != inPath {
			t.Errorf("%s: optional is %t, though a request for each parent is %t", st.name, st.optional, inPath)
		}
	}
}

func TestAscendingStreams(t *testing.T) {
	want := []string{"customers", "addresses", "plans", "subscriptions", "onetimes", "discounts", "charges", "orders",
		"bundle_selections", "credit_adjustments"}
	var got []string
	for _, st := range streams {
		if st.ascending() {
			got = append(got, st.name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryMetafieldStreamAsksForItsOwner(t *testing.T) {
	owners := map[string]bool{}
	for _, st := range streams {
		owner, isMetafields := strings.CutPrefix(st.name, "metafields_")
		query, _ := url.ParseQuery(st.query)
		if got := query.Get("owner_resource"); isMetafields && got != owner || !isMetafields && got != "" {
			t.Errorf("%s asks for the metafields of %q", st.name, got)
		}
		owners[owner] = isMetafields || owners[owner]
	}
	for _, owner := range []string{"address", "charge", "customer", "order", "store", "subscription"} {
		if !owners[owner] {
			t.Errorf("there is no stream of the metafields of the %s", owner)
		}
	}
}

func TestRetention(t *testing.T) {
	got := map[string]time.Duration{}
	for _, st := range streams {
		if st.retention != 0 {
			got[st.name] = st.retention
		}
	}
	want := map[string]time.Duration{"charges": 90 * 24 * time.Hour, "events": 7 * 24 * time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStreamsWithoutAScope(t *testing.T) {
	var got []string
	for _, st := range streams {
		for _, scope := range st.scopes {
			if !strings.HasPrefix(scope, "read_") && scope != "store_info" {
				t.Errorf("%s needs the scope %q, which does not read", st.name, scope)
			}
		}
		if len(st.scopes) == 0 {
			got = append(got, st.name)
		}
	}
	if diff := cmp.Diff([]string{"token_information", "webhooks"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
