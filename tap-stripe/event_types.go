package main

import (
	"maps"
	"slices"
	"strings"
)

// fewStreams is up to how many streams are followed by the names of their events. For more of them all events are read.
const fewStreams = 3

// namesAtOnce is how many names of events one request may ask for.
const namesAtOnce = 20

// eventNames are the names of the events whose object is of a kind, behind its group. Some came after the tap's API
// version; asking for a name that an account does not have yet does no harm.
//
// https://docs.stripe.com/api/events/types
var eventNames = map[string]map[string]string{
	"application_fee":  {"application_fee": "created refunded"},
	"charge":           {"charge": "captured expired failed pending refunded succeeded updated"},
	"checkout.session": {"checkout.session": "async_payment_failed async_payment_succeeded completed expired"},
	"coupon":           {"coupon": "created updated deleted"},
	"credit_note":      {"credit_note": "created updated voided"},
	"customer":         {"customer": "created updated deleted"},
	"dispute":          {"charge.dispute": "closed created funds_reinstated funds_withdrawn updated"},
	"file":             {"file": "created"},
	"invoice": {"invoice": "created deleted finalization_failed finalized marked_uncollectible paid payment_action_required payment_failed" +
		" payment_succeeded sent updated voided overdue overpaid will_be_due payment_attempt_required"},
	"invoiceitem":               {"invoiceitem": "created deleted updated"},
	"payment_intent":            {"payment_intent": "amount_capturable_updated canceled created partially_funded payment_failed processing requires_action succeeded"},
	"payment_method":            {"payment_method": "attached automatically_updated detached updated"},
	"payout":                    {"payout": "canceled created failed paid reconciliation_completed updated"},
	"plan":                      {"plan": "created updated deleted"},
	"price":                     {"price": "created updated deleted"},
	"product":                   {"product": "created updated deleted"},
	"promotion_code":            {"promotion_code": "created updated"},
	"radar.early_fraud_warning": {"radar.early_fraud_warning": "created updated"},
	"refund":                    {"refund": "created updated failed", "charge.refund": "updated"},
	"reporting.report_run":      {"reporting.report_run": "succeeded failed"},
	"review":                    {"review": "opened closed"},
	"setup_intent":              {"setup_intent": "canceled created requires_action setup_failed succeeded"},
	"subscription": {"customer.subscription": "created updated deleted paused resumed pending_update_applied pending_update_expired" +
		" trial_will_end"},
	"subscription_schedule": {"subscription_schedule": "aborted canceled completed created expiring released updated"},
	"tax_rate":              {"tax_rate": "created updated"},
	"topup":                 {"topup": "canceled created failed reversed succeeded"},
	"transfer":              {"transfer": "created reversed updated"},
}

// eventTypesOf returns the names of the events to ask for, in groups for one request each, or one group without names
// that stands for all events: for many streams, and for those whose events are not all known by name. All is what sees
// events that Stripe will think of later.
func eventTypesOf(jobs []*job) [][]string {
	names, roots := map[string]bool{}, 0
	for _, j := range jobs {
		if j.stream.parent == nil {
			roots++
		}
		if !addNames(names, j.stream) || roots > fewStreams {
			return [][]string{nil}
		}
	}
	return slices.Collect(slices.Chunk(slices.Sorted(maps.Keys(names)), namesAtOnce))
}

// addNames adds the names of the events that tell of a stream's objects, and reports whether they are known.
func addNames(names map[string]bool, st *stream) bool {
	groups := eventNames[st.object]
	if groups == nil && st.object != "" {
		return false
	}
	addGroups(names, groups)
	for _, t := range st.triggers {
		group, all := strings.CutSuffix(t.prefix, ".")
		if !all {
			names[t.prefix] = true
			continue
		}
		known := false
		for _, groups := range eventNames {
			if list, ok := groups[group]; ok {
				addGroups(names, map[string]string{group: list})
				known = true
			}
		}
		if !known {
			return false
		}
	}
	return true
}

func addGroups(names map[string]bool, groups map[string]string) {
	for group, list := range groups {
		for name := range strings.FieldsSeq(list) {
			names[group+"."+name] = true
		}
	}
}
