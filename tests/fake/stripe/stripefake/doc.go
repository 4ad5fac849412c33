// Package stripefake is a stateful, strict fake of Stripe's API of version 2023-10-16.
//
// A [Server] is an http.Handler with two halves. Below /v1/ it answers as
// Stripe does: lists newest first, cursors, filters, error bodies, events that
// age out after 30 days. Below /_control/ a test or a script reads the truth
// (the objects, oldest first) and changes it: create, update, delete, move the
// clock, make the next requests fail. Everything the control half does is also
// a method of Server, so a Go test needs no second HTTP client.
//
// What the fake knows of Stripe's shapes and parameters it takes from Stripe's
// own OpenAPI document, which the module github.com/stripe/stripe-mock embeds:
// an object has the fields its component lists, to any depth, and a parameter
// that the document does not list for a path is refused.
//
// Objects are a function of (seed, kind, index, clock at the start), made when they are
// asked for; only what was changed since is kept as bytes. So a million objects
// cost an index, not gigabytes, and the same options give the same bytes.
//
// The clock stands still unless it is moved ([Server.Advance], [Server.SetClock],
// [Server.Mutate], [Mutator.Step]) or given a pace: nothing in a test depends on
// how fast the machine is.
//
// Whatever makes Stripe hard to read is a switch that is off at first:
//
//   - millions of objects, for measuring: Bulk
//   - meters, with what every customer has used by day: Meters
//   - objects of every kind beyond the core of payments and billing: Options.AllKinds, Counts
//   - events that appear late and out of order, or are written at other API
//     versions, or keep little of a deleted object: EventDelay, EventVersions, ShortDeletes
//   - a merchant who changes everything meanwhile: [Server.NewMutator]
//   - limits with their reasons, and answers that take their time: Limits, Latency, LatencyP99
//   - answers that fail, by plan or by share: [Server.Fail]
//   - keys that may read little or nothing: Keys
//   - products that are not enabled: NotEnabled, each refused in its own words
//   - connected accounts, and their leaving: Connected, [Server.Deauthorize]
package stripefake
