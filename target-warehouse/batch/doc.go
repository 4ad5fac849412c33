// Package batch reads the files that BATCH messages hand over (https://sdk.meltano.com/en/latest/batch.html) as lines of
// JSON, one record a line.
//
//   - jsonl files are read as they are, and unpacked if they are gzip or zstd.
//   - Rows of parquet files become JSON objects with the same values: integers and decimals by their digits; floats by
//     the shortest digits that a 64-bit float gives back; timestamps as RFC 3339 in UTC, to the nanosecond, and taken for
//     UTC where the file does not say so; dates and times of day; UUIDs; intervals as ISO 8601 durations; JSON as such;
//     binary values in base64; NULL as null; lists as arrays; structs and maps as objects.
//
// Local files are read in place. Objects of S3, Google Cloud Storage and Azure are streamed, parquet files by way of a
// temporary file, because their reading begins at the end. The credentials are those of the environment. Memory stays
// bounded: about the caller's buffer for lines, and the pages under way of one row group for rows.
package batch
