package recharge

import (
	"errors"
	"net/http"
)

// Explain words a failure of a request for the person who runs the program: what failed, where, why, and what to do.
// It is one sentence without a full stop. Failures that this package does not know come back as they are.
func Explain(err error) string {
	if advice := advise(err); advice != "" {
		return err.Error() + "; " + advice
	}
	return err.Error()
}

// advise tells what to do about a failure, "" if nothing is known.
func advise(err error) string {
	if refused, ok := errors.AsType[*Error](err); ok {
		if advice := adviseRefused(refused); advice != "" {
			return advice
		}
	}
	switch {
	case Timeout(err):
		return "ask for smaller pages or allow more time for a request"
	case errors.Is(err, errRedirect):
		return "check the base URL"
	case errors.Is(err, ErrUnavailable):
		return "try again later"
	}
	return ""
}

func adviseRefused(refused *Error) string {
	switch {
	case refused.Credentials():
		return "the access token is wrong, expired or revoked: give a current one"
	case refused.Forbidden():
		return "the access token lacks a scope, or the store's plan lacks this feature: " +
			"grant the scope in Recharge under Apps, API tokens, or leave this out"
	case refused.BadCursor():
		return "the list must be read from its beginning again"
	case refused.NotFound():
		return "check the base URL, or whether it has been deleted"
	}
	switch refused.Status {
	case http.StatusTooManyRequests:
		return "other programs use up the rate limit of this token: pause them, give this one a token of its own, or try again later"
	case http.StatusConflict:
		return "another program keeps changing the same address: try again later"
	case http.StatusUpgradeRequired:
		return "Recharge does not know this version of its API: ask for 2021-11"
	}
	return ""
}
