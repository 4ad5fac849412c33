package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Bursts decide how far the clock moves between changes: 0 to 2 seconds, and not at all inside a burst of up to 30.
type Bursts struct{ left int }

// Next is the number of seconds before the next change.
func (b *Bursts) Next(r *rand.Rand) int64 {
	if b.left > 0 {
		b.left--
		return 0
	}
	if r.IntN(40) == 0 {
		b.left = r.IntN(30)
	}
	return r.Int64N(3)
}

// Steps calls step n times and returns what was done, also when one fails.
func Steps[C any](n int, step func() (C, error)) ([]C, error) {
	var done []C
	for range n {
		c, err := step()
		if err != nil {
			return done, fmt.Errorf("change %d of %d: %w", len(done)+1, n, err)
		}
		done = append(done, c)
	}
	return done, nil
}

// Pick draws one of a list, each as often as its weight says. Without any weight ok is false and nothing is drawn.
func Pick[T any](r *rand.Rand, list []T, weight func(T) int) (one T, ok bool) {
	total := 0
	for _, t := range list {
		total += weight(t)
	}
	if total == 0 {
		return one, false
	}
	left := r.IntN(total)
	for _, t := range list {
		if left -= weight(t); left < 0 {
			return t, true
		}
	}
	panic("unreachable: the weights add up to total")
}

// Run calls step so many times a second, in real time, until ctx ends; fewer times when the machine is slower. It
// returns how often it did, and an error when one failed.
func Run(ctx context.Context, rate float64, step func() error) (int, error) {
	if rate <= 0 {
		return 0, fmt.Errorf("a rate of %v changes a second: want more than 0", rate)
	}
	tick := time.NewTicker(max(1, time.Duration(float64(time.Second)/rate)))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return n, nil
		case <-tick.C:
			if err := step(); err != nil {
				return n, err
			}
		}
	}
}
