package table

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArrowSchemaHasTheColumnsAndTheOrdinal(t *testing.T) {
	shape := &Table{Key: []int{0}}
	for typ := Boolean; typ <= JSON; typ++ {
		shape.Columns = append(shape.Columns, Column{Name: typ.String(), Type: typ, Nullable: typ != Boolean})
	}
	var got []string
	for _, f := range shape.ArrowSchema().Fields() {
		got = append(got, fmt.Sprintf("%s %s %v", f.Name, f.Type, f.Nullable))
	}
	want := []string{"boolean bool false", "integer int64 true", "number float64 true", "decimal utf8 true", "text utf8 true",
		"timestamp timestamp[us, tz=UTC] true", "date date32 true", "json utf8 true", "_ordinal int64 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
	if got := Type(99).String(); got != "invalid" {
		t.Errorf("a type that does not exist is called %q", got)
	}
}
