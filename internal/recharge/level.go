package recharge

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What Recharge grants a token: room for so many requests, which leaks at so many per second.
// https://docs.getrecharge.com/docs/api-rate-limits
const (
	usualSize = 40
	usualLeak = 2
)

var factorsInToken = regexp.MustCompile(`^sk_([1-9][0-9]?)x([1-9][0-9]?)_`)

// factors reads from a token such as sk_2x1_... how much faster than usual its bucket leaks and how much larger it is.
// It is a first guess: answers tell more.
//
// https://changelog.getrecharge.com/configurable-rate-limits-for-recharge-api-tokens-4yeMp2
func factors(token string) (leak, size float64) {
	found := factorsInToken.FindStringSubmatch(token)
	if found == nil {
		return 1, 1
	}
	leak, _ = strconv.ParseFloat(found[1], 64)
	size, _ = strconv.ParseFloat(found[2], 64)
	return leak, size
}

// A gauge is a level that falls with time, down to zero.
type gauge struct {
	level float64
	at    time.Time
}

func (g *gauge) settle(now time.Time, leak float64) {
	g.level = max(0, g.level-leak*now.Sub(g.at).Seconds())
	g.at = now
}

// A level is what an answer told about the bucket.
type level struct {
	known      bool
	used, size float64
	full       bool          // the bucket did not take the request: status 429
	wait       time.Duration // that the server asked for then
}

// levelOf reads the level from an answer, which may be nil.
func levelOf(a *answer, err error) level {
	if a == nil {
		return level{}
	}
	l := level{full: a.status == http.StatusTooManyRequests, wait: retryAfter(err)}
	used, size, _ := strings.Cut(a.header.Get("X-Recharge-Limit"), "/")
	var errUsed, errSize error
	l.used, errUsed = strconv.ParseFloat(strings.TrimSpace(used), 64)
	l.size, errSize = strconv.ParseFloat(strings.TrimSpace(size), 64)
	l.known = errUsed == nil && errSize == nil && l.used >= 0 && l.size >= 1 && l.size < 1e9
	return l
}
