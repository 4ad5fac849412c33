"""The project in examples/meltano, run by the real Meltano."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest
import yaml
from conftest import BIN, FAKE_KEY, FAKE_TOKEN, ROOT, VENVS, rows_of_duckdb, rows_of_postgres, run

MELTANO = VENVS / "main" / "bin" / "meltano"
PLUGINS = ROOT / "examples" / "meltano" / "plugins"


class Project:
    """A copy of the example, as a user would have one."""

    def __init__(self, directory: pathlib.Path, fake_stripe: str, fake_recharge: str):
        self.directory = directory
        shutil.copytree(ROOT / "examples" / "meltano", directory, dirs_exist_ok=True)
        self.env = {
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "MELTANO_CLI_LOG_LEVEL": "info",
            "TAP_STRIPE_API_KEY": FAKE_KEY,
            "TAP_STRIPE_BASE_URL": fake_stripe,
            "TAP_STRIPE_REQUEST_RATE": "1000",
            "TAP_RECHARGE_ACCESS_TOKEN": FAKE_TOKEN,
            "TAP_RECHARGE_BASE_URL": fake_recharge,
        }

    def meltano(self, *arguments, check=True, env=None):
        return run([MELTANO, *arguments], cwd=self.directory, env=self.env | (env or {}), check=check)

    @property
    def warehouse(self) -> pathlib.Path:
        return self.directory / "warehouse.duckdb"


@pytest.fixture
def project(tmp_path, fake_stripe, fake_recharge):
    return Project(tmp_path / "shop", fake_stripe, fake_recharge)


def test_definitions_are_what_the_binaries_say():
    """A drift shows here; the head of each file names the command that writes it anew."""
    for file in PLUGINS.glob("*.meltano.yml"):
        name = file.name.split(".")[0]
        assert file.read_text() == run([BIN / name, "--about", "--format", "meltano"]).stdout, file
        (plugins,) = yaml.safe_load(file.read_text())["plugins"].values()
        assert [s["name"] for s in plugins[0]["settings"] if s.get("sensitive")], f"{name} has no secret"


def test_install_config_and_selection(project):
    project.meltano("install")
    for tap in ("tap-stripe", "tap-recharge"):
        done = project.meltano("config", "test", tap)
        assert "configuration is valid" in done.stdout + done.stderr
    listing = project.meltano("--environment", "dev", "select", "tap-stripe", "--list").stdout
    assert "customers.id" in listing and "charges.amount" in listing and "tax_rates.id" not in listing
    printed = project.meltano("config", "print", "tap-stripe")
    assert FAKE_KEY not in printed.stdout + printed.stderr


def test_loader_test(project):
    """Meltano sends a few messages and looks for certain words in what the loader says, even where all is well."""
    done = project.meltano("--log-level", "debug", "config", "test", "warehouse-duckdb", check=False)
    log = done.stdout + done.stderr
    assert rows_of_duckdb(project.warehouse, "SELECT id, name FROM meltano_test_stream") == [(1, "Meltano Test Record")]
    # Meltano 4.4.1 itself fails behind every loader that has ended well: it stops the process once more.
    if done.returncode != 0:
        assert "ProcessLookupError" in log
    said = [line for line in log.splitlines() if '"logger_name":"target-warehouse"' in line]
    assert [line for line in said if "succeeded" in line], log
    assert not [line for line in said if "error" in line.lower() or "exception" in line.lower()], said


def test_runs_into_duckdb(project):
    done = project.meltano("run", "tap-stripe", "warehouse-duckdb")
    (customers,) = rows_of_duckdb(project.warehouse, "SELECT count(*), count(DISTINCT id) FROM tap_stripe.customers")
    assert customers[0] == customers[1] > 0
    columns = rows_of_duckdb(project.warehouse, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'charges'")
    assert ("amount",) in columns and ("metadata",) not in columns
    log = done.stdout + done.stderr
    assert "Block run completed" in log

    state = json.loads(project.meltano("state", "get", "dev:tap-stripe-to-warehouse-duckdb").stdout)
    assert set(state["singer_state"]["bookmarks"]) >= {"customers", "charges"}

    project.meltano("run", "tap-stripe", "warehouse-duckdb")
    assert rows_of_duckdb(project.warehouse, "SELECT count(*), count(DISTINCT id) FROM tap_stripe.customers") == [customers]
    project.meltano("run", "--full-refresh", "tap-stripe", "warehouse-duckdb")
    assert rows_of_duckdb(project.warehouse, "SELECT count(*), count(DISTINCT id) FROM tap_stripe.customers") == [customers]
    runs = rows_of_duckdb(project.warehouse, "SELECT status FROM _singer_runs")
    assert runs == [("succeeded",)] * 3


def test_both_taps_run_into_postgres(project, database):
    blocks = ("tap-stripe", "warehouse-postgres", "tap-recharge", "warehouse-postgres")
    for _ in range(2):
        project.meltano("run", *blocks, env={"WAREHOUSE_POSTGRES_URL": database})
        for table in ("tap_stripe.customers", "tap_recharge.subscriptions"):
            (rows,) = rows_of_postgres(database, f"SELECT count(*), count(DISTINCT id) FROM {table}")
            assert rows[0] == rows[1] > 0, table


def test_recharge_runs_into_duckdb(project):
    project.meltano("run", "tap-recharge", "warehouse-duckdb")
    (charges,) = rows_of_duckdb(project.warehouse, "SELECT count(*), count(DISTINCT id) FROM tap_recharge.charges")
    assert charges[0] == charges[1] > 0
    state = json.loads(project.meltano("state", "get", "dev:tap-recharge-to-warehouse-duckdb").stdout)
    assert "charges" in state["singer_state"]["bookmarks"]


def test_a_second_account_has_its_own_settings_and_state(project):
    eu = {"STRIPE_EU_API_KEY": FAKE_KEY, "STRIPE_EU_BASE_URL": project.env["TAP_STRIPE_BASE_URL"], "STRIPE_EU__SELECT": '["coupons.*"]'}
    project.meltano("run", "stripe-eu", "warehouse-duckdb", env=eu)
    tables = rows_of_duckdb(project.warehouse, "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT starts_with(table_name, '_')")
    assert tables == [("stripe_eu", "coupons")]
    assert "dev:stripe-eu-to-warehouse-duckdb" in project.meltano("state", "list").stdout


def test_schedules(project):
    listed = json.loads(project.meltano("schedule", "list", "--format", "json").stdout)
    assert [s["name"] for s in listed["schedules"]["job"]] == ["shop-hourly"]
    project.meltano("--environment", "dev", "schedule", "run", "shop-hourly")
    assert rows_of_duckdb(project.warehouse, "SELECT count(*) > 0 FROM tap_stripe.charges") == [(True,)]
    tables = rows_of_duckdb(project.warehouse, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'tap_stripe'")
    assert {name for (name,) in tables} == {"charges", "customers", "invoices", "subscriptions"}  # the selection of the environment
    # Both taps have a stream customers: what the warehouse tells of one is not taken for the other's.
    kept = rows_of_duckdb(project.warehouse, "SELECT DISTINCT pipeline, table_schema FROM _singer_tables ORDER BY ALL")
    assert kept == [("tap_recharge", "tap_recharge"), ("tap_stripe", "tap_stripe")]


def test_a_failing_run_ends_with_its_cause(project):
    done = project.meltano("run", "tap-stripe", "warehouse-duckdb", check=False, env={"TAP_STRIPE_API_KEY": "sk_test_revoked"})
    log = done.stdout + done.stderr
    assert done.returncode != 0
    assert "the API key is wrong, expired or revoked" in log
    assert "sk_test_revoked" not in log
    failed = project.meltano("config", "test", "tap-stripe", check=False, env={"TAP_STRIPE_API_KEY": "sk_test_revoked"})
    assert failed.returncode != 0 and "API key" in failed.stdout + failed.stderr


def test_logs_keep_level_and_stream(project):
    """Meltano takes the taps' structured lines apart, so that a warning is one, and a stream is named."""
    future = {"TAP_STRIPE_START_DATE": "2099-01-01T00:00:00Z"}  # of which the tap warns
    done = project.meltano("--log-format", "json", "run", "tap-stripe", "warehouse-duckdb", env=future)
    lines = [json.loads(line) for line in (done.stderr + done.stdout).splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("string_id") == "tap-stripe" or line.get("name") == "tap-stripe"]
    levels = {line["event"][:40]: line["level"] for line in ours}
    assert {"warning", "info"} == set(levels.values()), levels
    timed = {line["metric_info"]["tags"]["stream"] for line in ours if line.get("metric_info", {}).get("metric") == "sync_duration"}
    assert timed == {"customers", "subscriptions", "invoices", "charges"}
