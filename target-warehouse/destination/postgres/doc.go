// Package postgres keeps a warehouse in a database of a PostgreSQL server, version 13 or later.
//
// One transaction covers everything that a Load does: schemas, tables, new columns, indexes, rows and tapline's own
// tables _singer_state, _singer_runs and _singer_tables. A process or a server killed before Commit returns leaves
// all of it or nothing of it. Where the connection breaks during COMMIT itself, Commit connects again and looks which
// of the two it is. A state is reported only after a commit that the server has flushed: synchronous_commit is turned
// on where it is off.
//
// # How rows reach a table
//
// Rows cross in COPY's binary format, encoded straight from the Arrow columns, and every row crosses once. Rows
// without a key go into their table as they come. With a key, the keys go ahead into a temporary table, and the
// server says which row of a key is the last and which keys the table has. Rows with new keys are then copied
// straight into the table. The others are copied into a temporary table, from which one UPDATE takes those that
// differ from what is there in any bit; a row that is sent again unchanged is not written again.
//
// A table with a key has an index on it, which is unique unless the table, from loads before, holds a key twice. The
// index is named _singer_key_ and the table's name, and gives way when the table's key changes or goes.
//
// # What PostgreSQL changes
//
//   - JSON columns are jsonb. It keeps every digit of a number, but writes 1e5 as 100000, drops white space, orders
//     the members of an object and keeps the last of several with one name. Give a column the type json beforehand to
//     keep the text. Two keys that are equal as jsonb are one key.
//   - NUL characters exist neither in text nor in jsonb. Each is replaced by U+FFFD, and Close logs for each column
//     how many values this concerned.
//   - Names are quoted everywhere and may hold any character. One of more than 63 bytes is shortened in the middle,
//     where a hash of the whole name takes the place of what is cut out. A column that has the name of a system
//     column, such as xmin, also gets a hash.
//
// # Who else may write
//
// A lock that lasts as long as the connection keeps two runs of one pipeline apart; the later one fails. Loads of
// several pipelines into one table wait for each other. A connection pool must hand out whole sessions, not single
// transactions.
package postgres
