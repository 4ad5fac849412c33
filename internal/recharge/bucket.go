package recharge

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// ordinaryFill and urgentFill are how full, as parts of its size, requests of either class may make the bucket. Half
	// is left free because other programs spend from it in bursts, and some of them stop at 0.6. Once the bucket has
	// overflowed nevertheless, ordinary requests keep to waryFill, which is just enough for the leak never to run dry.
	ordinaryFill = 0.5
	waryFill     = 0.15
	urgentFill   = 0.9
	// trust is how long what an answer told of the level is good for. After that others may have filled the bucket, so
	// that one request goes ahead alone to see.
	trust = 10 * time.Second
	// leastClosed and mostClosed bound how long a 429 closes the bucket, unless the server says how long.
	leastClosed = 2 * time.Second
	mostClosed  = 32 * time.Second
	// instant is the least time that waiting for the bucket takes.
	instant = time.Millisecond
)

// A Budget is how much a client may ask for.
type Budget struct {
	Leak  float64 // requests per second that leave the bucket: what all programs together can make in the long run
	Rate  float64 // requests per second of this client in the long run, while others are quiet
	Size  float64 // requests that fit into the bucket
	Level float64 // requests that are in the bucket, as far as is known
}

// A bucket models the leaky bucket that Recharge keeps for a token. The server's own is full of what all programs have
// asked for; each answer tells its level.
type bucket struct {
	turns [2]chan struct{} // held by the one request of a class that is next; the others queue up for it
	usual Budget           // what the token lets expect

	mu       sync.Mutex
	changed  chan struct{} // closed when an answer has come
	size     float64
	leak     float64
	share    float64
	pace     float64   // part of the share that is used; below 1 after a 429 that came without a level
	fill     float64   // how full ordinary requests may make the bucket
	server   gauge     // the server's bucket
	own      gauge     // what a bucket would hold that leaks only at this program's rate, and takes only its requests
	sent     uint64    // number of the newest request
	seen     uint64    // number of the newest request whose answer has told the level
	seenAt   time.Time // when that was
	inFlight int
	closed   time.Time // when the bucket takes requests again, after a 429
	refused  int       // how often in a row it took none
	blamed   uint64    // the newest request when it last took none
}

// A ticket is the leave to make one request.
type ticket struct {
	number uint64
	sent   time.Time
}

func newBucket(token string, share float64) *bucket {
	leak, size := factors(token)
	usual := Budget{Leak: usualLeak * leak, Size: usualSize * size}
	b := &bucket{
		usual:   usual,
		changed: make(chan struct{}),
		size:    usual.Size,
		leak:    usual.Leak,
		share:   min(max(share, 0.01), 1),
		pace:    1,
		fill:    ordinaryFill,
	}
	for i := range b.turns {
		b.turns[i] = make(chan struct{}, 1)
	}
	return b
}

// take waits until one more request may be made. Requests of one class go in the order they came. Each ticket must be
// handed to report.
func (b *bucket) take(ctx context.Context, urgent bool) (ticket, error) {
	turn := b.turns[0]
	if urgent {
		turn = b.turns[1]
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ticket{}, ctx.Err()
	}
	for {
		t, wait, changed := b.try(urgent)
		if wait == 0 {
			return t, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return ticket{}, ctx.Err()
		}
		timer.Stop()
	}
}

// try takes a ticket, or tells how long to wait before trying again, and what may make that shorter.
func (b *bucket) try(urgent bool) (t ticket, wait time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.settle(now)
	if wait := b.delay(now, urgent); wait > 0 {
		return ticket{}, wait, b.changed
	}
	b.sent++
	b.inFlight++
	b.server.level++
	b.own.level++
	return ticket{number: b.sent, sent: now}, 0, nil
}

// delay is the heart of it: how long one more request would be too early, 0 if it would not.
func (b *bucket) delay(now time.Time, urgent bool) time.Duration {
	if wait := b.closed.Sub(now); wait > 0 {
		return max(wait, instant)
	}
	if b.inFlight > 0 && now.Sub(b.seenAt) > trust {
		return math.MaxInt64 // until the one that is on its way has seen
	}
	fill := b.fill
	if urgent {
		fill = urgentFill
	}
	room := max(1, fill*b.size)
	late := excess(b.server.level, room, b.leak)
	if !urgent {
		late = max(late, excess(b.own.level, room, b.rate()))
	}
	return late
}

// excess is how long a level must fall until one more request fits into room.
func excess(level, room, leak float64) time.Duration {
	const rounding = 1e-9
	if over := level + 1 - room; over > rounding {
		return max(instant, time.Duration(over/leak*float64(time.Second)))
	}
	return 0
}

func (b *bucket) rate() float64 { return b.leak * b.share * b.pace }

func (b *bucket) settle(now time.Time) {
	b.server.settle(now, b.leak)
	b.own.settle(now, b.rate())
}

// report tells what came of a request.
func (b *bucket) report(t ticket, l level) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.settle(now)
	b.inFlight--
	switch {
	case l.full:
		b.shut(now, t, l)
	case l.known && t.number > b.seen:
		b.refused = 0
		b.learn(now, t, l)
	case !l.known:
		b.guess(now)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// learn takes over the level that the server told. Until the next request arrives there, those sent after the one that
// was answered arrive too, and the bucket leaks for as long as this one was under way.
func (b *bucket) learn(now time.Time, t ticket, l level) {
	b.resize(l.size)
	b.pace = 1
	b.server.level = max(0, l.used+float64(b.sent-t.number)-b.leak*now.Sub(t.sent).Seconds())
	b.seen, b.seenAt = t.number, now
}

// resize notes the size that the server told. A bucket that is larger than the token lets expect is taken to leak
// faster, in proportion; should it not, its level will show it.
func (b *bucket) resize(size float64) {
	b.size = size
	b.leak = b.usual.Leak * max(1, size/b.usual.Size)
}

// guess makes do with an answer that did not tell the level.
func (b *bucket) guess(now time.Time) {
	if b.seen == 0 { // this server may never tell
		b.seenAt = now
	}
	b.refused = 0
	b.pace = min(1, b.pace+0.001)
}

// shut closes the bucket for a while.
func (b *bucket) shut(now time.Time, t ticket, l level) {
	b.seenAt = time.Time{}
	b.server.level = b.size
	if l.known { // and perhaps not full: something else may stand before the bucket
		b.resize(l.size)
		b.server.level = l.used
	}
	if t.number <= b.blamed {
		return // it was under way when another one was refused
	}
	b.blamed = b.sent
	b.refused++
	wait := min(leastClosed<<min(b.refused-1, 8), mostClosed)
	if l.wait > 0 {
		wait = l.wait
	}
	if !l.known {
		b.pace *= 0.7
	}
	if b.seen > 0 && b.server.level > urgentFill*b.size { // the level was known: others filled the bucket in one go
		b.fill = waryFill
	}
	b.closed = now.Add(wait + rand.N(firstPause)) // other programs may have been told the same
}

// closedFor tells how long the bucket will take no requests.
func (b *bucket) closedFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, time.Until(b.closed))
}

func (b *bucket) budget() Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(time.Now())
	return Budget{Leak: b.leak, Rate: b.rate(), Size: b.size, Level: b.server.level}
}
