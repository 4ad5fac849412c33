package stripefake

import "net/url"

// What stripe-go v76.25 can ask for and the document, three months older, does
// not know yet.

// laterParameters are the newer parameters of lists that the document has.
var laterParameters = map[string][]parameter{
	"/v1/credit_notes":               {createdParameter},
	"/v1/products":                   {{Name: "type", Schema: &schema{Type: "string", Enum: []string{"good", "service"}}}},
	"/v1/radar/early_fraud_warnings": {createdParameter},
	"/v1/subscriptions":              {{Name: "plan", Schema: &schema{Type: "string"}}},
	"/v1/treasury/outbound_payments": {createdParameter},
}

// laterDiscounts are the components that have got a list of discounts, which is like that of invoice items.
var laterDiscounts = []string{"subscription", "subscription_item"}

// addLater adds to the components what is newer than the document.
func (doc *document) addLater() {
	for _, name := range laterDiscounts {
		s := doc.components[name]
		if s.Properties["discounts"] == nil {
			s.Properties["discounts"] = doc.components["invoiceitem"].Properties["discounts"]
			s.ExpandableFields = append(s.ExpandableFields, "discounts")
		}
	}
}

// createdParameter is the filter that most lists have.
var createdParameter = parameter{Name: "created", Schema: &schema{AnyOf: []*schema{
	{Type: "integer"},
	{Type: "object", Properties: map[string]*schema{"gt": {Type: "integer"}, "gte": {Type: "integer"}, "lt": {Type: "integer"}, "lte": {Type: "integer"}}},
}}}

// laterList is a list whose objects the fake knows nothing about: it is empty.
type laterList struct {
	path, component string
	parameters      []parameter
}

var laterLists = []laterList{
	{"entitlements/active_entitlements", "entitlements.active_entitlement", []parameter{{Name: "customer", Required: true, Schema: &schema{Type: "string"}}}},
	{"entitlements/features", "entitlements.feature", nil},
	{"forwarding/requests", "forwarding.request", []parameter{createdParameter}},
	{"issuing/personalization_designs", "issuing.personalization_design", []parameter{{Name: "status", Schema: &schema{Type: "string"}}}},
	{"issuing/physical_bundles", "issuing.physical_bundle", []parameter{
		{Name: "status", Schema: &schema{Type: "string"}}, {Name: "type", Schema: &schema{Type: "string"}}}},
	{"tax_ids", "tax_id", nil},
}

// paging are the parameters of every list.
var paging = []parameter{
	{Name: "ending_before", Schema: &schema{Type: "string"}},
	{Name: "limit", Schema: &schema{Type: "integer"}},
	{Name: "starting_after", Schema: &schema{Type: "string"}},
}

// listLater answers such a list.
func (s *Server) listLater(l laterList, query url.Values) ([]byte, *apiError) {
	p, err := readAllowed(append(l.parameters[:len(l.parameters):len(l.parameters)], paging...), query)
	if err != nil {
		return nil, err
	}
	if _, err := p.limit(); err != nil {
		return nil, err
	}
	_, more, err := cutPage(nil, l.component, p, 1)
	if err != nil {
		return nil, err
	}
	return listBody(nil, more, "/v1/"+l.path), nil
}
