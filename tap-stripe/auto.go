package main

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// final are the states in which an object of a kind has come to its end, so that Stripe itself changes nothing in it.
var final = map[string][]string{
	"charge":         {"failed"},
	"payment_intent": {"canceled"},
	"setup_intent":   {"canceled"},
	"payout":         {"failed", "canceled"},
	"refund":         {"failed", "canceled"},
	"topup":          {"failed", "canceled", "reversed"},
}

var moreFollows = regexp.MustCompile(`"has_more"\s*:\s*true`)

// takeShown writes the objects that need not be read because their events show them whole and final, if the settings
// allow that. It returns the others.
func (f *follower) takeShown(ctx context.Context, w *changes, j *job, list []*change) ([]*change, error) {
	if f.settings.Hydrate != "auto" || len(j.stream.expand) > 0 || len(f.children[j]) > 0 {
		return list, nil
	}
	var objects []found
	var taken []*change
	rest := slices.DeleteFunc(slices.Clone(list), func(c *change) bool {
		if c.shown == nil || c.shownAt != c.newest || !c.alone || c.deleted > 0 || c.version != stripe.APIVersion ||
			moreFollows.Match(c.shown) || !slices.Contains(final[j.stream.object], textOf(member(c.shown, "status"))) {
			return false
		}
		objects, taken = append(objects, c.found(c.shown, time.Unix(c.newest, 0).UTC())), append(taken, c)
		return true
	})
	return rest, f.writeFound(ctx, w, j, objects, taken)
}
