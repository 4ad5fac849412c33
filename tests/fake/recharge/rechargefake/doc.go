// Package rechargefake is a stateful, strict fake of the Recharge Admin API of version 2021-11.
//
// A [Server] is an http.Handler with two halves. Below the API's own paths it answers as Recharge does: lists with
// keyset cursors, filters, sorting and include=, single objects, nested paths, scopes, error bodies in their several
// shapes. Below /_control/ a test or a script reads the truth and changes it. Everything the control half does is also
// a method of Server.
//
// The fake is strict where a lenient one would hide a fault: a parameter, a sort or an include that the API does not
// document for a list is refused with 422, so is anything but limit beside a cursor, and a cursor that was not handed
// out for that list. The deprecated paging by number is not there, and a request must name the version.
//
// Objects are a function of (seed, kind, index, clock at the start), made when they are asked for; only what was
// changed since is kept as bytes. The same options give the same bytes.
//
// The clock stands still unless it is moved ([Server.Advance], [Server.SetClock], [Mutator.Step]) or given a pace. Paid
// charges age out 90 days after they were processed and events after 7 days, as the clock tells.
//
// Whatever makes Recharge hard to read is a switch that is off at first:
//
//   - values that change their type, members that nobody documents: Options.TypeDrift
//   - changes that show up minutes after their updated_at: Delay
//   - the leaky bucket of 40 requests that leaks 2 a second: Bucket, Leak, RetryAfter
//   - answers that take their time or are compressed: Latency, LatencyP99, Gzip
//   - answers that fail, by plan or by share, in every shape of body: [Server.Fail]
//   - tokens that may read little or nothing, products that the plan does not hold: Tokens, NotInPlan
//   - a store that changes meanwhile: [Server.NewMutator]
package rechargefake
