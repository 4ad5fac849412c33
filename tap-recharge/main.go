// Command tap-recharge reads the records of a Recharge store and writes them to stdout as Singer messages.
//
// A record is the object as Recharge's API 2021-11 sends it, byte for byte, with these exceptions: fields that are not
// selected are left out, times without an offset get one, values whose type drifts get the type that the schema
// declares, statuses are in lower case, and processors' payment tokens are masked. Fields unknown to the schema pass.
//
// streams.go lists what can be read. sync.go reads the selected streams side by side through one client, which keeps
// to Recharge's rate limit. A stream with a replication key is read in a window of time (window.go) from the oldest
// change to the newest (incremental.go), every other stream whole, in a pass with a version (pass.go). A state follows
// every page. list.go turns the pages of one list.
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
		Name:        "tap-recharge",
		Version:     version,
		Description: "Reads the records of a Recharge store.",
		Config:      schemas.Config("tap-recharge"),
		Discover:    discover,
		Sync:        syncStreams,
		Check:       check,
	}
}

func main() { os.Exit(tap().Main()) }
