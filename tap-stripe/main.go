// Command tap-stripe reads the objects of a Stripe account and writes them to stdout as Singer messages.
//
// A record is the object as Stripe's API 2023-10-16 sends it, byte for byte, with three exceptions: fields that are not
// selected are left out, Unix times that the schema knows become RFC 3339 text, and columns tell what is known of its
// version (record.go). Fields unknown to the schema pass.
//
// streams.go says what a stream is, streams_*.go list what can be read, and job.go and tree.go make the selected ones
// into trees of parents and children, for one account or several (accounts.go). sync.go runs them: first their lists
// (crew.go), in slices of creation time (backfill.go) from the newest to the oldest page (walk.go) or whole (full.go),
// with what belongs to each object (children.go), and a state behind every page; then what has changed (changes.go):
// events (events.go) are read in windows (feed.go), come to objects that are dirty (dirty.go), and these are read anew
// (hydrate.go) or were deleted (tombstone.go); what no event tells of is read again when it is due (sweep.go).
// page.go and retry.go ask Stripe for one page and cope with what may go wrong with it, under one budget (limit.go).
package main

import (
	"os"

	"tapline/schemas"
	"tapline/singer"
)

// version is set by the linker in releases; empty, the build's own record answers.
var version string

func tap() *singer.Tap {
	return &singer.Tap{
		Name:        "tap-stripe",
		Version:     version,
		Description: "Reads the objects of a Stripe account.",
		Config:      schemas.Config("tap-stripe"),
		Discover:    discover,
		Sync:        syncStreams,
		Check:       check,
	}
}

// How garbage is collected. To collect it less often than by default takes less processor time, and what is in use is a
// small part of the memory that this may come to.
const (
	garbagePercent = 400
	memoryLimit    = 120 << 20 // bytes in all; more only if they are in use
)

func main() {
	singer.BoundHeap(garbagePercent, memoryLimit)
	os.Exit(tap().Main())
}
