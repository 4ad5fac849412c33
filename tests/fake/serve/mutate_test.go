package serve

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPickDrawsByWeight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	weights := map[string]int{"rare": 1, "never": 0, "often": 9}
	drawn := map[string]int{}
	for range 5000 {
		one, ok := Pick(r, []string{"rare", "never", "often"}, func(s string) int { return weights[s] })
		if !ok {
			t.Fatal("nothing was drawn")
		}
		drawn[one]++
	}
	if drawn["never"] != 0 || drawn["rare"] < 400 || drawn["rare"] > 600 {
		t.Errorf("drawn %v", drawn)
	}
	if one, ok := Pick(r, []string{"never"}, func(string) int { return 0 }); ok {
		t.Errorf("%q was drawn without any weight", one)
	}
}

func TestBurstsStandStillForUpTo30Changes(t *testing.T) {
	r, b := rand.New(rand.NewPCG(3, 4)), Bursts{}
	longest, still, total := 0, 0, int64(0)
	for range 10_000 {
		seconds := b.Next(r)
		total += seconds
		if still++; seconds > 0 {
			still = 0
		}
		longest = max(longest, still)
	}
	if longest < 20 || longest > 60 || total < 5_000 || total > 10_000 {
		t.Errorf("at most %d changes in one second, %d seconds in all", longest, total)
	}
}

func TestStepsSayWhichFailed(t *testing.T) {
	n := 0
	done, err := Steps(5, func() (int, error) {
		if n++; n == 3 {
			return 0, errors.New("full")
		}
		return n, nil
	})
	if len(done) != 2 || err == nil || !strings.Contains(err.Error(), "change 3 of 5: full") {
		t.Errorf("done %v, %v", done, err)
	}
}

func TestRunGoesOnUntilItIsToldToStopOrFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Millisecond+time.Microsecond)
		defer stop()
		if n, err := Run(ctx, 1000, func() error { return nil }); err != nil || n != 30 {
			t.Errorf("%d steps, %v", n, err)
		}
	})
	failed := errors.New("full")
	if n, err := Run(t.Context(), 1000, func() error { return failed }); n != 0 || !errors.Is(err, failed) {
		t.Errorf("%d steps, %v", n, err)
	}
	if _, err := Run(t.Context(), 0, nil); err == nil {
		t.Error("a rate of nothing was accepted")
	}
}
