package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// play runs a script of steps against a ledger and returns the states in the order they left. "a" is a record of stream
// a, "1" is the state 1, "!a" makes stream a durable (and "!none" none), "!" makes all.
func play(script string) []string { return playIn(&ledger{}, script) }

func playIn(l *ledger, script string) (out []string) {
	outstanding, ordinal := map[string]int64{}, int64(0)
	for _, step := range strings.Fields(script) {
		switch {
		case step[0] == '!':
			if step == "!" {
				clear(outstanding)
			}
			delete(outstanding, step[1:])
			if state := l.safe(oldestOf(outstanding)); state != nil {
				out = append(out, string(state))
			}
			l.settle(oldestOf(outstanding))
		case step[0] >= '0' && step[0] <= '9':
			l.push([]byte(step), ordinal)
		default:
			ordinal++
			if outstanding[step] == 0 {
				outstanding[step] = ordinal
			}
		}
	}
	return out
}

// oldestOf returns the least ordinal of the streams' first outstanding records.
func oldestOf(outstanding map[string]int64) int64 {
	oldest := int64(math.MaxInt64)
	for _, ordinal := range outstanding {
		oldest = min(oldest, ordinal)
	}
	return oldest
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
		var script []string
		var streams []string // of the records, by ordinal from 1
		for range 40 {
			stream := string(rune('a' + rnd.IntN(4)))
			switch rnd.IntN(4) {
			case 0:
				script = append(script, fmt.Sprint(len(streams))) // a state named by the records it covers
			case 1:
				script = append(script, "!"+stream)
			default:
				script = append(script, stream)
				streams = append(streams, stream)
			}
			checkStates(t, seed, script)
		}
		script = append(script, fmt.Sprint(len(streams)), "!")
		if out := play(strings.Join(script, " ")); len(out) == 0 || out[len(out)-1] != fmt.Sprint(len(streams)) {
			t.Fatalf("seed %d: with everything durable the states of %v are %v", seed, script, out)
		}
	}
}

// checkStates fails the test when the last state that leaves in a script covers a record that is not durable.
func checkStates(t *testing.T, seed uint64, script []string) {
	t.Helper()
	durable := map[string]int{} // by stream: records before its last !
	var streams []string
	for _, step := range script {
		if step[0] == '!' {
			durable[step[1:]] = len(streams)
		} else if step[0] > '9' {
			streams = append(streams, step)
		}
	}
	out := play(strings.Join(script, " "))
	if len(out) == 0 {
		return
	}
	covers, err := strconv.Atoi(out[len(out)-1])
	if err != nil {
		t.Fatal(err)
	}
	for i, stream := range streams[:covers] {
		if durable[stream] <= i {
			t.Fatalf("seed %d: state %d left in %v before record %d of stream %s was durable", seed, covers, script, i+1, stream)
		}
	}
}

// TestLedgerKeepsNoMoreThanItMay plays random scripts in a ledger with little room: it emits no state that one with room
// for all would not, and the newest in the end.
func TestLedgerKeepsNoMoreThanItMay(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var script []string
		for n := range 60 {
			stream := string(rune('a' + rnd.IntN(3)))
			script = append(script, stream, fmt.Sprint(100+n))
			if rnd.IntN(5) == 0 {
				script = append(script, "!"+stream)
			}
		}
		script = append(script, "!")
		roomy, l := play(strings.Join(script, " ")), &ledger{most: 12}
		for at := range script {
			last := playIn(&ledger{most: 12}, strings.Join(script[:at+1], " "))
			most := play(strings.Join(script[:at+1], " "))
			if len(last) > 0 && (len(most) == 0 || last[len(last)-1] > most[len(most)-1]) {
				t.Fatalf("seed %d: with little room %v left in %v, with enough %v", seed, last, script[:at+1], most)
			}
		}
		got := playIn(l, strings.Join(script[:len(script)-1], " "))
		if l.size > 12 || l.size != 3*int64(len(l.queue)) || len(got) > len(roomy) {
			t.Fatalf("seed %d: %d bytes in %d states", seed, l.size, len(l.queue))
		}
		if got := playIn(&ledger{most: 12}, strings.Join(script, " ")); got[len(got)-1] != "159" {
			t.Fatalf("seed %d: the last state is %s", seed, got[len(got)-1])
		}
	}
}
