package stripefake

import (
	"net/http"
	"slices"
	"strings"
)

// Key is an API key that the fake accepts.
type Key struct {
	Secret string
	// Resources that a restricted key may read, as in the path (customers,
	// invoices, account ...). Nil lets it read everything.
	Resources []string
	// Revoked and Expired keys open nothing.
	Revoked, Expired bool
	// OwnAccountOnly keys cannot act for connected accounts.
	OwnAccountOnly bool
}

// authorize finds the key of a request and refuses what Stripe refuses before
// it looks at the path.
func (s *Server) authorize(r *http.Request) (Key, *apiError) {
	secret, ok := presented(r)
	if !ok {
		return Key{}, invalid(http.StatusUnauthorized, "", "", "You did not provide an API key. Send it as a Bearer token or as the basic auth user name.")
	}
	if strings.HasPrefix(secret, "pk_") {
		return Key{}, invalid(http.StatusUnauthorized, "secret_key_required", "", "This API call cannot be made with a publishable API key. Use a secret API key.")
	}
	i := slices.IndexFunc(s.options.Keys, func(k Key) bool { return k.Secret == secret })
	if i < 0 || s.options.Keys[i].Revoked {
		return Key{}, invalid(http.StatusUnauthorized, "", "", "Invalid API Key provided: %s", mask(secret))
	}
	key := s.options.Keys[i]
	if key.Expired {
		return Key{}, invalid(http.StatusUnauthorized, "api_key_expired", "", "Expired API Key provided: %s", mask(secret))
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && v != Version {
		return key, invalid(http.StatusBadRequest, "", "", "Invalid Stripe API version: %s. The fake speaks %s only.", v, Version)
	}
	if account := r.Header.Get("Stripe-Account"); !s.mayActFor(r) || s.target(r) != s && key.OwnAccountOnly {
		return key, invalid(http.StatusForbidden, "account_invalid", "",
			"The provided key '%s' does not have access to account '%s' (or that account does not exist).", mask(secret), account)
	}
	return key, nil
}

func presented(r *http.Request) (string, bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && token != "" {
		return token, true
	}
	user, _, ok := r.BasicAuth()
	return user, ok && user != ""
}

// permits refuses a resource that a restricted key may not read. The body
// names the permission that is missing.
func (s *Server) permits(key Key, resource, component, account string) *apiError {
	if key.Resources == nil || slices.Contains(key.Resources, resource) {
		return nil
	}
	return invalid(http.StatusForbidden, "", "",
		"The provided key '%s' does not have the required permissions for this endpoint on account '%s'. Having the 'rak_%s_read' permission would allow this request to continue.",
		mask(key.Secret), account, strings.ReplaceAll(component, ".", "_"))
}

// refusals are the words by which Stripe says that an account does not use a
// product, by the first part of the path. They differ from product to product.
var refusals = map[string]string{
	"climate":               "Unrecognized request URL (GET: /v1/%s). This API is not open to your account.",
	"financial_connections": "This API surface is not enabled for your account (%s).",
	"issuing":               "Your account is not set up to use Issuing (%s). Enable it in the Dashboard first.",
	"sigma":                 "%s isn't available in test mode.",
	"treasury":              "Unable to read %s. Have you onboarded to Treasury?",
}

// enabled refuses a resource of a product that the account does not use.
func (s *Server) enabled(e *endpoint) *apiError {
	if !slices.Contains(s.options.NotEnabled, e.resource) {
		return nil
	}
	words, ok := refusals[e.segments[0]]
	if !ok {
		words = "Your account is not set up to use %s. Enable it in the Dashboard first."
	}
	return invalid(http.StatusBadRequest, "", "", words, strings.Join(e.segments, "/"))
}

// mask hides a key as Stripe does: kind and mode, asterisks, the last four characters.
func mask(secret string) string {
	shown := 0
	for _, prefix := range []string{"sk_test_", "sk_live_", "rk_test_", "rk_live_"} {
		if strings.HasPrefix(secret, prefix) {
			shown = len(prefix)
		}
	}
	rest := secret[shown:]
	if len(rest) < 8 {
		return secret[:shown] + strings.Repeat("*", len(rest))
	}
	return secret[:shown] + strings.Repeat("*", len(rest)-4) + rest[len(rest)-4:]
}
