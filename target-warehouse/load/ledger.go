package load

import (
	"encoding/json"
	"slices"
)

// ledger decides which state may leave. Every RECORD has an ordinal, counted from 1 over all streams; a STATE is queued
// with the ordinal of the record before it. The newest queued state whose ordinal lies below the oldest record that is
// not yet durable is safe. So a stream with nothing outstanding holds no state back.
//
// A ledger is pure bookkeeping, for one goroutine. States are kept and given back as the bytes they came in.
type ledger struct {
	queue []queued // states not yet emitted, in order of arrival
	size  int64    // bytes of them
	most  int64    // bytes that they may take, beside the newest; 0 for any number
}

type queued struct {
	state   json.RawMessage
	ordinal int64
}

// push queues a state that promises everything up to and including the record with this ordinal.
func (l *ledger) push(state json.RawMessage, ordinal int64) {
	// Of several states at one place only the newest can ever be emitted.
	if n := len(l.queue); n > 0 && l.queue[n-1].ordinal == ordinal {
		l.drop(n-1, n)
	}
	l.queue = append(l.queue, queued{state, ordinal})
	l.size += int64(len(state))
	for l.most > 0 && l.size > l.most && len(l.queue) > 1 {
		l.thin()
	}
}

// thin drops every other state. A state left out makes a later one speak for it: less may be emitted for a while, and
// never too much.
func (l *ledger) thin() {
	for i := len(l.queue) - 2; i >= 0; i -= 2 {
		l.size -= int64(len(l.queue[i].state))
		l.queue[i].state = nil
	}
	l.queue = slices.DeleteFunc(l.queue, func(q queued) bool { return q.state == nil })
}

// drop takes states out.
func (l *ledger) drop(from, to int) {
	for _, q := range l.queue[from:to] {
		l.size -= int64(len(q.state))
	}
	l.queue = slices.Delete(l.queue, from, to)
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
func (l *ledger) settle(oldest int64) { l.drop(0, l.covered(oldest)) }

// covered returns how many of the queued states lie before a record.
func (l *ledger) covered(oldest int64) int {
	n := 0
	for n < len(l.queue) && l.queue[n].ordinal < oldest {
		n++
	}
	return n
}
