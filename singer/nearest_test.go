package singer

import "testing"

func TestNearestSuggestsOnlyWhatIsClose(t *testing.T) {
	names := []string{"charges", "customers", "tax_rates", "id", "storage_version", "process_activate_version_messages"}
	for word, want := range map[string]string{
		"charge": "charges", "Charges": "charges", "cutsomers": "customers", "taxrates": "tax_rates", "ID": "id", "ie": "id",
		"activate_version": "process_activate_version_messages", "stomach": "", "rate": "", "invoices": "", "x": "", "": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := nearest("aa", []string{"ab", "ac"}); got != "ab" {
		t.Errorf("of equals %q is taken", got)
	}
}
