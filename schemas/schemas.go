// Package schemas holds the JSON Schemas the binaries are built with: the shape of every record a tap can emit, and the
// shape of every binary's config file. All of them are draft-07 and embedded, so a binary needs neither network nor
// installed files to know them.
//
// The files below stripe/ are generated from Stripe's own OpenAPI document of API version 2023-10-16; change the
// generator's tables in generate/ and run "go generate ./schemas", never the files themselves. The files below recharge/
// are generated in the same way, from the tables in recharge/generate/, because Recharge publishes no description of its
// API 2021-11 that a program could read. The files below config/ are written by hand.
//
// # What a schema of Stripe promises
//
//   - Every field the document knows is named, to any depth, and every object admits fields it does not name, because
//     Stripe adds fields without a new version.
//   - Everything but the key may be null. No enum, length or pattern restricts a value: Stripe adds values too.
//   - A property with the format "date-time" is a Unix time in whole seconds in Stripe's answer, and nothing else is.
//     A tap that reads the schema therefore knows which numbers to convert.
//   - An expandable field is the id of the other object, a string, as Stripe sends it when no expansion is asked for.
//   - Where Stripe's object does not say what it belongs to, the schema has a field with the parent's id that the tap adds,
//     such as "session" in the line items of a checkout session. Where nothing but a time tells records apart, it has that:
//     "extracted_at" in the account's balance, "period_start" in summaries of usage. A tap adds such a time in Unix seconds.
//   - Every record has columns that the tap adds: "updated" and "updated_by_event_type" say which event led to it, "deleted",
//     "deleted_at" and "_sdc_deleted_at" that its object is gone, "_sdc_source_fetched_at" when it was read, "account_id" whose
//     it is where that is known. A field of Stripe's of such a name stays, as "updated" in products.
//   - Where an object contains itself, the inner one is an open object without named properties. In open objects, among
//     them the snapshot that an event carries, nothing is converted: times stay the numbers they are.
//
// # What a schema of Recharge promises
//
//   - Every field that is known from documentation or practice is named, to any depth, and every object admits others.
//     What Recharge only sends when asked to include it is not named.
//   - Everything but the key may be null, and may be missing. No enum, length or pattern restricts a value.
//   - Every field has one type. Amounts of money are text such as "10.50", as Recharge sends them, and so is what comes as
//     text for one shop and as a number for another, such as rates of tax and the values of properties. A tap that reads
//     the schema therefore knows what to make of a value of another type. Only the old and new values in events are
//     of no type, because they are those of any field of any object.
//   - A property with the format "date-time" is a moment, one with the format "date" is a day. Recharge often leaves out
//     the offset from UTC, which is then zero.
//   - Two keywords are of our own and say in which form a text is emitted: "x-lowercase": true where Recharge writes the
//     same word now in capitals, now not, and "x-separator" where a list may stand instead of one text, for what then
//     separates the items.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:generate go run ./generate
//go:generate go run ./recharge/generate

//go:embed stripe/*.json recharge/*.json config/*.json
var files embed.FS

// Stream is what one generated file holds: a stream of a tap and the shape of its records.
type Stream struct {
	// Name is the stream's name in the catalog, for example "charges".
	Name string `json:"name"`

	// Object is what Stripe writes in the field "object" of such a record, for example "charge". Recharge has no such field.
	Object string `json:"object"`

	// Aliases are names that other taps give to such a stream. No stream has one of them for its name.
	Aliases []string `json:"aliases,omitempty"`

	// KeyProperties are the fields that identify a record, each a string or, with Recharge, an integer. They are the only
	// ones the schema requires.
	KeyProperties []string `json:"key_properties"`

	// ReplicationKey is the field by which the list can be read in slices of time, for example "created". It is empty
	// when the list takes no such filter.
	ReplicationKey string `json:"replication_key"`

	// Schema is the JSON Schema of a record as the tap emits it, compact. The bytes belong to the caller.
	Schema json.RawMessage `json:"schema"`
}

// StripeNames returns the names of all streams of Stripe API 2023-10-16, sorted. It parses nothing.
func StripeNames() []string { return names("stripe") }

// RechargeNames returns the names of all streams of Recharge API 2021-11, sorted. It parses nothing.
func RechargeNames() []string { return names("recharge") }

func names(source string) []string {
	// The folders and the pattern are embedded, so none can be missing or malformed.
	paths, _ := fs.Glob(files, source+"/*.json")
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(path.Base(p), ".json")
	}
	return names
}

// Stripe returns all streams of Stripe API 2023-10-16, sorted by name. It parses every embedded file on each call; a
// caller that needs one stream asks [StripeStream].
func Stripe() ([]Stream, error) {
	names := StripeNames()
	streams := make([]Stream, len(names))
	for i, name := range names {
		stream, err := StripeStream(name)
		if err != nil {
			return nil, err
		}
		streams[i] = stream
	}
	return streams, nil
}

// StripeStream returns one stream of Stripe API 2023-10-16, parsing its file alone. The error wraps [fs.ErrNotExist]
// when there is no stream of that name.
func StripeStream(name string) (Stream, error) { return read("stripe", name) }

// RechargeStream returns one stream of Recharge API 2021-11, parsing its file alone. The error wraps [fs.ErrNotExist]
// when there is no stream of that name.
func RechargeStream(name string) (Stream, error) { return read("recharge", name) }

func read(source, name string) (Stream, error) {
	data, err := files.ReadFile(source + "/" + name + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return Stream{}, fmt.Errorf("no %s schema for stream %q: %w", source, name, fs.ErrNotExist)
	}
	if err != nil {
		return Stream{}, fmt.Errorf("reading the %s schema of stream %q: %w", source, name, err)
	}
	var stream Stream
	if err := json.Unmarshal(data, &stream); err != nil {
		return Stream{}, fmt.Errorf("reading the %s schema of stream %q: %w", source, name, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, stream.Schema); err != nil {
		return Stream{}, fmt.Errorf("reading the %s schema of stream %q: %w", source, name, err)
	}
	stream.Schema = compact.Bytes()
	return stream, nil
}

// Config returns the JSON Schema of a binary's config file, for example of "tap-stripe", or nil when the binary has
// none. The bytes belong to the caller.
//
// Beside the keywords of draft-07 each property carries "x-kind", the setting's kind in Meltano's words (string, password,
// integer, decimal, boolean, array, object, options, file, date_iso8601), when its value must never be shown
// "x-sensitive": true, with "x-url": true unless it is a URL without credentials, and when it is another name of a setting
// "x-alias-of": that setting.
func Config(binary string) []byte {
	data, err := files.ReadFile("config/" + binary + ".json")
	if err != nil {
		return nil
	}
	return data
}
