// Command tap-stripe reads the objects of a Stripe account and writes them to stdout as Singer messages.
//
// A record is the object as Stripe's API 2023-10-16 sends it, byte for byte, with two exceptions: fields that are not
// selected are left out, and Unix times that the schema knows become RFC 3339 text. Fields unknown to the schema pass.
//
// streams.go lists what can be read. sync.go reads the selected streams side by side; each one in slices of creation
// time (backfill.go) from the newest to the oldest page (walk.go), and writes a state behind every page. page.go and
// retry.go ask Stripe for one page and cope with what may go wrong with it, under one rate limit (limit.go).
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

func main() { os.Exit(tap().Main()) }
