"""Each tool's loads of the classes of hazards."""

from __future__ import annotations

import dataclasses
import decimal
import json
import pathlib
from typing import Any

from loads.contestants import Job, Tool
from loads.hazards import HAZARDS, Hazard, judge
from loads.place import Place
from loads.warehouses import Files, Postgres, files_of
from process import timed


def try_all(tool: Tool, warehouse: Files | Postgres, scratch: pathlib.Path, venvs: pathlib.Path, bin: pathlib.Path) -> dict[str, Any]:
    """By the name of a class, how a tool's rows differ, or why it refused them."""
    results: dict[str, Any] = {}
    for hazard in HAZARDS:
        if hazard.name == "keys" and "upsert" not in tool.methods:
            continue  # every record is a row there
        directory = scratch / hazard.name
        directory.mkdir(parents=True)
        stream, records = directory / "stream.singer", directory / "records.jsonl"
        stream.write_text(hazard.stream())
        records.write_text("\n".join(hazard.records()) + "\n")
        place = warehouse.make("fidelity")
        job = Job(hazard.table, stream, records, place, tool.methods[-1], directory, venvs, bin)
        took = timed(tool.command(job), directory, 120)
        if took.code != 0:
            results[hazard.name] = {"refused": took.last_line or f"exit code {took.code}"}
            continue
        try:
            results[hazard.name] = dataclasses.asdict(judge(hazard, rows_of(warehouse, place, hazard)))
        except LookupError:
            results[hazard.name] = {"refused": "no table was made, and the exit code was 0"}
    return results


def rows_of(warehouse: Files | Postgres, place: Place, hazard: Hazard) -> list[tuple[str, str | None, str | None]]:
    """The ids and values of a table as texts. A value that a tool put into a column for another type of the same field counts."""
    if place.kind == "jsonl":
        return rows_of_files(files_of(place, hazard.table))
    columns = warehouse.columns(place, hazard.table)

    def text(name: str) -> str:
        found = [as_text(column, columns[column]) for column in columns if column.lower() == name or column.lower().startswith(f"{name}__v_")]
        return f"coalesce({', '.join(found)})" if found else "NULL"

    rows = warehouse.query(place, f"SELECT {text('id')}, {text('v')}, {text('w')} FROM {{table}}", hazard.table)
    return [(str(key), v, w) for key, v, w in rows]


def as_text(column: str, kind: str) -> str:
    inner = f'to_json("{column}")' if kind.startswith("STRUCT") or kind.startswith("MAP") or kind.endswith("]") else f'"{column}"'
    return f"CAST({inner} AS VARCHAR)"


def rows_of_files(files: list[pathlib.Path]) -> list[tuple[str, str | None, str | None]]:
    rows = []
    for path in files:
        for line in path.read_text().split("\n"):
            if line:
                row = json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
                rows.append((str(row["id"]), held(row.get("v")), held(row.get("w"))))
    return rows


def held(value: Any) -> str | None:
    """A value of a line as the text a table would give, with all digits of its numbers."""
    if value is None or isinstance(value, str):
        return value
    return as_json(value)


def as_json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{as_json(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, decimal.Decimal) else json.dumps(value)
