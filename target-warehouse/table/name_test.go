package table

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wishes are those of properties that no SCHEMA flattens.
func wishes(properties ...string) []wish {
	var list []wish
	for _, p := range properties {
		list = append(list, wish{path: pathOf([]string{p}), depth: 1, name: p, own: isMetadata(p)})
	}
	return list
}

func TestColumnNames(t *testing.T) {
	for _, c := range []struct {
		name             string
		properties, want []string
	}{
		{"names stay as they are", []string{"id", "Amount", "select", "a.b", "a_b", "with space", "é", "💰", "1st", "a:b", strings.Repeat("n", 300)},
			[]string{"id", "Amount", "select", "a.b", "a_b", "with space", "é", "💰", "1st", "a:b", strings.Repeat("n", 300)}},
		{"lower case keeps its name", []string{"Id", "id", "ID"}, []string{"Id__c1538d18", "id", "ID__63de8978"}},
		{"without one, the first by bytes does", []string{"Id", "ID"}, []string{"Id__c1538d18", "ID"}},
		{"tapline's own names yield", []string{Extra, Ordinal, ValidFrom, "_SDC_VALID_TO", "_SDC_sequence"},
			[]string{"_sdc_extra__fbac09c7", "_ordinal__784ce117", "_sdc_valid_from__d5601966", "_SDC_VALID_TO__c4cba283", "_SDC_sequence__2cb3bdb4"}},
		{"metadata sent by the tap keeps its name", []string{"_sdc_sequence", "_Sdc_sequence"},
			[]string{"_sdc_sequence", "_Sdc_sequence__80d56834"}},
		{"an empty name gets one", []string{""}, []string{"__6b883c39"}},
		{"NUL characters go", []string{"a\x00", "b", "a"}, []string{"a__510e8401", "b", "a"}},
		{"a made name is free", []string{"Id", "id", "Id__c1538d18"}, []string{"Id__c1538d18_", "id", "Id__c1538d18"}},
	} {
		if diff := cmp.Diff(c.want, columnNames(wishes(c.properties...), nil)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestColumnNamesDoNotDependOnOrder(t *testing.T) {
	properties := []string{"Id", "id", "ID", "iD", "", Extra, "a\x00", "A"}
	want := map[string]string{}
	for i, name := range columnNames(wishes(properties...), nil) {
		want[properties[i]] = name
	}
	for range properties {
		properties = slices.Concat(properties[1:], properties[:1])
		for i, name := range columnNames(wishes(properties...), nil) {
			if want[properties[i]] != name {
				t.Errorf("%q is %q, and in another order %q", properties[i], want[properties[i]], name)
			}
		}
	}
}

func TestColumnNamesKeepWhatWasGivenEarlier(t *testing.T) {
	known := map[string]string{`["Id"]`: "id", `["gone"]`: "new", `["a","b"]`: "other", OwnPath: "mine"}
	properties := wishes("id", "Id", "new", "mine")
	properties = append(properties, wish{path: `["a","b"]`, depth: 2, name: "a__b"})
	want := []string{"id__99372638", "id", "new__178a1d23", "mine", "other"}
	if diff := cmp.Diff(want, columnNames(properties, known)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
}

func TestColumnNamesRefuseNamesThatCannotBe(t *testing.T) {
	known := map[string]string{`["a"]`: "", `["b"]`: "same", `["c"]`: "SAME", `["d"]`: Extra, `["e"]`: "e\x00", `["f"]`: DeletedAt}
	want := []string{"a", "same", "c", "d", "e", "f"}
	if diff := cmp.Diff(want, columnNames(wishes("a", "b", "c", "d", "e", "f"), known)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
}

// TestColumnNamesNeverDrift sends random sequences of SCHEMAs, in every order, with every type, flattened or not: what a
// path is called once it is called for ever, and no two paths are called the same.
func TestColumnNamesNeverDrift(t *testing.T) {
	pool := []string{"id", "Id", "ID", "iD", "", "a.b", "a_b", "a__b", "A__B", "a", "b", "A", "a\x00", "\x00", "select", "1st", "💰", "ß", "İ",
		"_sdc_deleted_at", "_SDC_DELETED_AT", "_sdc_sequence", "_sdc_table_version", Extra, Ordinal, ValidFrom, ValidTo, `q"uote`, `back\slash`,
		"<html>", strings.Repeat("n", 300), "id__99372638", "Id__c1538d18", "ID__63de8978"}
	types := []string{`{}`, `{"type":"integer"}`, `{"type":"string"}`, `{"type":"boolean"}`, `{"type":"string","format":"date-time"}`}
	random := rand.New(rand.NewPCG(3, 4))
	for range 12 {
		names, owners := map[string]string{}, map[string]string{}
		for range 12 {
			text := randomProperties(random, pool, types, 1)
			options := Options{Names: names, Metadata: random.IntN(2) == 0, Method: Method(random.IntN(4)),
				Flatten: Flatten{Enabled: random.IntN(2) == 0, MaxDepth: random.IntN(3)}}
			got, err := Compile(message(`{"type":"object","properties":`+text+`}`), options)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			given := maps.Clone(names)
			inTable := map[string]bool{}
			for _, c := range got.WithExtra().Columns {
				path := c.Path()
				if inTable[fold(c.Name)] || c.Name == "" || strings.Contains(c.Name, "\x00") {
					t.Fatalf("%s: a column is called %q", text, c.Name)
				}
				inTable[fold(c.Name)], given[path] = true, c.Name
				if path == OwnPath {
					continue
				}
				if before, known := names[path]; known && before != c.Name {
					t.Fatalf("%s was %q and is %q", path, before, c.Name)
				}
				if owner, owned := owners[fold(c.Name)]; owned && owner != path {
					t.Fatalf("%s and %s are both called %q", owner, path, c.Name)
				}
				owners[fold(c.Name)] = path
			}
			names = given
		}
	}
}

// randomProperties writes a "properties" keyword with some names of the pool in any order.
func randomProperties(random *rand.Rand, pool, types []string, depth int) string {
	var members []string
	for _, i := range random.Perm(len(pool))[:random.IntN(len(pool))] {
		name, _ := json.Marshal(pool[i])
		schema := types[random.IntN(len(types))]
		if depth > 0 && random.IntN(4) == 0 {
			schema = `{"type":"object","properties":` + randomProperties(random, pool, types, depth-1) + `}`
		}
		members = append(members, fmt.Sprintf("%s:%s", name, schema))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// FuzzNames shows that whatever names there are and were, columns have names, all different.
func FuzzNames(f *testing.F) {
	f.Add("id\nId\nID\n\n_sdc_extra\n_ORDINAL\na\x00", `{"[\"id\"]":"ID","[]":"id","[\"x\"]":"id"}`)
	f.Add("a.b\na_b\n_sdc_sequence\n\xff\xfe", `{"[\"a.b\"]":"_sdc_extra","[\"a_b\"]":""}`)
	f.Add("ſ\ns\nK\nk", `{"[\"_sdc_deleted_at\"]":"_sdc_deleted_at"}`)
	f.Fuzz(func(t *testing.T, properties, names string) {
		var known map[string]string
		json.Unmarshal([]byte(names), &known)
		list := strings.Split(properties, "\n")
		slices.Sort(list)
		list = slices.Compact(list)
		for i := range list {
			list[i] = strings.ToValidUTF8(list[i], "\uFFFD")
		}
		slices.Sort(list)
		list = slices.Compact(list)
		got := columnNames(wishes(list...), known)
		seen := map[string]bool{fold(Extra): true, Ordinal: true, ValidFrom: true, ValidTo: true}
		given := map[string]string{}
		for i, name := range got {
			if seen[fold(name)] || fold(name) == "" || strings.Contains(name, "\x00") {
				t.Fatalf("%q is called %q", list[i], name)
			}
			if isOwn(name) && list[i] != name {
				t.Fatalf("%q has tapline's name %q", list[i], name)
			}
			seen[fold(name)], given[pathOf([]string{list[i]})] = true, name
		}
		if diff := cmp.Diff(got, columnNames(wishes(list...), given)); diff != "" {
			t.Fatalf("names drift (-first +second):\n%s", diff)
		}
	})
}
