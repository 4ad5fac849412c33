package rechargefake

import (
	"net/http"
	"slices"
	"strings"
)

// Token is an access token that the fake accepts.
type Token struct {
	Secret string
	// Scopes that it was granted (read_customers, store_info ...). Nil grants all.
	Scopes []string
	// Name as token_information shows it; empty means fake token.
	Name string
	// Revoked tokens open nothing.
	Revoked bool
}

// allScopes are those of a token whose Scopes are nil.
var allScopes = []string{
	"read_accounts", "read_batches", "read_bundle_products", "read_credit_accounts", "read_credit_adjustments", "read_credit_summary",
	"read_customers", "read_discounts", "read_events", "read_orders", "read_payment_methods", "read_payments", "read_products", "read_subscriptions",
	"store_info",
}

// storeScopes let a token read the store, under its two names.
var storeScopes = []string{"store_info", "read_store"}

func (t Token) scopes() []string {
	if t.Scopes == nil {
		return allScopes
	}
	return t.Scopes
}

// token finds the token of a request.
func (s *Server) token(r *http.Request) (Token, *apiError) {
	secret := r.Header.Get("X-Recharge-Access-Token")
	i := slices.IndexFunc(s.options.Tokens, func(t Token) bool { return t.Secret == secret && secret != "" })
	if i < 0 || s.options.Tokens[i].Revoked {
		return Token{}, refuse(http.StatusUnauthorized, "error", "bad authentication")
	}
	return s.options.Tokens[i], nil
}

// checkVersion refuses a request that does not name the version of the API that the fake speaks.
func checkVersion(r *http.Request) *apiError {
	if v := r.Header.Get("X-Recharge-Version"); v != Version {
		return refuse(http.StatusUpgradeRequired, "error", "Unknown API version: "+v+". Send X-Recharge-Version: "+Version)
	}
	return nil
}

// permits refuses what a token's scopes do not open, and what the store's plan does not hold. Without scopes, any that
// reads something will do.
func (s *Server) permits(t Token, resource string, scopes []string) *apiError {
	if slices.Contains(s.options.NotInPlan, resource) {
		return refuse(http.StatusForbidden, "errors", "Your plan does not include "+resource+".")
	}
	granted := t.scopes()
	open := slices.ContainsFunc(granted, func(scope string) bool {
		return slices.Contains(scopes, scope) || len(scopes) == 0 && strings.HasPrefix(scope, "read_")
	})
	if !open {
		return refuse(http.StatusForbidden, "errors", map[string]string{"scope": "Missing: " + strings.Join(scopes, " or ")})
	}
	return nil
}
