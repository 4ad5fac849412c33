package load

import "encoding/json"

// ledger decides which state may leave. Every RECORD has an ordinal, counted from 1 over all streams; a STATE is queued
// with the ordinal of the record before it. The newest queued state whose ordinal lies below the oldest record that is
// not yet durable is safe. So a stream with nothing outstanding holds no state back.
//
// A ledger is pure bookkeeping, for one goroutine. States are kept and given back as the bytes they came in.
type ledger struct {
	queue []queued // states not yet emitted, in order of arrival
}

type queued struct {
	state   json.RawMessage
	ordinal int64
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

// safe returns the newest state that may leave when oldest is the ordinal of the oldest record that is not durable,
// or nil.
func (l *ledger) safe(oldest int64) json.RawMessage {
	if n := l.covered(oldest); n > 0 {
		return l.queue[n-1].state
	}
	return nil
}

// settle drops the state that safe gives, which has been emitted, and those before it.
func (l *ledger) settle(oldest int64) {
	l.queue = append(l.queue[:0], l.queue[l.covered(oldest):]...)
}

// covered returns how many of the queued states lie before a record.
func (l *ledger) covered(oldest int64) int {
	n := 0
	for n < len(l.queue) && l.queue[n].ordinal < oldest {
		n++
	}
	return n
}
