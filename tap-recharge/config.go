package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline/singer"
)

// settings are the tap's settings, as schemas/config/tap-recharge.json describes them.
type settings struct {
	Token         singer.Secret     `json:"access_token"`
	StartDate     string            `json:"start_date"`
	StartDates    map[string]string `json:"start_dates"` // by stream
	Select        []string          `json:"select"`
	Scope         string            `json:"scope"`
	PaymentTokens string            `json:"payment_tokens"`
	ChangedOnly   bool              `json:"changed_only"`
	Lag           int64             `json:"lag_minutes"`
	Lookback      int64             `json:"lookback_minutes"`
	APIVersion    string            `json:"api_version"`
	BaseURL       string            `json:"base_url"`
	Share         float64           `json:"request_share"`
	PageSize      int               `json:"page_size"`               // records
	MaxRetries    int               `json:"max_retries"`             // per request
	Timeout       int64             `json:"request_timeout_seconds"` // of one request

	starts map[string]startDate // StartDates, and StartDate under ""
}

// Values of the settings scope and payment_tokens.
const (
	scopeSubscribed = "subscribed_only"
	tokensOmit      = "omit"
	tokensKeep      = "keep"
)

// decodeSettings takes the settings over without asking for a token.
func decodeSettings(config *singer.Config) (*settings, error) {
	var s settings
	if err := config.Decode(&s); err != nil {
		return nil, err
	}
	return &s, nil
}

// readSettings takes the settings over and refuses those that nothing can be read with.
func readSettings(config *singer.Config) (*settings, error) {
	s, err := decodeSettings(config)
	if err != nil {
		return nil, err
	}
	var faults []string
	if s.Token == "" {
		faults = append(faults, "access_token is missing; make an API token in Recharge's merchant portal (Tools & apps, API tokens) and set it, "+
			"or set TAP_RECHARGE_ACCESS_TOKEN and pass --config ENV.")
	}
	if strings.ContainsFunc(s.Token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, "access_token holds a space, a line end or another character that no token has; look at its beginning and end.")
	}
	faults = append(faults, s.readStarts()...)
	if faults != nil {
		return nil, &singer.ConfigError{Source: "the config", Faults: faults}
	}
	return s, nil
}

// readStarts parses the start dates and returns what is wrong with them.
func (s *settings) readStarts() (faults []string) {
	s.starts = map[string]startDate{}
	read := func(stream, setting, text string) {
		start, err := parseStart(text)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s %v; write it like 2024-01-31, 2024-01-31T00:00:00Z or 90d.", setting, err))
		}
		s.starts[stream] = start
	}
	if s.StartDate != "" {
		read("", "start_date", s.StartDate)
	}
	for name, text := range s.StartDates {
		if st := findStream(name); st == nil || st.replicationKey == "" {
			faults = append(faults, fmt.Sprintf("start_dates names %q, which is no incremental stream; see --discover for the streams.", name))
		}
		read(name, "start_dates."+name, text)
	}
	slices.Sort(faults)
	return faults
}

// start returns where a stream without a bookmark begins, by the server's clock; the zero time: at its beginning.
func (s *settings) start(stream string, now time.Time) time.Time {
	for _, name := range []string{stream, ""} {
		if start, ok := s.starts[name]; ok {
			return start.resolve(now)
		}
	}
	return time.Time{}
}

// refuseFutureStarts refuses start dates that the server's clock has not reached.
func (s *settings) refuseFutureStarts(now time.Time) error {
	var faults []string
	for name, start := range s.starts {
		if !start.resolve(now).After(now) {
			continue
		}
		setting := "start_date"
		if name != "" {
			setting = "start_dates." + name
		}
		faults = append(faults, fmt.Sprintf("%s, %s, lies in the future; Recharge's clock says %s.",
			setting, formatTime(start.at), formatTime(now)))
	}
	if faults == nil {
		return nil
	}
	slices.Sort(faults)
	return &singer.ConfigError{Source: "the config", Faults: faults}
}
