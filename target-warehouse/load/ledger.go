package load

import "encoding/json"

// ledger decides which state may leave. Every RECORD has an ordinal, counted from 1 over all streams; a STATE is queued
// with the ordinal of the record before it. The newest queued state whose ordinal lies below the oldest record that is not yet
// durable is safe. A stream with nothing outstanding holds no state back.
//
// A ledger is pure bookkeeping, for one goroutine. States are kept and given back as the bytes they came in.
type ledger struct {
	oldest map[string]int64 // by stream: ordinal of its oldest record that is not durable
	queue  []queued         // states not yet emitted, in order of arrival
}

type queued struct {
	state   json.RawMessage
	ordinal int64
}

func newLedger() *ledger { return &ledger{oldest: map[string]int64{}} }

// record notes that records of the stream are outstanding, the first of them with this ordinal.
func (l *ledger) record(stream string, first int64) {
	if have, ok := l.oldest[stream]; !ok || first < have {
		l.oldest[stream] = first
	}
}

// push queues a state that promises everything up to and including the record with this ordinal.
func (l *ledger) push(state json.RawMessage, ordinal int64) {
	// Of several states at one place only the newest can ever be emitted.
	if n := len(l.queue); n > 0 && l.queue[n-1].ordinal == ordinal {
		l.queue[n-1].state = state
		return
	}
	l.queue = append(l.queue, queued{state, ordinal})
}

// waiting tells whether a state is queued.
func (l *ledger) waiting() bool { return len(l.queue) > 0 }

// safe returns the newest state that may leave once the outstanding records of the given streams are durable, or nil.
func (l *ledger) safe(flushed map[string]bool) json.RawMessage {
	if i := l.safeIndex(flushed); i >= 0 {
		return l.queue[i].state
	}
	return nil
}

// settle notes that all outstanding records of the streams are durable and that the state which safe gave for them has
// been emitted.
func (l *ledger) settle(flushed map[string]bool) {
	i := l.safeIndex(flushed)
	l.queue = append(l.queue[:0], l.queue[i+1:]...)
	for stream := range flushed {
		delete(l.oldest, stream)
	}
}

// safeIndex returns the index in queue of the newest safe state, or -1.
func (l *ledger) safeIndex(flushed map[string]bool) int {
	bound := int64(-1)
	for stream, ordinal := range l.oldest {
		if !flushed[stream] && (bound < 0 || ordinal < bound) {
			bound = ordinal
		}
	}
	newest := -1
	for i, q := range l.queue {
		if bound < 0 || q.ordinal < bound {
			newest = i
		}
	}
	return newest
}
