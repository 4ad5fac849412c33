package table

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnNames(t *testing.T) {
	for _, c := range []struct {
		name             string
		properties, want []string
	}{
		{"names stay as they are", []string{"id", "Amount", "select", "a.b", "a_b", "with space", "é"},
			[]string{"id", "Amount", "select", "a.b", "a_b", "with space", "é"}},
		{"lower case keeps its name", []string{"Id", "id", "ID"}, []string{"Id__36e8b900", "id", "ID__56e8eb60"}},
		{"without one, the first by bytes does", []string{"Id", "ID"}, []string{"Id__36e8b900", "ID"}},
		{"tapline's own names yield", []string{Extra, Ordinal, "_SDC_sequence"},
			[]string{"_sdc_extra__6594c79f", "_ordinal__215f8983", "_SDC_sequence__e03cabd2"}},
		{"metadata sent by the tap keeps its name", []string{"_sdc_sequence", "_Sdc_sequence"},
			[]string{"_sdc_sequence", "_Sdc_sequence__c752b252"}},
		{"an empty name gets one", []string{""}, []string{"__811c9dc5"}},
		{"NUL characters go", []string{"a\x00", "b", "a"}, []string{"a__2b24d044", "b", "a"}},
		{"a made name is free", []string{"Id", "id", "Id__36e8b900"}, []string{"Id__36e8b900_", "id", "Id__36e8b900"}},
	} {
		if diff := cmp.Diff(c.want, columnNames(c.properties)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestColumnNamesDoNotDependOnOrder(t *testing.T) {
	properties := []string{"Id", "id", "ID", "iD", "", Extra, "a\x00", "A"}
	want := map[string]string{}
	for i, name := range columnNames(properties) {
		want[properties[i]] = name
	}
	for range properties {
		properties = slices.Concat(properties[1:], properties[:1])
		for i, name := range columnNames(properties) {
			if want[properties[i]] != name {
				t.Errorf("%q is %q, and in another order %q", properties[i], want[properties[i]], name)
			}
		}
	}
}
