// Package files keeps a warehouse as Parquet or JSONL files in a directory, or in a bucket of S3, Google Cloud Storage or
// Azure. Any engine that reads such files can query it; nothing of tapline's is needed for that:
//
//	SELECT * FROM read_parquet('warehouse/shop/orders/**/*.parquet', union_by_name = true)
//
// # Where things are
//
//	<schema>/<table>/000000000042-000-5f1c09ae.parquet   rows of commit 42; with partitions, below sdc_day=2026-03-04/
//	_singer_runs/rows.jsonl                              tapline's own tables, for people, as of the end of the last run
//	_singer_rejects/000000000042-001-5f1c09ae.jsonl      the one of them that is only added to
//	_singer/log/000000000042.json                        the commits: what decides
//	_singer/staged/<pipeline>/<opening>/7.part           files of loads that are not committed
//
// A table without a schema is in <table>/. Names are kept as they are but for characters that file names or globs give a
// meaning to, which become %XX. A row is never changed and a file never rewritten: see [Limits] for what this excludes.
//
// # How a commit works
//
//  1. Rows stream into files under _singer/staged as they arrive. They end in .part, so no glob for data finds them.
//  2. Commit ends these files and flushes them to disk, or has the store confirm them.
//  3. The entry of the log with the next number is created in a way that fails if it exists. This is the point of commit.
//     The entry has the state and its fence, the files with their final names, what they replace, and rows of tapline's own
//     tables. Whoever finds the number taken reads that entry first: it may have ended the right to commit. A store that
//     would let it be created twice is refused before anything is loaded.
//  4. The files get their final names, and files that were replaced are deleted. Then Commit returns.
//
// So a reader of plain globs never sees half a file, nor a row that is not committed. It can see a commit of several files
// while step 4 goes on, and an overwritten table with both the old rows and the new ones, never with neither: new files
// come before old ones go. [table.TableVersion] tells the two apart.
//
// A process killed before step 3 leaves nothing but staged files, which the first commit of the pipeline's next run
// deletes. Killed after it, the commit is valid, and the next Open does what is left of step 4, which can be repeated at
// will. As the state is emitted only once Commit has returned, no state is ever ahead of the files that readers see.
// A store also keeps the parts of uploads that a kill cut off; a lifecycle rule on the bucket for incomplete multipart
// uploads removes them.
//
// # The log
//
// Numbers are shared by all pipelines into one warehouse. Each 64th entry is followed by a snapshot of all that the
// entries before it say, and those are deleted. A process that slept through that could create a number that is
// already gone, so Commit looks for greater ones behind its own, and takes it back if there are any.
//
// Of the own tables that grow, the log keeps the newest rows: see [kept].
package files
