package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"tapline/schemas"
)

// sdkObjects are stripe-go's structs for the objects of the streams, by what Stripe calls them. stripe-go v76 is made for the same API version, but
// from a later and fuller document than the one that is published.
var sdkObjects = map[string]any{
	"account":                             stripe.Account{},
	"apple_pay_domain":                    stripe.ApplePayDomain{},
	"application_fee":                     stripe.ApplicationFee{},
	"apps.secret":                         stripe.AppsSecret{},
	"balance":                             stripe.Balance{},
	"balance_transaction":                 stripe.BalanceTransaction{},
	"bank_account":                        stripe.BankAccount{},
	"billing.meter":                       stripe.BillingMeter{},
	"billing.meter_event_summary":         stripe.BillingMeterEventSummary{},
	"billing_portal.configuration":        stripe.BillingPortalConfiguration{},
	"capability":                          stripe.Capability{},
	"card":                                stripe.Card{},
	"charge":                              stripe.Charge{},
	"checkout.session":                    stripe.CheckoutSession{},
	"climate.order":                       stripe.ClimateOrder{},
	"climate.product":                     stripe.ClimateProduct{},
	"climate.supplier":                    stripe.ClimateSupplier{},
	"country_spec":                        stripe.CountrySpec{},
	"coupon":                              stripe.Coupon{},
	"credit_note":                         stripe.CreditNote{},
	"credit_note_line_item":               stripe.CreditNoteLineItem{},
	"customer":                            stripe.Customer{},
	"customer_balance_transaction":        stripe.CustomerBalanceTransaction{},
	"customer_cash_balance_transaction":   stripe.CustomerCashBalanceTransaction{},
	"discount":                            stripe.Discount{},
	"dispute":                             stripe.Dispute{},
	"entitlements.active_entitlement":     stripe.EntitlementsActiveEntitlement{},
	"entitlements.feature":                stripe.EntitlementsFeature{},
	"event":                               stripe.Event{},
	"fee_refund":                          stripe.FeeRefund{},
	"file":                                stripe.File{},
	"file_link":                           stripe.FileLink{},
	"financial_connections.account":       stripe.FinancialConnectionsAccount{},
	"financial_connections.account_owner": stripe.FinancialConnectionsAccountOwner{},
	"financial_connections.transaction":   stripe.FinancialConnectionsTransaction{},
	"forwarding.request":                  stripe.ForwardingRequest{},
	"identity.verification_report":        stripe.IdentityVerificationReport{},
	"identity.verification_session":       stripe.IdentityVerificationSession{},
	"invoice":                             stripe.Invoice{},
	"invoiceitem":                         stripe.InvoiceItem{},
	"issuing.authorization":               stripe.IssuingAuthorization{},
	"issuing.card":                        stripe.IssuingCard{},
	"issuing.cardholder":                  stripe.IssuingCardholder{},
	"issuing.dispute":                     stripe.IssuingDispute{},
	"issuing.personalization_design":      stripe.IssuingPersonalizationDesign{},
	"issuing.physical_bundle":             stripe.IssuingPhysicalBundle{},
	"issuing.token":                       stripe.IssuingToken{},
	"issuing.transaction":                 stripe.IssuingTransaction{},
	"item":                                stripe.LineItem{},
	"line_item":                           stripe.InvoiceLineItem{},
	"mandate":                             stripe.Mandate{},
	"payment_intent":                      stripe.PaymentIntent{},
	"payment_link":                        stripe.PaymentLink{},
	"payment_method":                      stripe.PaymentMethod{},
	"payment_method_configuration":        stripe.PaymentMethodConfiguration{},
	"payment_method_domain":               stripe.PaymentMethodDomain{},
	"payout":                              stripe.Payout{},
	"person":                              stripe.Person{},
	"plan":                                stripe.Plan{},
	"price":                               stripe.Price{},
	"product":                             stripe.Product{},
	"promotion_code":                      stripe.PromotionCode{},
	"quote":                               stripe.Quote{},
	"radar.early_fraud_warning":           stripe.RadarEarlyFraudWarning{},
	"radar.value_list":                    stripe.RadarValueList{},
	"radar.value_list_item":               stripe.RadarValueListItem{},
	"refund":                              stripe.Refund{},
	"reporting.report_run":                stripe.ReportingReportRun{},
	"reporting.report_type":               stripe.ReportingReportType{},
	"review":                              stripe.Review{},
	"scheduled_query_run":                 stripe.SigmaScheduledQueryRun{},
	"setup_attempt":                       stripe.SetupAttempt{},
	"setup_intent":                        stripe.SetupIntent{},
	"shipping_rate":                       stripe.ShippingRate{},
	"source":                              stripe.Source{},
	"source_transaction":                  stripe.SourceTransaction{},
	"subscription":                        stripe.Subscription{},
	"subscription_item":                   stripe.SubscriptionItem{},
	"subscription_schedule":               stripe.SubscriptionSchedule{},
	"tax.registration":                    stripe.TaxRegistration{},
	"tax_code":                            stripe.TaxCode{},
	"tax_id":                              stripe.TaxID{},
	"tax_rate":                            stripe.TaxRate{},
	"terminal.configuration":              stripe.TerminalConfiguration{},
	"terminal.location":                   stripe.TerminalLocation{},
	"terminal.reader":                     stripe.TerminalReader{},
	"test_helpers.test_clock":             stripe.TestHelpersTestClock{},
	"topup":                               stripe.Topup{},
	"transfer":                            stripe.Transfer{},
	"transfer_reversal":                   stripe.TransferReversal{},
	"treasury.credit_reversal":            stripe.TreasuryCreditReversal{},
	"treasury.debit_reversal":             stripe.TreasuryDebitReversal{},
	"treasury.financial_account":          stripe.TreasuryFinancialAccount{},
	"treasury.inbound_transfer":           stripe.TreasuryInboundTransfer{},
	"treasury.outbound_payment":           stripe.TreasuryOutboundPayment{},
	"treasury.outbound_transfer":          stripe.TreasuryOutboundTransfer{},
	"treasury.received_credit":            stripe.TreasuryReceivedCredit{},
	"treasury.received_debit":             stripe.TreasuryReceivedDebit{},
	"treasury.transaction":                stripe.TreasuryTransaction{},
	"treasury.transaction_entry":          stripe.TreasuryTransactionEntry{},
	"usage_record_summary":                stripe.UsageRecordSummary{},
	"webhook_endpoint":                    stripe.WebhookEndpoint{},
}

// notEmitted reports whether a field of stripe-go's struct is one that no listed object carries.
func notEmitted(structName, field string) bool {
	switch field {
	case "deleted", "total_count":
		// What is left of a deleted object is in no list, and the total comes only by an old expansion.
		return true
	case "description", "iin", "issuer":
		// On card details these are for Stripe's internal use, as stripe-go says itself.
		return strings.HasSuffix(structName, "Card") || strings.HasSuffix(structName, "CardPresent") ||
			strings.HasSuffix(structName, "InteracPresent") || structName == "SourceThreeDSecure"
	case "error", "error_description", "request_id", "status":
		// stripe-go fills these from elsewhere in a failed answer.
		return structName == "Error"
	}
	return false
}

func TestEveryFieldOfStripeGoIsNamed(t *testing.T) {
	for _, s := range streams {
		t.Run(s.Stream, func(t *testing.T) {
			stream, err := schemas.StripeStream(s.Stream)
			if err != nil {
				t.Fatal(err)
			}
			var schema readSchema
			if err := json.Unmarshal(stream.Schema, &schema); err != nil {
				t.Fatal(err)
			}
			object := sdkObjects[s.Object]
			if object == nil {
				t.Fatal("stripe-go's struct for this stream is missing in the table above")
			}
			checkFields(t, reflect.TypeOf(object), &schema, s.Object)
		})
	}
}

// checkFields compares a struct with the schema of the same object. Where the schema has an id or an open object, it has
// nothing to compare.
func checkFields(t *testing.T, typ reflect.Type, schema *readSchema, path string) {
	switch typ.Kind() {
	case reflect.Pointer:
		checkFields(t, typ.Elem(), schema, path)
	case reflect.Slice:
		if schema.Items != nil {
			checkFields(t, typ.Elem(), schema.Items, path+"[]")
		}
	case reflect.Struct:
		if schema.Properties == nil {
			return
		}
		for name, field := range jsonFields(typ) {
			if property := schema.Properties[name]; property != nil {
				checkFields(t, field, property, path+"."+name)
			} else if !notEmitted(typ.Name(), name) {
				t.Errorf("%s.%s (%s of stripe-go's %s) is not in the schema", path, name, field, typ.Name())
			}
		}
	default:
		checkKind(t, typ.Kind(), schema, path)
	}
}

// decimals end the names of fields that come as strings of digits.
var decimals = []string{"_decimal", ".fx_rate", ".metric_tons", ".metric_tons_available", ".unit_amount_excluding_tax"}

// checkKind compares the type of a single value.
func checkKind(t *testing.T, kind reflect.Kind, schema *readSchema, path string) {
	types, _ := schema.Type.([]any)
	if schema.Type == "string" {
		types = []any{"string"}
	}
	want := map[reflect.Kind]string{
		reflect.Bool: "boolean", reflect.Int64: "integer", reflect.Float64: "number", reflect.String: "string", reflect.Map: "object",
	}[kind]
	// stripe-go parses decimal strings into floats, and times stay the integers they come as.
	if kind == reflect.Float64 && slices.ContainsFunc(decimals, func(suffix string) bool { return strings.HasSuffix(path, suffix) }) {
		want = "string"
	}
	if kind == reflect.Int64 && schema.Format == formatDateTime {
		want = "string"
	}
	if !slices.Contains(types, any(want)) {
		t.Errorf("%s has type %v in the schema and is a %s in stripe-go", path, types, kind)
	}
}

// jsonFields returns the types of a struct's fields by their JSON names, those of embedded structs included.
func jsonFields(typ reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			for inner, innerType := range jsonFields(field.Type) {
				fields[inner] = innerType
			}
		case name != "" && name != "-":
			fields[name] = field.Type
		}
	}
	return fields
}
