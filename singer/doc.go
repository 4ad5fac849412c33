// Package singer speaks the Singer protocol and runs the programs that speak it: taps, which read a source and write
// messages, and targets, which read messages and store them.
//
// # The protocol
//
// A [Message] is one line of JSON: [Schema], [Record], [State], [ActivateVersion] or [Batch]. [Reader] and [Writer] turn
// lines into messages and back. Records stay the bytes that they were, so that no digit is lost on the way. A [State] is
// a promise: whoever passes one on has made everything before it durable.
//
// A [Catalog] lists what a tap offers as [Stream] values, each with its JSON Schema and what of it is selected.
// [Bookmarks] is a tap's own view of its state.
//
// # The programs
//
// A [Tap] is a name, the JSON Schema of its settings, and the functions Discover and Sync; a [Target] has Load. Their
// method Main is the whole program and does alike for all of them:
//
//   - flags, of which --help lists all, and answers to --about and --version;
//   - settings from files (--config FILE) and environment (--config ENV), validated with all faults at once; those marked
//     "x-sensitive" may be references, file:PATH or env:NAME, and are masked in whatever is printed;
//   - catalog and state, read from the files that the flags name;
//   - logs on stderr: lines for a person on a terminal, else JSON as Meltano reads it; the last line of a failed run says
//     why it failed; METRIC lines, progress, a summary;
//   - signals: the first SIGTERM or SIGINT ends the sync of a tap (exit code 128 plus the signal) and the input of a
//     target, which stores what it has read and ends well; the second ends a target, too;
//   - exit codes: [ExitOK], [ExitFailure], [ExitUsage], [ExitCredentials], [ExitUnavailable]. Sync and Load choose by
//     what their failures wrap: [ErrCredentials], [ErrUnavailable], [*ConfigError].
//
// A panic of Sync or Load ends the run as a failure without a stack trace. One in a goroutine that they start cannot be
// caught here: such a goroutine hands its failures back instead.
//
// Run is Main without the process around it, for tests.
//
// The protocol's own specification: https://hub.meltano.com/singer/spec
package singer
