package main

import (
	"context"

	"golang.org/x/time/rate"
)

// A limiter spreads the requests of all streams evenly over time. The budget is one per key, because Stripe counts by
// account, and the account's own business spends from it too.
type limiter struct{ account *rate.Limiter }

func newLimiter(perSecond float64) *limiter {
	return &limiter{account: rate.NewLimiter(rate.Limit(perSecond), 1)}
}

// wait returns when the next request may be made, or with ctx's failure.
func (l *limiter) wait(ctx context.Context) error { return l.account.Wait(ctx) }
