"""The DAG in examples/airflow, run by the real Airflow."""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.request

import pytest
from conftest import BIN, FAKE_KEY, ROOT, VENVS, Server, rows_of_postgres, run

AIRFLOW = VENVS / "airflow" / "bin" / "airflow"
GROUPS = ("customers", "billing", "payments")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Airflow's home with its database, prepared as the README says."""
    directory = tmp_path_factory.mktemp("airflow")
    env = environment(directory)
    run([AIRFLOW, "db", "migrate"], env=env)
    run([AIRFLOW, "pools", "set", "stripe", "50", "requests a second to Stripe"], env=env)
    return directory


@pytest.fixture
def fake(tmp_path):
    command = [str(BIN / "fake-stripe"), "--objects", "500", "--key", FAKE_KEY, "--revoked-key", "sk_test_revoked", "--url-file", str(tmp_path / "url")]
    server = Server(command, tmp_path / "url")
    yield server.url
    server.stop()


def control(fake: str, path: str, body: dict | None = None):
    data = json.dumps(body).encode() if body else b""
    with urllib.request.urlopen(urllib.request.Request(f"{fake}/_control/{path}", method="POST", data=data), timeout=300) as answer:
        return answer.read()


def objects(fake: str, kind: str) -> list[str]:
    with urllib.request.urlopen(f"{fake}/_control/objects/{kind}", timeout=300) as answer:
        return sorted(json.loads(line)["id"] for line in answer.read().decode().strip().split("\n"))


def environment(home, **more: str) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "PYTHONDONTWRITEBYTECODE": "1",
    } | more


class Airflow:
    """The DAG with a fake Stripe and a database of its own."""

    def __init__(self, home, fake: str, database: str):
        self.home, self.fake, self.database = home, fake, database

    def test(self, key: str = FAKE_KEY, **more: str):
        """One run of the DAG, as `airflow dags test` makes one."""
        return run([AIRFLOW, "dags", "test", "stripe"], check=False, env=environment(
            self.home,
            AIRFLOW_CONN_STRIPE=json.dumps({"conn_type": "generic", "password": key}),
            AIRFLOW_CONN_WAREHOUSE=self.database,
            TAP_STRIPE_BASE_URL=self.fake,
            **more,
        ))

    def states(self) -> dict[str, str]:
        """How the tasks of the newest run ended, in Airflow's own words."""
        with sqlite3.connect(self.home / "airflow.db") as connection:
            return dict(connection.execute(
                "SELECT task_id, state FROM task_instance WHERE run_id = (SELECT run_id FROM dag_run ORDER BY id DESC LIMIT 1)").fetchall())

    def ids(self, table: str) -> list[str]:
        return sorted(row[0] for row in rows_of_postgres(self.database, f"SELECT id FROM stripe.{table}"))

    def loaded(self) -> dict[str, int]:
        """The rows that the newest run of each pipeline brought."""
        return dict(rows_of_postgres(self.database, "SELECT DISTINCT ON (pipeline) pipeline, rows_loaded FROM stripe._singer_runs ORDER BY pipeline, run_id DESC"))


@pytest.fixture
def airflow(home, fake, database):
    return Airflow(home, fake, database)


def test_runs_go_on_from_the_warehouse(airflow, fake):
    done = airflow.test()
    assert airflow.states() == dict.fromkeys(GROUPS, "success"), done.stdout[-3000:] + done.stderr[-3000:]
    for table in ("customers", "invoices", "charges", "balance_transactions"):
        assert airflow.ids(table) == objects(fake, table)
    assert FAKE_KEY not in done.stdout + done.stderr

    control(fake, "clock?advance=2h")
    control(fake, "create/charges?n=7")
    airflow.test()
    assert airflow.states() == dict.fromkeys(GROUPS, "success")
    assert airflow.ids("charges") == objects(fake, "charges")
    assert airflow.loaded()["stripe-payments"] < len(objects(fake, "charges")), "everything was read again"


def test_a_failed_task_is_red_and_says_why(airflow, fake):
    done = airflow.test(key="sk_test_revoked")
    log = done.stdout + done.stderr
    assert done.returncode != 0 and set(airflow.states().values()) == {"failed"}, "a wrong key is not tried again"
    assert "the API key is wrong, expired or revoked; set api_key to a current one" in log
    assert "sk_test_revoked" not in log


def test_a_run_after_a_failure_goes_on_where_that_one_ended(airflow, fake, tmp_path):
    """Airflow's own retries are turned off in a copy of the DAG: `airflow dags test` would wait for them."""
    dag = (ROOT / "examples/airflow/dags/stripe.py").read_text()
    assert dag.count('"retries": 3') == 1
    (tmp_path / "stripe.py").write_text(dag.replace('"retries": 3', '"retries": 0'))
    control(fake, "fail", {"mode": "internal", "path": "/v1/invoices"})
    done = airflow.test(TAP_STRIPE_MAX_RETRIES="0", AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path))
    assert airflow.states() == {"customers": "success", "billing": "failed", "payments": "success"}
    assert "/v1/invoices still failed after 0 retries; try later" in done.stdout + done.stderr
    control(fake, "reset-failures")
    airflow.test()
    assert airflow.states() == dict.fromkeys(GROUPS, "success")
    assert airflow.ids("invoices") == objects(fake, "invoices")


def test_slots_of_the_pool_are_requests_a_second(home):
    """What a task takes of the pool is what its tap is told, and the largest task fits."""
    script = """if True:
        import json, sys
        sys.path.insert(0, sys.argv[1])
        from stripe import GROUPS, POOL
        from airflow.dag_processing.dagbag import DagBag
        dag = DagBag(sys.argv[1]).dags["stripe"]
        print(json.dumps([(t.task_id, t.pool, t.pool_slots, t.env["TAP_STRIPE_REQUEST_RATE"]) for t in dag.tasks]))
    """
    folder = ROOT / "examples" / "airflow" / "dags"
    done = run([VENVS / "airflow" / "bin" / "python", "-c", script, folder], env=environment(home))
    tasks = json.loads(done.stdout.strip().split("\n")[-1])
    assert [task[0] for task in tasks] == list(GROUPS)
    assert all(pool == "stripe" and slots == int(rate) <= 50 for _, pool, slots, rate in tasks)
