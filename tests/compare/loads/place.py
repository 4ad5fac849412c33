"""Where rows are loaded to."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "bench"  # where every tool that can be told so makes its tables


@dataclass(frozen=True)
class Place:
    """One warehouse: its kind, duckdb, postgres, jsonl or parquet, and the path of its file or folder, or the URL of its database."""

    kind: str
    where: str
