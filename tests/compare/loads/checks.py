"""What a table must hold after a load: counts, sums and keys, computed by the engine of the table and of the records sent."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import duckdb

from loads.place import Place
from loads.warehouses import Files, Postgres


@dataclass(frozen=True)
class Input:
    """One kind of rows: how many by default, its marks by generation, and what is compared: name, DuckDB's and PostgreSQL's words."""

    name: str
    marks: tuple[str, str]
    peer_rows: int
    rows: int
    columns: str  # of the records, for DuckDB's reader
    sums: tuple[tuple[str, str, str], ...]

    def query(self, dialect: int, generation: int) -> str:
        mark = f"count(*) FILTER (WHERE status = '{self.marks[generation]}')"
        parts = ["count(*)", "count(DISTINCT id)", mark] + [column[dialect] for column in self.sums]
        return f"SELECT {', '.join(f'CAST({part} AS VARCHAR)' for part in parts)} FROM {{table}}"

    def names(self) -> list[str]:
        return ["rows", "keys", "rows of this generation"] + [column[0] for column in self.sums]


def total(column: str, decimals: int) -> tuple[str, str, str]:
    exact = f"sum(CAST({column} AS DECIMAL(38, {decimals})))"
    return f"sum of {column}", exact, exact


def instants(column: str) -> tuple[str, str, str]:
    seconds = f"CAST({column} AS TIMESTAMPTZ)"
    return f"sum of {column}", f"sum(CAST(epoch({seconds}) AS BIGINT))", f"sum(CAST(extract(epoch FROM {seconds}) AS BIGINT))"


INPUTS = [
    Input(
        "charges",
        ("succeeded", "refunded"),
        25_000,
        300_000,
        "{id: 'VARCHAR', amount: 'BIGINT', exchange_rate: 'DECIMAL(18, 6)', created: 'TIMESTAMPTZ', metadata: 'JSON', status: 'VARCHAR'}",
        (
            total("amount", 0),
            total("exchange_rate", 6),
            instants("created"),
            (
                "sum within metadata",
                "sum(CAST(json_extract_string(metadata, '$.order_id') AS BIGINT))",
                "sum(CAST(CAST(metadata AS jsonb) ->> 'order_id' AS BIGINT))",
            ),
        ),
    ),
    Input(
        "payments",
        ("open", "paid"),
        60_000,
        1_000_000,
        "{id: 'BIGINT', customer_id: 'BIGINT', amount: 'DECIMAL(18, 2)', paid_at: 'TIMESTAMPTZ', status: 'VARCHAR'}",
        (total("id", 0), total("customer_id", 0), total("amount", 2), instants("paid_at")),
    ),
]


def sent(of: Input, records: pathlib.Path, generation: int) -> tuple[str, ...]:
    """What the check must come to for a file of records."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        table = f"read_json('{records}', format='newline_delimited', columns={of.columns})"
        return tuple(connection.execute(of.query(1, generation).format(table=table)).fetchall()[0])


def differences(of: Input, warehouse: Files | Postgres, place: Place, generation: int, want: tuple[str, ...]) -> list[str]:
    """What a table holds in another way than it was sent, in words."""
    try:
        (got,) = warehouse.query(place, of.query(2 if place.kind == "postgres" else 1, generation), of.name)
    except Exception as failure:  # whatever the engine says of a table that it cannot compute these of
        return [f"the table cannot be checked: {str(failure).splitlines()[0]}"]
    found = [f"{name}: {there} instead of {right}" for name, right, there in zip(of.names(), want, got, strict=True) if right != there]
    return found[:1] if got[0] != want[0] else found  # with other rows, all sums are others, too
