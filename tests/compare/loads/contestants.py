"""The tools that load, each with the way it is run: a table, and a function a tool."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from loads.place import SCHEMA, Place
from process import Command


@dataclass(frozen=True)
class Job:
    """One load: the rows of a table as a Singer stream or bare, where they go, and how."""

    table: str
    stream: pathlib.Path
    records: pathlib.Path
    place: Place
    method: str  # append or upsert
    directory: pathlib.Path  # for whatever the tool writes beside
    venvs: pathlib.Path
    bin: pathlib.Path

    def config(self, settings: dict[str, object]) -> pathlib.Path:
        path = self.directory / "config.json"
        path.write_text(json.dumps(settings))
        return path


@dataclass(frozen=True)
class Tool:
    """A tool, or one way of running it. kind is ours, singer, loader, or extra for ours in a way that is not judged."""

    name: str
    version: str
    kind: str
    warehouse: str
    command: Callable[[Job], Command]
    venv: str = ""
    methods: tuple[str, ...] = ("append", "upsert")
    many: bool = False  # whether it loads the larger number of rows, too
    hazards: bool = True  # whether it is held against the hazards


def tapline(job: Job) -> Command:
    settings: dict[str, object] = {"destination": job.place.kind, "load_method": "append-only" if job.method == "append" else "upsert"}
    if job.place.kind in ("jsonl", "parquet"):
        settings |= {"destination": "files", "path": job.place.where, "format": job.place.kind}
    else:
        settings |= {"url" if job.place.kind == "postgres" else "path": job.place.where, "default_target_schema": SCHEMA}
    return Command([str(job.bin / "target-warehouse"), "--config", str(job.config(settings))], job.stream)


def tapline_batch(job: Job) -> Command:
    """The bare records, named by one BATCH message after the SCHEMA."""
    batch = job.directory / "batch.singer"
    message = {"type": "BATCH", "stream": job.table, "encoding": {"format": "jsonl", "compression": "none"}, "manifest": [job.records.as_uri()]}
    with job.stream.open() as stream:
        batch.write_text(stream.readline() + json.dumps(message) + "\n")
    return Command(tapline(job).argv, batch)


def target_duckdb(job: Job) -> Command:
    config = job.config({"path": job.place.where, "default_target_schema": SCHEMA, "primary_key_required": False})
    return Command([str(job.venvs / "target-duckdb/bin/target-duckdb"), "--config", str(config)], job.stream)


def parts(url: str) -> dict[str, object]:
    of = urlsplit(url)
    return {"host": of.hostname, "port": of.port, "user": of.username, "password": of.password}


def meltanolabs(job: Job, **settings: object) -> Command:
    config = parts(job.place.where) | {"database": job.place.where.rpartition("/")[2], "default_target_schema": SCHEMA}
    config |= {"load_method": "append-only" if job.method == "append" else "upsert"} | settings
    return Command([str(job.venvs / "meltanolabs-target-postgres/bin/target-postgres"), "--config", str(job.config(config))], job.stream)


def meltanolabs_copy(job: Job) -> Command:
    return meltanolabs(job, use_copy=True)


def meltanolabs_unchecked(job: Job) -> Command:
    """Without all that can be switched off."""
    return meltanolabs(job, use_copy=True, validate_records=False, add_record_metadata=False, activate_version=False)


def pipelinewise(job: Job) -> Command:
    config = parts(job.place.where) | {"dbname": job.place.where.rpartition("/")[2], "default_target_schema": SCHEMA, "primary_key_required": False}
    return Command([str(job.venvs / "pipelinewise-target-postgres/bin/target-postgres"), "--config", str(job.config(config))], job.stream)


def target_jsonl(job: Job) -> Command:
    config = job.config({"destination_path": job.place.where, "do_timestamp_file": False})
    return Command([str(job.venvs / "target-jsonl/bin/target-jsonl"), "--config", str(config)], job.stream)


def sling(job: Job) -> Command:
    """DuckDB's own command line does the writing into its files, which sling starts."""
    packages = next((job.venvs / "sling/lib").glob("python*/site-packages"))
    program = packages / "sling_linux_amd64/bin/sling-linux-amd64"
    program.chmod(0o755)
    # The same folder for all runs, so that only the first one pays for setting it up.
    env = {"SLING_HOME_DIR": str(job.directory.parent / "sling-home"), "DUCKDB_PATH": str(packages / "duckdb_cli/duckdb"), "DUCKDB_USE_INSTALLED_EXTENSIONS": "true"}
    target, table = job.place.where + "?sslmode=disable", f"{SCHEMA}.{job.table}"
    if job.place.kind == "duckdb":
        # By HTTP, as it would otherwise, DuckDB needs an extension that it has to fetch first.
        env["WAREHOUSE"] = json.dumps({"type": "duckdb", "instance": job.place.where, "copy_method": "csv_files"})
        target, table = "WAREHOUSE", f"main.{job.table}"
    argv = [str(program), "run", "--src-stream", job.records.as_uri(), "--src-options", '{"format":"jsonlines","flatten":1}']
    argv += ["--tgt-conn", target, "--tgt-object", table]
    if job.method == "upsert":
        argv += ["--mode", "incremental", "--primary-key", "id"]
    return Command(argv, env=env)


def dlt(job: Job, file_format: str | None = None) -> Command:
    options = {"warehouse": job.place.kind, "url": job.place.where, "directory": str(job.directory), "dataset": SCHEMA, "table": job.table, "method": job.method}
    options |= {"folder": job.records.parent.as_uri(), "file": job.records.name, "format": file_format}
    script = pathlib.Path(__file__).with_name("dlt_pipeline.py")
    return Command([str(job.venvs / "dlt/bin/python"), str(script), json.dumps(options)], env={"RUNTIME__DLTHUB_TELEMETRY": "false"})


def dlt_jsonl(job: Job) -> Command:
    """By way of a format that takes it a third of the processor time of its usual one."""
    return dlt(job, "jsonl")


TOOLS = [
    Tool("target-warehouse", "", "ours", "duckdb", tapline, many=True),
    Tool("target-warehouse, BATCH", "", "extra", "duckdb", tapline_batch, many=True, hazards=False),
    Tool("target-duckdb", "0.8.0", "singer", "duckdb", target_duckdb, "target-duckdb"),
    Tool("sling", "1.4.11", "loader", "duckdb", sling, "sling"),
    Tool("dlt", "1.31.0", "loader", "duckdb", dlt, "dlt"),
    Tool("dlt, JSON lines", "1.31.0", "loader", "duckdb", dlt_jsonl, "dlt"),
    Tool("target-warehouse", "", "ours", "postgres", tapline, many=True),
    Tool("target-warehouse, BATCH", "", "extra", "postgres", tapline_batch, many=True, hazards=False),
    Tool("meltanolabs-target-postgres, INSERT", "0.8.1", "singer", "postgres", meltanolabs, "meltanolabs-target-postgres"),
    Tool("meltanolabs-target-postgres, use_copy", "0.8.1", "singer", "postgres", meltanolabs_copy, "meltanolabs-target-postgres"),
    Tool("meltanolabs-target-postgres, use_copy, no checks", "0.8.1", "singer", "postgres", meltanolabs_unchecked, "meltanolabs-target-postgres", hazards=False),
    Tool("pipelinewise-target-postgres", "2.1.2", "singer", "postgres", pipelinewise, "pipelinewise-target-postgres"),
    Tool("sling", "1.4.11", "loader", "postgres", sling, "sling"),
    Tool("dlt", "1.31.0", "loader", "postgres", dlt, "dlt"),
    Tool("target-warehouse", "", "ours", "jsonl", tapline, methods=("append",), many=True),
    Tool("target-jsonl", "0.1.4", "singer", "jsonl", target_jsonl, "target-jsonl", methods=("append",)),
    Tool("target-warehouse", "", "ours", "parquet", tapline, methods=("append",), many=True),
]

# What is not measured though it belongs here, and why.
NOT_RUN = [
    {"name": "ingestr 1.1.76", "reason": "its package on PyPI holds no program: it fetches one from GitHub's releases when it is first run"},
    {
        "name": "sling 1.6.5",
        "reason": "its package on PyPI holds no program: it fetches one from GitHub's releases; "
        "sling 1.4.11, the newest whose program is on PyPI, is measured in its place",
    },
]


def missing(tool: Tool, venvs: pathlib.Path) -> bool:
    """Whether the environment of a tool could not be made."""
    return bool(tool.venv) and not os.path.exists(venvs / tool.venv / "made")
