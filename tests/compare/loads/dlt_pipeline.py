"""Loads a file of JSON lines with dlt, in dlt's own environment: python dlt_pipeline.py OPTIONS, as contestants.py writes them.

It is the pipeline of dlt's documentation for files. Nested values stay JSON columns, as they are with all other tools, instead
of becoming tables.
"""

import json
import sys

import dlt
from dlt.sources.filesystem import filesystem, read_jsonl


def main():
    options = json.loads(sys.argv[1])
    destination = getattr(dlt.destinations, options["warehouse"])(options["url"])
    pipeline = dlt.pipeline(pipeline_name="compare", pipelines_dir=options["directory"], destination=destination, dataset_name=options["dataset"])
    rows = (filesystem(bucket_url=options["folder"], file_glob=options["file"]) | read_jsonl()).with_name(options["table"])
    rows.max_table_nesting = 0
    if options["method"] == "upsert":
        rows.apply_hints(primary_key="id", write_disposition="merge")
    else:
        rows.apply_hints(write_disposition="append")
    pipeline.run(rows, loader_file_format=options["format"]).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
