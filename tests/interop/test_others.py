"""Other people's taps into target-warehouse, and our taps into other people's targets."""

from __future__ import annotations

import csv
import json
import os

import psycopg
import pytest
from conftest import BIN, FAKE_KEY, FAKE_TOKEN, VENVS, rows_of_duckdb, rows_of_postgres, run


@pytest.fixture(scope="module")
def synced(fake_stripe, tmp_path_factory):
    """What tap-stripe writes of a few streams: the lines, and how many records each stream has."""
    directory = tmp_path_factory.mktemp("tap")
    config = directory / "config.json"
    config.write_text(json.dumps({"base_url": fake_stripe, "request_rate": 1000, "select": ["customers.*", "products.*", "prices.*"]}))
    lines = run([BIN / "tap-stripe", "--config", config, "--config", "ENV"], env={"TAP_STRIPE_API_KEY": FAKE_KEY}).stdout
    ids: dict[str, set[str]] = {}
    for line in lines.rstrip("\n").split("\n"):  # not splitlines, which ends lines at other characters, too
        message = json.loads(line)
        if message["type"] == "RECORD":
            ids.setdefault(message["stream"], set()).add(message["record"]["id"])
    assert ids["customers"] and ids["prices"]
    return lines, ids


def test_target_jsonl(synced, tmp_path):
    lines, ids = synced
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"destination_path": str(tmp_path)}))
    run([VENVS / "target-jsonl/bin/target-jsonl", "--config", config], stdin=lines, cwd=tmp_path)
    (file,) = tmp_path.glob("customers*.jsonl")
    assert {json.loads(line)["id"] for line in file.read_text().rstrip("\n").split("\n")} == ids["customers"]


def test_target_postgres_of_meltanolabs(synced, database, tmp_path):
    lines, ids = synced
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"sqlalchemy_url": database.replace("postgres://", "postgresql+psycopg://", 1), "default_target_schema": "stripe"}))
    run([VENVS / "meltanolabs-target-postgres/bin/target-postgres", "--config", config], stdin=lines)
    for stream in ("customers", "prices"):
        assert rows_of_postgres(database, f"SELECT count(*), count(DISTINCT id) FROM stripe.{stream}") == [(len(ids[stream]),) * 2]


def test_target_csv_of_meltanolabs(fake_stripe, tmp_path):
    """It fails at a field that no schema knows, which tap-stripe passes on, so the fields are named."""
    source, config = tmp_path / "tap.json", tmp_path / "config.json"
    source.write_text(json.dumps({"base_url": fake_stripe, "request_rate": 1000, "select": ["customers.email", "customers.created", "prices.unit_amount"]}))
    config.write_text(json.dumps({"output_path": str(tmp_path), "file_naming_scheme": "{stream_name}.csv"}))
    lines = run([BIN / "tap-stripe", "--config", source, "--config", "ENV"], env={"TAP_STRIPE_API_KEY": FAKE_KEY}).stdout
    run([VENVS / "main/bin/target-csv", "--config", config], stdin=lines, cwd=tmp_path)
    records = [m["record"] | {"stream": m["stream"]} for m in map(json.loads, lines.rstrip("\n").split("\n")) if m["type"] == "RECORD"]
    for stream, column in (("customers", "email"), ("prices", "unit_amount")):
        with (tmp_path / f"{stream}.csv").open(newline="") as file:
            rows = {row["id"]: row[column] for row in csv.DictReader(file)}
        assert rows == {r["id"]: "" if r[column] is None else str(r[column]) for r in records if r["stream"] == stream} != {}


def check_tap(lines):
    """singer-check-tap reads the whole output and holds each record against its SCHEMA."""
    done = run([VENVS / "singer-tools/bin/singer-check-tap"], stdin=lines)
    records = lines.count('{"type":"RECORD"')
    assert records > 0 and "The output is valid" in done.stdout and f"{records} record messages" in done.stdout, done.stdout


def test_check_tap_on_tap_stripe(fake_stripe, tmp_path):
    """It fails itself where an object that has a date-time in it is null, so it gets fields outside of such objects."""
    config = tmp_path / "config.json"
    fields = ["tax_rates.*", "customers.email", "customers.created", "customers.balance", "products.*", "!products.package_dimensions"]
    config.write_text(json.dumps({"base_url": fake_stripe, "request_rate": 1000, "select": fields}))
    check_tap(run([BIN / "tap-stripe", "--config", config, "--config", "ENV"], env={"TAP_STRIPE_API_KEY": FAKE_KEY}).stdout)


def test_check_tap_on_tap_recharge(fake_recharge, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"base_url": fake_recharge}))
    check_tap(run([BIN / "tap-recharge", "--config", config, "--config", "ENV"], env={"TAP_RECHARGE_ACCESS_TOKEN": FAKE_TOKEN}).stdout)


def test_tap_postgres_of_pipelinewise(database, tmp_path):
    """Types of PostgreSQL through a tap that is written with singer-python, then the same rows in DuckDB."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("""CREATE TABLE things (id bigint PRIMARY KEY, name text, price numeric(12,3), at timestamptz, day date, ok boolean, detail jsonb,
            big numeric, updated bigint)""")
        connection.execute("""INSERT INTO things SELECT i, 'thing ' || i, i + 0.125, '2024-02-29 10:00+00'::timestamptz + i * interval '1 hour', '2024-02-29', i % 2 = 0,
            jsonb_build_object('n', i), 12345678901234567890123456789.5, i FROM generate_series(1, 500) AS i""")
        parts, password = connection.info.get_parameters(), connection.info.password
    source = tmp_path / "source.json"
    source.write_text(json.dumps({"host": parts["host"], "port": int(parts["port"]), "user": parts["user"], "password": password, "dbname": parts["dbname"]}))
    tap = VENVS / "pipelinewise-tap-postgres/bin/tap-postgres"
    catalog = json.loads(run([tap, "--config", source, "--discover"]).stdout)
    catalog["streams"] = [s for s in catalog["streams"] if s["table_name"] == "things"]
    for entry in catalog["streams"][0]["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"] |= {"selected": True, "replication-method": "FULL_TABLE"}
    chosen = tmp_path / "catalog.json"
    chosen.write_text(json.dumps(catalog))
    lines = run([tap, "--config", source, "--properties", chosen]).stdout
    file, config = tmp_path / "w.duckdb", tmp_path / "target.json"
    config.write_text(json.dumps({"path": str(file)}))
    for _ in range(2):
        run([BIN / "target-warehouse", "--config", config], stdin=lines)
    query = """SELECT count(*), count(DISTINCT id), CAST(sum(price) AS VARCHAR), CAST(max("at") AS VARCHAR), count(*) FILTER (ok) FROM """
    (table,) = rows_of_duckdb(file, "SELECT table_name FROM duckdb_tables() WHERE contains(table_name, 'things')")
    (row,) = rows_of_duckdb(file, query + f'"{table[0]}"')
    assert row[:2] == (500, 500) and float(row[2]) == 125312.5 and row[4] == 250, row


@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_tap_of_the_singer_sdk(batches, tmp_path):
    """tap-spreadsheets reads files by their time of change: a second run goes on from the state, and changed rows replace theirs."""
    source, state = tmp_path / "people.csv", tmp_path / "state.json"
    settings = {"files": [{"path": str(source), "format": "csv", "table_name": "people", "primary_keys": ["id"]}]}
    if batches:
        settings["batch_config"] = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": f"file://{tmp_path}", "prefix": "batch-"}}
    tap, target, file = tmp_path / "tap.json", tmp_path / "target.json", tmp_path / "w.duckdb"
    tap.write_text(json.dumps(settings))
    target.write_text(json.dumps({"path": str(file)}))

    def sync(names, day):
        with source.open("w", newline="") as out:
            csv.writer(out).writerows([["id", "Full Name", "note"], *([number, name, f'"{number}",\n'] for number, name in enumerate(names, 1))])
        os.utime(source, (86400 * day, 86400 * day))  # the tap keeps whole seconds, and both runs may fit in one
        known = ["--state", state] if state.exists() else []
        lines = run([VENVS / "tap-spreadsheets/bin/tap-spreadsheets", "--config", tap, *known]).stdout
        assert ('"type":"BATCH"' in lines) == batches and ('"type":"RECORD"' in lines) != batches
        state.write_text(run([BIN / "target-warehouse", "--config", target], stdin=lines).stdout.splitlines()[-1])
        return rows_of_duckdb(file, "SELECT id, full_name, note FROM people ORDER BY id::INT")

    names = [f"Zoë {number}" for number in range(1, 301)]
    assert sync(names, 1) == [(str(number), name, f'"{number}",\n') for number, name in enumerate(names, 1)]
    names[41] = "somebody else"
    assert sync([*names, "one more"], 2) == [(str(number), name, f'"{number}",\n') for number, name in enumerate([*names, "one more"], 1)]
