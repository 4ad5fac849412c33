package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline/schemas"
	"tapline/tests/fake/recharge/rechargefake"
)

// TestEveryRechargeFieldArrives compares some objects of every stream, every field to any depth, between the store and
// DuckDB, unknown fields and values of drifting types included, and the type of every column.
func TestEveryRechargeFieldArrives(t *testing.T) {
	names := schemas.RechargeNames()
	counts := map[string]int{}
	for _, name := range names {
		if name != "store" && name != "token_information" && !slices.Contains(rechargeChildren[1:], name) {
			counts[name] = 60
		}
	}
	fake, url := startRecharge(t, rechargefake.Options{Seed: 5, Objects: 100, Counts: counts, TypeDrift: true}, nil)
	p := newProject(t, url, "", "")
	writeRechargeTap(t, p.dir, url, map[string]any{"lag_minutes": 0, "select": strings.Split(strings.Join(names, ".*,")+".*", ",")})
	for _, name := range names {
		if counts[name] > 0 {
			fillUnseen(t, fake, name)
		}
	}
	if err := fake.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	if stderr, err := p.pipe(t, "tap-recharge"); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	db := p.open(t)
	for _, stream := range names {
		_, schema := rechargeSchema(t, stream)
		differences := compareRecharge(t, fake, stream, rechargeTable(t, db, stream))
		for _, d := range differences[:min(2, len(differences))] {
			t.Errorf("%s %s %s", d.stream, d.key, d.text)
		}
		columnNames, kinds := columns(t, db, stream)
		have := map[string]string{}
		for i, name := range columnNames {
			have[name] = kinds[i]
		}
		for name, property := range schema["properties"].(map[string]any) {
			if want := columnType(property.(map[string]any)); have[name] != want {
				t.Errorf("%s.%s is of type %q, want %s", stream, name, have[name], want)
			}
		}
		for _, field := range slices.Sorted(maps.Keys(unseenFields(t, fake, stream))) {
			if field = stream + "." + field; !slices.Contains(neverSent, field) {
				t.Errorf("no object has %s, so that nothing shows it arrives", field)
			}
		}
	}
}

// neverSent are fields that the fake leaves null or out, of streams whose objects cannot be changed; and the mark of an
// object that is not listed.
var neverSent = []string{
	"delivery_schedules.deliveries.[].orders.[].payment_method.billing_address.country",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.exp_month",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.exp_year",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.funding_type",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.paypal_email",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.paypal_payer_id",
	"delivery_schedules.deliveries.[].orders.[].payment_method.payment_details.wallet_type",
	"delivery_schedules.deliveries.[].orders.[].shipping_address.country",
	"payment_methods.deleted_at", "store.checkout_logo_url", "store.phone",
}

// unseenFields lists the fields of a stream, to any depth, that are null in every object of the store or missing.
func unseenFields(t testing.TB, fake *rechargefake.Server, stream string) map[string]bool {
	t.Helper()
	_, schema := rechargeSchema(t, stream)
	unseen := fieldsOf(schema, "")
	for _, r := range wantRecharge(t, fake, stream) {
		strike(unseen, map[string]any(r), schema, "")
	}
	return unseen
}

// fillUnseen gives an object of the store a value in each field that no other has.
func fillUnseen(t testing.TB, fake *rechargefake.Server, stream string) {
	t.Helper()
	_, schema := rechargeSchema(t, stream)
	patch := map[string]any{}
	for field := range unseenFields(t, fake, stream) {
		name, _, _ := strings.Cut(field, ".")
		if stream != "payment_methods" || name != "deleted_at" {
			patch[name] = sampleOf(schema["properties"].(map[string]any)[name].(map[string]any))
		}
	}
	objects, err := fake.Objects(stream)
	if err != nil || len(patch) == 0 {
		return // of no such kind: wantRecharge has told
	}
	text, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	id, err := decode(t, objects[0]).(map[string]any)["id"].(json.Number).Int64()
	if err == nil {
		err = fake.Update(stream, id, text)
	}
	if err != nil {
		t.Fatalf("%s %d: %v", stream, id, err)
	}
}

// sampleOf is a value with every field that a schema names.
func sampleOf(schema map[string]any) any {
	switch columnType(schema) {
	case "TIMESTAMP WITH TIME ZONE":
		return "2025-01-02T03:04:05"
	case "DATE":
		return "2025-01-02"
	case "VARCHAR":
		return "12.30"
	case "BIGINT", "DOUBLE":
		return 7
	case "BOOLEAN":
		return true
	}
	if items, ok := schema["items"].(map[string]any); ok {
		return []any{sampleOf(items)}
	}
	object := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		object[name] = sampleOf(property.(map[string]any))
	}
	return object
}

// TestTypesOfRechargeColumns names what matters most, without a look at the schemas.
func TestTypesOfRechargeColumns(t *testing.T) {
	for field, want := range map[string]string{
		"charges.total_price": "VARCHAR", "charges.tax_lines": "JSON", "charges.id": "BIGINT", "charges.scheduled_at": "DATE",
		"charges.updated_at": "TIMESTAMP WITH TIME ZONE", "charges.taxable": "BOOLEAN", "charges.line_items": "JSON",
		"customers.created_at": "TIMESTAMP WITH TIME ZONE", "customers.email": "VARCHAR", "orders.total_price": "VARCHAR",
		"subscriptions.price": "VARCHAR", "subscriptions.quantity": "BIGINT", "subscriptions.is_prepaid": "BOOLEAN",
		"addresses.discounts": "JSON", "discounts.value": "VARCHAR", "products.external_product_id": "VARCHAR",
	} {
		stream, name, _ := strings.Cut(field, ".")
		_, schema := rechargeSchema(t, stream)
		property, _ := schema["properties"].(map[string]any)[name].(map[string]any)
		if got := columnType(property); got != want {
			t.Errorf("%s is to be %s, want %s", field, got, want)
		}
	}
}

// columnType is the type of DuckDB's that a property must have.
func columnType(property map[string]any) string {
	types := fmt.Sprint(property["type"])
	for _, c := range []struct{ is, format, column string }{
		{"string", "date-time", "TIMESTAMP WITH TIME ZONE"}, {"string", "date", "DATE"}, {"string", "", "VARCHAR"},
		{"integer", "", "BIGINT"}, {"number", "", "DOUBLE"}, {"boolean", "", "BOOLEAN"},
	} {
		if format, _ := property["format"].(string); strings.Contains(types, c.is) && format == c.format {
			return c.column
		}
	}
	return "JSON"
}

// fieldsOf lists every field of a schema by its path. Those of an array's items stand behind "[]".
func fieldsOf(schema map[string]any, path string) map[string]bool {
	fields := map[string]bool{}
	if items, ok := schema["items"].(map[string]any); ok {
		maps.Copy(fields, fieldsOf(items, path+"[]."))
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		fields[path+name] = true
		maps.Copy(fields, fieldsOf(property.(map[string]any), path+name+"."))
	}
	return fields
}

// strike takes the fields that a value has out of a list.
func strike(fields map[string]bool, value any, schema map[string]any, path string) {
	switch value := value.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, item := range value {
			strike(fields, item, items, path+"[].")
		}
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, inner := range value {
			if inner != nil {
				delete(fields, path+name)
			}
			property, _ := properties[name].(map[string]any)
			strike(fields, inner, property, path+name+".")
		}
	}
}
