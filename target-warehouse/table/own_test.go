package table

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func namesOf(t *Table) string {
	var names []string
	for _, c := range t.Columns {
		names = append(names, strings.TrimPrefix(c.Name, "_sdc_"))
	}
	return strings.Join(names, " ")
}

func TestCompileAppendsMetadata(t *testing.T) {
	const all = " extracted_at received_at batched_at deleted_at sequence table_version sync_started_at"
	for _, c := range []struct {
		name, want string
		options    Options
	}{
		{"none", "id", Options{}},
		{"all", "id" + all, Options{Metadata: true}},
		{"hard delete needs to know what is gone", "id deleted_at table_version", Options{HardDelete: true}},
		{"history needs times, too", "id extracted_at deleted_at table_version valid_from valid_to", Options{Method: History}},
		{"history of hard deletes", "id extracted_at deleted_at table_version valid_from valid_to", Options{Method: History, HardDelete: true}},
		{"history behind everything", "id" + all + " valid_from valid_to", Options{Method: History, Metadata: true}},
		{"overwrite", "id", Options{Method: Overwrite}},
	} {
		got, err := Compile(message(`{"properties":{"id":{"type":"integer"}}}`, "id"), c.options)
		if err != nil {
			t.Fatal(err)
		}
		if namesOf(got) != c.want || got.Method != c.options.Method || got.HardDelete != c.options.HardDelete {
			t.Errorf("%s: %+v", c.name, got)
		}
		for _, column := range got.Columns[1:] {
			if column.Path() != OwnPath || !column.Nullable || column.Type != Timestamp && column.Type != Integer {
				t.Errorf("%s: %+v", c.name, column)
			}
		}
	}
}

// TestHazardPropertiesNamedLikeMetadata: the record's word on metadata counts; what cannot be that metadata is renamed.
func TestHazardPropertiesNamedLikeMetadata(t *testing.T) {
	for _, c := range []struct{ name, property, schema, want string }{
		{"a moment", DeletedAt, `{"type":["null","string"],"format":"date-time"}`, "_sdc_deleted_at _sdc_deleted_at timestamp null"},
		{"a moment declared as a string", DeletedAt, `{"type":["string"]}`, "_sdc_deleted_at _sdc_deleted_at timestamp null"},
		{"anything", DeletedAt, `{}`, "_sdc_deleted_at _sdc_deleted_at timestamp null"},
		{"a flag", DeletedAt, `{"type":"boolean"}`, "_sdc_deleted_at__6787728e _sdc_deleted_at boolean null"},
		{"a version", TableVersion, `{"type":["null","integer"]}`, "_sdc_table_version _sdc_table_version integer null"},
		{"a version that is text", TableVersion, `{"type":"string"}`, "_sdc_table_version__1a079316 _sdc_table_version text null"},
		{"another case", "_SDC_DELETED_AT", `{"type":"string","format":"date-time"}`, "_SDC_DELETED_AT__c60aff8e _SDC_DELETED_AT timestamp null"},
		{"no name of ours", "_sdc_lsn", `{"type":"integer"}`, "_sdc_lsn _sdc_lsn integer null"},
		{"the column for undeclared properties", Extra, `{"type":"string"}`, "_sdc_extra__fbac09c7 _sdc_extra text null"},
		{"the ordinal", Ordinal, `{"type":"integer"}`, "_ordinal__784ce117 _ordinal integer null"},
		{"the start of a row's validity", ValidFrom, `{"type":"string","format":"date-time"}`, "_sdc_valid_from__d5601966 _sdc_valid_from timestamp null"},
	} {
		for _, options := range []Options{{}, {Metadata: true}, {Method: History, HardDelete: true}} {
			got, err := Compile(message(`{"properties":{"`+c.property+`":`+c.schema+`}}`), options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, describe(got)[0]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
			seen := map[string]bool{}
			for _, column := range got.WithExtra().Columns {
				if seen[fold(column.Name)] {
					t.Errorf("%s: two columns are called %s", c.name, column.Name)
				}
				seen[fold(column.Name)] = true
			}
		}
	}
}

func TestCompileGivesATableWithoutPropertiesTheExtraColumn(t *testing.T) {
	for _, schema := range []string{`{"type":"object","properties":{}}`, `{"patternProperties":{"^x":{}}}`, `{"additionalProperties":{"type":"string"}}`} {
		got, err := Compile(message(schema), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Column{{Name: Extra, Type: JSON, Nullable: true}}, got.Columns); diff != "" {
			t.Errorf("columns differ (-want +got):\n%s", diff)
		}
		if got.WithExtra() != got {
			t.Error("WithExtra adds a second extra column")
		}
	}
}

func TestWithExtraStandsBehindMetadataAndAheadOfValidity(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "a extra"},
		{Options{HardDelete: true}, "a deleted_at table_version extra"},
		{Options{Method: History}, "a extracted_at deleted_at table_version extra valid_from valid_to"},
	} {
		narrow, _ := Compile(message(`{"type":"object","properties":{"a":{}}}`, "a"), c.options)
		before := namesOf(narrow)
		wide := narrow.WithExtra()
		if namesOf(wide) != c.want || namesOf(narrow) != before || len(wide.Rules) != 1 {
			t.Errorf("%s becomes %s", before, namesOf(wide))
		}
		if wide.WithExtra() != wide {
			t.Errorf("%s gets a second extra column", c.want)
		}
	}
}

func TestWithTypeChangesOneColumnOfACopy(t *testing.T) {
	narrow, _ := Compile(message(`{"properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}`, "b"), Options{})
	before := describe(narrow)
	wide := narrow.WithType(1, Column{Name: "other", Type: Decimal, Precision: 38, Nullable: true})
	if diff := cmp.Diff([]string{"a a integer null", "b b decimal(38,0)"}, describe(wide)); diff != "" {
		t.Errorf("the copy (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, describe(narrow)); diff != "" || !cmp.Equal(narrow.Key, wide.Key) {
		t.Errorf("the table itself (-before +after):\n%s", diff)
	}
}
