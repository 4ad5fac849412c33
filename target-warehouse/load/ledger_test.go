package load

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// play runs a script of steps against a ledger and returns the states in the order they left. "a" is a record of stream
// a, "1" is the state 1, "!a" makes stream a durable (and "!none" none), "!" makes all.
func play(script string) []string {
	l, ordinal, out := newLedger(), int64(0), []string(nil)
	for _, step := range strings.Fields(script) {
		switch {
		case step[0] == '!':
			flushed := map[string]bool{}
			for stream := range l.oldest {
				if step == "!" || step == "!"+stream {
					flushed[stream] = true
				}
			}
			if state := l.safe(flushed); state != nil {
				out = append(out, string(state))
			}
			l.settle(flushed)
		case step[0] >= '0' && step[0] <= '9':
			l.push([]byte(step), ordinal)
		default:
			ordinal++
			l.record(step, ordinal)
		}
	}
	return out
}

func TestLedger(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a state leaves with the records before it", "a 1 !", "1"},
		{"no state is invented", "a !", ""},
		{"a state without records leaves at once", "1 !", "1"},
		{"the newest safe state leaves, older ones are dropped", "a 1 a 2 a 3 !", "3"},
		{"a state behind pending records waits", "a b 1 !a !b", "1"},
		{"a state before pending records leaves", "a 1 b 2 !a !b", "1 2"},
		{"a stream with nothing outstanding holds nothing back", "parent !parent 1 !none child child 2 !child", "1 2"},
		{"records after the state do not hold it back", "a 1 a !a", "1"},
		{"a pending record of another stream before the state does", "b a 1 a 2 !a !b", "2"},
		{"a state leaves only once", "a 1 ! ! b !", "1"},
		{"of two states at one place the newer leaves", "a 1 2 !", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, strings.Join(play(c.script), " ")); diff != "" {
				t.Errorf("states of %q (-want +got):\n%s", c.script, diff)
			}
		})
	}
}

// TestLedgerNeverRunsAhead plays random scripts and checks each emitted state against the plain definition: all records
// before it are durable, and the last state leaves once everything is.
func TestLedgerNeverRunsAhead(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l, ordinal, last := newLedger(), int64(0), ""
		durable := map[int64]bool{}
		pending := map[string][]int64{}
		check := func(flushed map[string]bool) {
			for s := range flushed {
				for _, o := range pending[s] {
					durable[o] = true
				}
				delete(pending, s)
			}
			state := l.safe(flushed)
			l.settle(flushed)
			if state == nil {
				return
			}
			var covers int64
			fmt.Sscan(string(state), &covers)
			for o := int64(1); o <= covers; o++ {
				if !durable[o] {
					t.Fatalf("seed %d: state %s left before record %d was durable", seed, state, o)
				}
			}
			last = string(state)
		}
		pushed := ""
		for range 40 {
			stream := string(rune('a' + rnd.IntN(4)))
			switch rnd.IntN(4) {
			case 0:
				pushed = fmt.Sprint(ordinal)
				l.push([]byte(pushed), ordinal)
			case 1:
				check(map[string]bool{stream: true})
			default:
				ordinal++
				l.record(stream, ordinal)
				pending[stream] = append(pending[stream], ordinal)
			}
		}
		check(map[string]bool{"a": true, "b": true, "c": true, "d": true})
		if pushed != last || l.waiting() {
			t.Fatalf("seed %d: the last state is %q, the last that left %q", seed, pushed, last)
		}
	}
}
