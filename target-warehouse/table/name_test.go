package table

import (
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
