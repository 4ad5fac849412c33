package main

import (
	"fmt"
	"strings"
	"time"

	"tapline/singer"
)

// settings are the tap's settings, as schemas/config/tap-stripe.json describes them.
type settings struct {
	APIKey         singer.Secret `json:"api_key"`
	ClientSecret   singer.Secret `json:"client_secret"` // the name singer-io's tap gives to the key
	AccountID      string        `json:"account_id"`
	Accounts       []string      `json:"accounts"`
	StartDate      string        `json:"start_date"`
	BaseURL        string        `json:"base_url"`
	RequestRate    float64       `json:"request_rate"`            // requests a second
	Lookback       int64         `json:"lookback_seconds"`        // seconds
	Lag            int64         `json:"lag_seconds"`             // seconds
	Overlap        int64         `json:"overlap_seconds"`         // seconds
	Recheck        int64         `json:"recheck_seconds"`         // seconds
	Hydrate        string        `json:"hydrate"`                 // always or auto
	SkipForbidden  bool          `json:"skip_forbidden"`          // what the key may not read is no failure
	ReconcileDays  *int64        `json:"reconcile_days"`          // nil: as each stream says
	PageSize       int           `json:"page_size"`               // objects
	MaxRetries     int           `json:"max_retries"`             // per request
	RequestTimeout int64         `json:"request_timeout_seconds"` // seconds

	start  int64 // StartDate in Unix seconds; 0 without one
	window int   // events that are held at once
}

// Requests a second by default: a share of what Stripe grants an account, because its own business spends from the
// same. In test mode, where no customer waits, the share is larger.
const (
	liveRate = accountRate * 0.5
	testRate = testModeRate * 0.6
)

// readSettings takes the settings over and completes them.
func readSettings(config *singer.Config) (*settings, error) {
	s := settings{window: windowEvents}
	if err := config.Decode(&s); err != nil {
		return nil, err
	}
	if s.APIKey == "" {
		s.APIKey = s.ClientSecret
	}
	var faults []string
	if s.APIKey == "" {
		faults = append(faults, "api_key is missing; set it to a secret or restricted key from https://dashboard.stripe.com/apikeys, "+
			"or set TAP_STRIPE_API_KEY and pass --config ENV.")
	}
	if strings.HasPrefix(s.APIKey.Reveal(), "pk_") {
		faults = append(faults, "api_key is a publishable key (pk_...), which reads nothing; use a secret key (sk_...) or a restricted one (rk_...).")
	}
	if strings.ContainsFunc(s.APIKey.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, "api_key holds a space, a line end or another character that no key has; look at its beginning and end.")
	}
	if s.StartDate != "" {
		start, err := parseInstant(s.StartDate)
		if err != nil {
			faults = append(faults, fmt.Sprintf("start_date %v; write it like 2024-01-31 or 2024-01-31T00:00:00Z.", err))
		}
		s.start = max(start, 0)
	}
	if faults != nil {
		return nil, &singer.ConfigError{Source: "the config", Faults: faults}
	}
	if s.RequestRate == 0 {
		s.RequestRate = liveRate
		if s.testMode() {
			s.RequestRate = testRate
		}
	}
	return &s, nil
}

// testMode tells by the key's prefix (sk_test_, rk_test_) whether it reads test data.
func (s *settings) testMode() bool { return strings.Contains(s.APIKey.Reveal(), "_test_") }

// granted is how many requests a second Stripe takes from an account of this mode.
func (s *settings) granted() float64 {
	if s.testMode() {
		return testModeRate
	}
	return accountRate
}

// parseInstant reads a date, meaning midnight UTC, or an RFC 3339 time, as Unix seconds.
func parseInstant(text string) (int64, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is not a date or time", text)
}
