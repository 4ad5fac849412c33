package singer

import (
	"encoding/json"
	"time"
)

// Message is one line of a Singer stream. It is a closed family: *[Schema], *[Record], *[State], *[ActivateVersion]
// or *[Batch]. Messages of other types are skipped by the [Reader].
//
// https://hub.meltano.com/singer/spec
type Message interface{ message() }

// Schema announces the shape of a stream's records. It stands before the first of them and may be repeated or changed
// at any time; it then speaks of the records behind it.
type Schema struct {
	Stream string
	// Schema is the JSON Schema of a record, as it was written.
	Schema json.RawMessage
	// KeyProperties are the names of the properties that identify a record; empty for a stream without a key.
	KeyProperties []string
	// BookmarkProperties are the names of the replication key's properties, or nil.
	BookmarkProperties []string
}

// Record is one row of a stream.
type Record struct {
	Stream string
	// Record is the row's JSON object as it was written: digits, escapes and the order of keys are untouched.
	Record json.RawMessage
	// TimeExtracted is when the tap read the row from its source; zero when the tap did not say.
	TimeExtracted time.Time
	// Version is the table version the row belongs to (see [ActivateVersion]); valid only if HasVersion.
	Version    int64
	HasVersion bool
}

// State is the tap's promise about everything before it in the stream: once all of that is durable, a run that starts
// from Value misses nothing.
type State struct {
	// Value is opaque to everyone but the tap that wrote it, and leaves a target byte for byte as it came.
	Value json.RawMessage
}

// ActivateVersion declares that rows of the stream whose version is lower than Version are gone from the source.
//
// https://sdk.meltano.com/en/latest/capabilities/target/activate-version.html
type ActivateVersion struct {
	Stream  string
	Version int64
}

// Batch hands over rows in files instead of lines.
//
// https://sdk.meltano.com/en/latest/batch.html
type Batch struct {
	Stream string
	// Format and Compression are the encoding's names, such as "jsonl" and "gzip"; Compression may be "".
	Format, Compression string
	// Manifest lists the URIs of the files.
	Manifest   []string
	Version    int64
	HasVersion bool
}

func (*Schema) message()          {}
func (*Record) message()          {}
func (*State) message()           {}
func (*ActivateVersion) message() {}
func (*Batch) message()           {}
