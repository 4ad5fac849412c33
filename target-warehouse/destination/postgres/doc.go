// Package postgres keeps a warehouse in a database of a PostgreSQL server, version 13 or later.
//
// One transaction covers everything that a Load does: schemas, tables, columns, indexes, rows and tapline's own tables.
// A process or a server killed before Commit returns leaves all of it or nothing of it. Where the connection breaks
// during COMMIT itself, Commit connects again and looks which of the two it is. A state is reported only after a commit
// that the server has flushed: synchronous_commit is turned on where it is off.
//
// # How rows reach a table
//
// Rows cross in COPY's binary format, encoded straight from the Arrow columns, and every row crosses once. Rows
// without a key go into their table as they come. With a key, the keys go ahead into a temporary table, and the
// server says which row of a key is the last and which keys the table has. Rows with new keys are then copied
// straight into the table. The others are copied into a temporary table, from which one UPDATE takes those that
// say something else than what is there.
//
// A table with a key has an index on it, which is unique unless the table holds a key several times: that of rows which
// keep their history, and of loads before that only added rows. The index is named _singer_key_ and the table's name, with
// a number behind it where a table that was renamed has kept that name, and gives way when the table's key changes or
// goes.
//
// Rows that are to overwrite a table wait in another, which is named _singer_new_ and the table's name. Activate has them
// take the place of the others as rows, so that the table stays the one it is, with its grants, views and indexes, and a
// reader sees all of the old rows or all of the new ones.
//
// # What a reader may rely on
//
// A row that is sent again is not written again unless it differs in a column of the tap, in _sdc_extra, _sdc_deleted_at
// or _sdc_table_version. Its other metadata then stay those of the time when it was written: _sdc_extracted_at says since
// when a row is as it is, and not when it was seen last. In a table that keeps history the newest row of a key has the
// metadata of the time when it was seen last, and _sdc_valid_from says since when it is as it is.
//
// # What PostgreSQL changes
//
//   - JSON columns are jsonb. It keeps every digit of a number, but writes 1e5 as 100000, drops white space, orders
//     the members of an object and keeps the last of several with one name. Give a column the type json beforehand to
//     keep the text. Two keys that are equal as jsonb are one key.
//   - A number in jsonb has at most 131,072 digits ahead of its point and 16,383 behind it. One that has more, such as
//     1e200000, becomes a string of the same characters, at whatever depth it stands, and Close logs for each column how
//     many values have such numbers.
//   - NUL characters exist neither in text nor in jsonb. Each is replaced by U+FFFD, and Close logs for each column
//     how many values this concerned.
//   - A numeric column with a scale fills it with zeros: 1.5 is 1.50 in numeric(9,2). One that floats are put in has no
//     sign for a zero and, before version 14, no infinity, for which the load fails.
//   - Names are quoted everywhere and may hold any character. One of more than 63 bytes is shortened in the middle,
//     where a hash of the whole name takes the place of what is cut out. A column that has the name of a system
//     column, such as xmin, also gets a hash.
//
// A column that is widened keeps its values. As text, numbers are spelled in plain digits without zeros that say nothing,
// moments as RFC 3339 has them in UTC, truth values as true and false. In JSON, numbers and truth values are such, moments
// and dates are strings, and so is what is no number in JSON, such as "NaN".
//
// # Who else may write
//
// A lock that lasts as long as the connection keeps two runs of one pipeline apart; the later one fails. Where the
// connection was lost and a later run has come and gone meanwhile, its fence keeps this one from committing. Loads of
// several pipelines into one table wait for each other. A connection pool must hand out whole sessions, not single
// transactions.
package postgres
