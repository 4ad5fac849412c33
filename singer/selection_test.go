package singer

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// streamOf parses a catalog of one stream.
func streamOf(t *testing.T, entry string) *Stream {
	t.Helper()
	return catalogOf(t, entry).Streams[0]
}

func catalogOf(t *testing.T, entries ...string) *Catalog {
	t.Helper()
	c, err := ParseCatalog([]byte(`{"streams":[` + strings.Join(entries, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// metadataOf writes an entry of a metadata list; values that are "" are left out.
func metadataOf(breadcrumb, inclusion, selected, byDefault string) string {
	var members []string
	if inclusion != "" {
		members = append(members, fmt.Sprintf(`"inclusion":%q`, inclusion))
	}
	if selected != "" {
		members = append(members, `"selected":`+selected)
	}
	if byDefault != "" {
		members = append(members, `"selected-by-default":`+byDefault)
	}
	return fmt.Sprintf(`{"breadcrumb":%s,"metadata":{%s}}`, breadcrumb, strings.Join(members, ","))
}

// TestFieldSelection goes through all that metadata can say of a property, of the one around it and of the stream. The
// rules are written down a second time here, as a list of which the first that applies decides.
func TestFieldSelection(t *testing.T) {
	decide := func(inclusion, selected, byDefault string) bool {
		switch {
		case inclusion == "unsupported":
			return false
		case inclusion == "automatic":
			return true
		case selected == "true" || selected == "false":
			return selected == "true"
		}
		return byDefault != "false"
	}
	inclusions := []string{"", "available", "automatic", "unsupported"}
	answers := []string{"", "true", "false"}
	count := 0
	for _, stream := range answers[1:] {
		for _, around := range answers {
			for _, inclusion := range inclusions {
				for _, selected := range append(answers, "null") {
					for _, byDefault := range answers {
						entry := `{"stream":"s","schema":{"properties":{"a":{"properties":{"b":{"properties":{"c":{}}}}}}},"metadata":[` + strings.Join([]string{
							metadataOf(`[]`, "", stream, ""),
							metadataOf(`["properties","a"]`, "available", around, ""),
							metadataOf(`["properties","a","properties","b"]`, inclusion, selected, byDefault),
						}, ",") + `]}`
						s := streamOf(t, entry)
						wantAround := stream == "true" && decide("available", around, "")
						want := wantAround && decide(inclusion, selected, byDefault)
						got := []bool{s.Selected(), s.FieldSelected("a"), s.FieldSelected("a", "b"), s.FieldSelected("a", "b", "c")}
						if fmt.Sprint(got) != fmt.Sprint([]bool{stream == "true", wantAround, want, want}) {
							t.Errorf("%s: stream, a, a.b, a.b.c are selected: %v; want a.b %v", entry, got, want)
						}
						count++
					}
				}
			}
		}
	}
	if count != 288 {
		t.Errorf("%d cases", count)
	}
}

func TestStreamSelection(t *testing.T) {
	for _, c := range []struct {
		inclusion, selected, byDefault string
		want                           bool
	}{
		{"", "", "", false}, {"available", "", "", false}, {"automatic", "", "", true}, {"unsupported", "", "", false},
		{"", "true", "", true}, {"available", "true", "false", true}, {"unsupported", "true", "true", false},
		{"", "false", "true", false}, {"automatic", "false", "", false}, {"available", "null", "true", true},
		{"available", "", "true", true}, {"automatic", "", "false", false},
	} {
		s := streamOf(t, `{"stream":"s","schema":{},"metadata":[`+metadataOf("[]", c.inclusion, c.selected, c.byDefault)+`]}`)
		if s.Selected() != c.want || s.FieldSelected("unknown") != c.want {
			t.Errorf("%+v: selected %v, a property of it %v", c, s.Selected(), s.FieldSelected("unknown"))
		}
	}
}

func TestSelectionOfOlderCatalogs(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		want  string // the selected ones of the stream and its properties, [a a.b c.b]
	}{
		"nothing is said":              {`{"stream":"s","schema":{}}`, "s a a.b c.b"},
		"no metadata, not selected":    {`{"stream":"s","schema":{},"selected":false}`, ""},
		"mark on the stream":           {`{"stream":"s","schema":{},"selected":true,"metadata":[]}`, "s a a.b c.b"},
		"mark in the schema":           {`{"stream":"s","schema":{"selected":true}}`, "s a a.b c.b"},
		"the stream's mark wins":       {`{"stream":"s","schema":{"selected":true},"selected":false}`, ""},
		"metadata wins":                {`{"stream":"s","schema":{"selected":true},"selected":true,"metadata":[` + metadataOf("[]", "", "false", "") + `]}`, ""},
		"marks of properties":          {`{"stream":"s","schema":{"selected":true,"properties":{"a":{"selected":true,"properties":{"b":{"selected":false}}},"c":{"selected":false}}}}`, "s a"},
		"marks in elements":            {`{"stream":"s","schema":{"selected":true,"properties":{"a":{"items":{"properties":{"b":{"selected":false}}}}}}}`, "s a c.b"},
		"a property named selected":    {`{"stream":"s","schema":{"properties":{"selected":{"type":"boolean"},"a":{}}}}`, "s a a.b c.b"},
		"key properties stay":          {`{"stream":"s","schema":{"selected":true,"properties":{"a":{"selected":false}}},"key_properties":["a"]}`, "s a a.b c.b"},
		"the replication key stays":    {`{"stream":"s","schema":{"selected":true,"properties":{"a":{"selected":false}}},"replication_key":"a"}`, "s a a.b c.b"},
		"an unsupported key does not":  {`{"stream":"s","schema":{},"selected":true,"key_properties":["a"],"metadata":[` + metadataOf(`["properties","a"]`, "unsupported", "", "") + `]}`, "s c.b"},
		"later metadata wins":          {`{"stream":"s","schema":{},"metadata":[` + metadataOf("[]", "", "true", "") + `,` + metadataOf("[]", "", "false", "") + `]}`, ""},
		"metadata without breadcrumb":  {`{"stream":"s","schema":{},"metadata":[{"metadata":{"selected":true}}]}`, "s a a.b c.b"},
		"breadcrumb without keywords":  {`{"stream":"s","schema":{},"metadata":[` + metadataOf("[]", "", "true", "") + `,` + metadataOf(`["a","b"]`, "", "false", "") + `]}`, "s a c.b"},
		"breadcrumb through elements":  {`{"stream":"s","schema":{},"metadata":[` + metadataOf("[]", "", "true", "") + `,` + metadataOf(`["properties","a","items","properties","b"]`, "", "false", "") + `]}`, "s a c.b"},
		"breadcrumb without that step": {`{"stream":"s","schema":{},"metadata":[` + metadataOf("[]", "", "true", "") + `,` + metadataOf(`["properties","a","properties","b"]`, "", "false", "") + `]}`, "s a c.b"},
	} {
		s := streamOf(t, c.entry)
		var got []string
		if s.Selected() {
			got = append(got, "s")
		}
		for _, path := range []string{"a", "a.b", "c.b"} {
			if s.FieldSelected(strings.Split(path, ".")...) {
				got = append(got, path)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: selected %v, want %s", name, got, c.want)
		}
	}
}

func TestPropertiesNamedLikeKeywords(t *testing.T) {
	s := streamOf(t, `{"stream":"s","schema":{},"metadata":[`+metadataOf("[]", "", "true", "")+`,`+
		metadataOf(`["properties","items"]`, "", "false", "")+`,`+metadataOf(`["properties","properties","properties","x"]`, "", "false", "")+`]}`)
	if s.FieldSelected("items") || s.FieldSelected("properties", "x") || !s.FieldSelected("properties") || !s.FieldSelected("x") {
		t.Error("properties named items and properties are taken for keywords")
	}
}

func TestStreamsWithoutAMarkAreLeftOutWhereOthersHaveOne(t *testing.T) {
	for marked, want := range map[string]bool{
		`{"stream":"b","schema":{"selected":true}}`:                                        false,
		`{"stream":"b","schema":{},"metadata":[` + metadataOf("[]", "", "true", "") + `]}`: false,
		`{"stream":"b","schema":{}}`:                                                       true,
	} {
		if s := catalogOf(t, `{"stream":"a","schema":{}}`, marked).Stream("a"); s.Selected() != want {
			t.Errorf("beside %s: selected %v", marked, s.Selected())
		}
	}
}

func TestSelectionServesSeveralGoroutines(t *testing.T) {
	s := NewStream("s", json.RawMessage(`{"properties":{"a":{},"b":{}}}`), []string{"a"}, "")
	done := make(chan bool)
	for range 4 {
		go func() {
			_, err := s.SelectedSchema()
			done <- err == nil && s.FieldSelected("a") && s.Selected()
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("a goroutine finds nothing selected")
		}
	}
}
