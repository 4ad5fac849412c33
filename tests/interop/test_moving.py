"""Moving over: states and configs of singer-io's taps, and tables that other targets have made."""

from __future__ import annotations

import datetime
import json

import psycopg
import pytest
from conftest import BIN, FAKE_KEY, VENVS, Server, rows_of_postgres, run

# What docs/moving-over.md has people run: target-postgres keeps moments without their zone, which is UTC.
MOMENTS = """DO $$ DECLARE c record; BEGIN
  FOR c IN SELECT table_name, column_name FROM information_schema.columns
           WHERE table_schema = 'stripe' AND data_type = 'timestamp without time zone' LOOP
    EXECUTE format('ALTER TABLE stripe.%I ALTER COLUMN %I TYPE timestamptz USING %I AT TIME ZONE ''UTC''',
                   c.table_name, c.column_name, c.column_name);
  END LOOP;
END $$"""
STREAMS = ["customers.*", "charges.*", "coupons.*"]


def emitted(lines: str) -> dict[str, list[dict]]:
    """The records of each stream."""
    records: dict[str, list[dict]] = {}
    for line in lines.rstrip("\n").split("\n"):
        message = json.loads(line)
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


def tap_stripe(fake: str, tmp_path, settings: dict, state: dict | None = None) -> str:
    config = tmp_path / "tap.json"
    config.write_text(json.dumps({"base_url": fake, "request_rate": 1000, "select": STREAMS} | settings))
    command = [BIN / "tap-stripe", "--config", config]
    if state is not None:
        (tmp_path / "state.json").write_text(json.dumps(state))
        command += ["--state", tmp_path / "state.json"]
    return run(command).stdout


def test_config_and_state_of_singer_ios_tap_stripe(fake_stripe, tmp_path):
    """Its config names the key client_secret, and its state keeps the time of changes beside that of creation."""
    settings = {"client_secret": FAKE_KEY, "start_date": "2020-01-01T00:00:00Z"}
    everything = emitted(tap_stripe(fake_stripe, tmp_path, settings))
    created = sorted(c["created"] for c in everything["charges"])
    middle = created[len(created) // 2]
    seconds, now = epoch(middle), 1712750400  # the fake's clock stands
    state = {"bookmarks": {"charges": {"created": seconds}, "charges_events": {"updates_created": now}}, "currently_syncing": None}
    rest = emitted(tap_stripe(fake_stripe, tmp_path, settings, state))
    known = {c["id"] for c in everything["charges"] if c["created"] > middle}
    assert known <= {c["id"] for c in rest["charges"]}, "a charge behind the bookmark is missing"
    assert len(rest["charges"]) < len(everything["charges"]), "the state was not heeded"
    assert len(rest["coupons"]) == len(everything["coupons"]), "a stream without a bookmark begins at its beginning"


def epoch(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


@pytest.fixture
def fake_recharge(tmp_path):
    address = tmp_path / "recharge.url"
    server = Server([str(BIN / "fake-recharge"), "--objects", "300", "--url-file", str(address)], address)
    yield server.url
    server.stop()


def test_state_of_singer_ios_tap_recharge(fake_recharge, tmp_path):
    """Its bookmarks are bare times."""
    config, state = tmp_path / "tap.json", tmp_path / "state.json"
    config.write_text(json.dumps({"base_url": fake_recharge, "access_token": "sk_1x1_fake", "select": ["customers.*"], "request_share": 1}))
    everything = emitted(run([BIN / "tap-recharge", "--config", config]).stdout)["customers"]
    middle = sorted(c["updated_at"] for c in everything)[len(everything) // 2]
    state.write_text(json.dumps({"bookmarks": {"customers": middle}}))
    rest = emitted(run([BIN / "tap-recharge", "--config", config, "--state", state]).stdout)["customers"]
    assert {c["id"] for c in everything if c["updated_at"] > middle} <= {c["id"] for c in rest}
    assert len(rest) < len(everything), "the state was not heeded"


def test_tables_of_meltanolabs_target_postgres(fake_stripe, database, tmp_path):
    """target-warehouse goes on in the tables that target-postgres has made: no row is doubled, and of the columns only arrays change."""
    lines = tap_stripe(fake_stripe, tmp_path, {"api_key": FAKE_KEY})
    theirs, ours = tmp_path / "theirs.json", tmp_path / "ours.json"
    theirs.write_text(json.dumps({"sqlalchemy_url": database.replace("postgres://", "postgresql+psycopg://", 1), "default_target_schema": "stripe"}))
    run([VENVS / "meltanolabs-target-postgres/bin/target-postgres", "--config", theirs], stdin=lines)
    types = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'stripe' AND NOT starts_with(table_name, '_') ORDER BY 1, 2"
    records = emitted(lines)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(MOMENTS)
        before = connection.execute(types).fetchall()
        connection.execute("UPDATE stripe.charges SET amount = -1; DELETE FROM stripe.coupons")

    ours.write_text(json.dumps({"destination": "postgres", "url": database, "default_target_schema": "stripe"}))
    for _ in range(2):
        done = run([BIN / "target-warehouse", "--config", ours, "--log-format", "text"], stdin=lines)
        assert "rejected=0" in done.stderr, done.stderr
    for stream, sent in records.items():
        assert rows_of_postgres(database, f"SELECT count(*), count(DISTINCT id) FROM stripe.{stream}") == [(len(sent),) * 2], stream
    amounts = dict(rows_of_postgres(database, "SELECT id, amount FROM stripe.charges"))
    assert amounts == {c["id"]: c["amount"] for c in records["charges"]}
    details = dict(rows_of_postgres(database, "SELECT id, billing_details FROM stripe.charges"))
    assert details == {c["id"]: c["billing_details"] for c in records["charges"]}
    created = dict(rows_of_postgres(database, "SELECT id, extract(epoch FROM created)::bigint FROM stripe.charges"))
    assert created == {c["id"]: epoch(c["created"]) for c in records["charges"]}
    after = rows_of_postgres(database, types)
    assert set(before) - set(after) == {("customers", "preferred_locales", "ARRAY")}
    assert set(after) - set(before) == {("customers", "preferred_locales", "jsonb")} | {(stream, "_sdc_extra", "jsonb") for stream in records}
    locales = dict(rows_of_postgres(database, "SELECT id, preferred_locales FROM stripe.customers"))
    assert locales == {c["id"]: c["preferred_locales"] for c in records["customers"]}
