"""The recipes of examples/shell: sync.sh killed anywhere, two accounts, pause, clone, reload, change of key."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest
from conftest import BIN, FAKE_KEY, ROOT, Server, rows_of_duckdb, rows_of_postgres, run

SYNC = ROOT / "examples" / "shell" / "sync.sh"
CONNECTED = "acct_1Connected0000"
STREAMS = ["charges", "customers", "invoices", "prices"]
SEEDS = int(os.environ.get("TAPLINE_SOAK", "3"))  # runs that are killed at random moments


class Fake:
    """The fake of Stripe, with what tests ask of it."""

    def __init__(self, url: str):
        self.url = url

    def control(self, method: str, path: str, account: str | None = None) -> bytes:
        request = urllib.request.Request(f"{self.url}/_control/{path}", method=method)
        if account:
            request.add_header("Stripe-Account", account)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read()

    def later(self, kinds=STREAMS, number: int = 15, account: str | None = None) -> None:
        """An hour goes by, and objects are made."""
        self.control("POST", "clock?advance=1h")
        for kind in kinds:
            self.control("POST", f"create/{kind}?n={number}", account)

    def ids(self, kind: str, account: str | None = None) -> list[str]:
        return sorted(thing["id"] for thing in map(json.loads, self.control("GET", f"objects/{kind}", account).decode().strip().split("\n")))


@pytest.fixture
def fake(tmp_path):
    command = [BIN / "fake-stripe", "--latency", "10ms", "--objects", "400", "--connected", "200", "--revoked-key", "sk_test_old"]
    server = Server([str(part) for part in command] + ["--key", FAKE_KEY, "--url-file", str(tmp_path / "url")], tmp_path / "url")
    yield Fake(server.url)
    server.stop()


class Pipeline:
    """A directory that sync.sh runs."""

    def __init__(self, directory: pathlib.Path, tap: dict, target: dict):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.settings("tap", tap)
        self.settings("target", target)

    def settings(self, of: str, values: dict) -> None:
        file = self.directory / f"{of}.json"
        file.write_text(json.dumps(values))
        file.chmod(0o600)

    def sync(self, *arguments, check=True, env=None):
        return run([SYNC, self.directory, *arguments], check=check, env=env)

    def start(self, env=None) -> subprocess.Popen:
        return subprocess.Popen([SYNC, self.directory], env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"} | (env or {}),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def newest_state(self) -> str:
        """What the next run has to begin with."""
        emitted = self.directory / "states.jsonl"
        whole = emitted.read_text().split("\n")[:-1] if emitted.exists() else []
        kept = self.directory / "state.json"
        return whole[-1] if whole else kept.read_text().strip() if kept.exists() else "{}"

    def wait_until_free(self) -> None:
        with open(self.directory / "lock", "a") as lock:
            deadline = time.monotonic() + 300
            while True:
                try:
                    return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    assert time.monotonic() < deadline, "the lock is never given back"
                    time.sleep(0.02)

    def ids(self, table: str, file: str = "warehouse.duckdb") -> list[str]:
        return [row[0] for row in rows_of_duckdb(self.directory / file, f"SELECT id FROM {table} ORDER BY id")]


def shop(tmp_path, fake: Fake, name="shop", **target) -> Pipeline:
    tap = {"api_key": FAKE_KEY, "base_url": fake.url, "request_rate": 1000, "page_size": 10, "select": [f"{s}.*" for s in STREAMS]}
    return Pipeline(tmp_path / name, tap, {"path": "warehouse.duckdb", "batch_size_rows": 25} | target)


# A tap of numbers: 1, 2 and 3 behind the state that it is given, each with a state, then the end that the file "end" asks for.
NUMBERS = """#!/usr/bin/env bash
n=0
while (($#)); do
	if [[ $1 == --state ]]; then n=$(tr -dc 0-9 <"$2"); fi
	shift
done
echo "$n" >>begun
echo '{"type":"SCHEMA","stream":"numbers","key_properties":["n"],"schema":{"properties":{"n":{"type":"integer"}}}}'
for i in $((n + 1)) $((n + 2)) $((n + 3)); do
	printf '{"type":"RECORD","stream":"numbers","record":{"n":%d}}\\n{"type":"STATE","value":{"n":%d}}\\n' "$i" "$i"
done
if [[ -e end ]]; then source ./end; fi
"""


@pytest.fixture
def numbers(tmp_path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "numbers", {}, {"path": "warehouse.duckdb"})
    tap = pipeline.directory / "tap"
    tap.write_text(NUMBERS)
    tap.chmod(0o755)
    (pipeline.directory / "env.sh").write_text("export TAP=./tap\n")
    return pipeline


def begun(pipeline: Pipeline) -> list[int]:
    """The states that the runs began with."""
    return [int(line) for line in (pipeline.directory / "begun").read_text().split()]


def rows(pipeline: Pipeline) -> list[int]:
    return [row[0] for row in rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT n FROM numbers ORDER BY n")]


def test_a_failed_run_keeps_what_it_has_reached_and_tells_why(numbers):
    end = numbers.directory / "end"
    end.write_text('echo "INFO nearly there" >&2; echo "CRITICAL tap: the numbers are used up; buy some" >&2; exit 4\n')
    failed = numbers.sync(check=False)
    assert (failed.returncode, failed.stdout, failed.stderr) == (4, "", "tap: the numbers are used up; buy some\n")
    end.unlink()
    healthy = numbers.sync()
    assert healthy.stdout + healthy.stderr == "", "cron would write a mail"
    assert begun(numbers) == [0, 3] and rows(numbers) == [1, 2, 3, 4, 5, 6]
    assert json.loads((numbers.directory / "state.json").read_text()) == {"n": 6}


def test_the_targets_failure_counts_more_than_what_it_did_to_the_tap(numbers):
    numbers.settings("target", {"path": "/nowhere/warehouse.duckdb"})
    failed = numbers.sync(check=False)
    assert failed.returncode == 1
    assert failed.stderr.endswith("target-warehouse: there is no directory /nowhere for the DuckDB file; create it first\n")


@pytest.mark.parametrize("left", ['{"n":5}\n', '{"n":4}\n{"n":5}\n{"n":', '{"n":5}\n\x00\x00\x00', '{"n":4}\n{"n":5}\n{"n":{"m":6}'])
def test_states_of_a_killed_run_count_up_to_the_last_whole_line(numbers, left):
    (numbers.directory / "state.json").write_text('{"n":1}\n')
    (numbers.directory / "states.jsonl").write_text(left)
    numbers.sync()
    assert begun(numbers) == [5]


def test_a_killed_run_without_states_leaves_the_last_one(numbers):
    (numbers.directory / "state.json").write_text('{"n":1}\n')
    (numbers.directory / "states.jsonl").write_text('{"n":')
    numbers.sync()
    assert begun(numbers) == [1]


def test_runs_never_overlap(numbers):
    (numbers.directory / "end").write_text("echo >waiting; until [[ -e go ]]; do sleep 0.02; done\n")
    first = numbers.start()
    while not (numbers.directory / "waiting").exists():
        time.sleep(0.02)
    second = numbers.sync(check=False)
    assert second.returncode == 75 and "another run" in second.stderr
    # The script dies, the tap and the target live on: they hold the lock.
    first.kill()
    first.wait()
    assert numbers.sync(check=False).returncode == 75
    (numbers.directory / "go").touch()
    numbers.wait_until_free()
    numbers.sync()
    assert begun(numbers) == [0, 3] and rows(numbers) == [1, 2, 3, 4, 5, 6]


def test_killed_before_each_of_its_commands(numbers, tmp_path):
    """Bash calls the trap before each command of the script; the one at KILL_AT kills it. No state is ever lost.

    Only the script is killed, so each state that was committed was also emitted, and the next run must begin with it.
    """
    traps = tmp_path / "traps"
    traps.write_text("""if [[ $0 == */sync.sh ]]; then set -T; trap '((++step == KILL_AT)) && kill -KILL $$' DEBUG; fi\n""")
    reached, step = 0, 0
    while True:
        step += 1
        process = numbers.start(env={"BASH_ENV": str(traps), "KILL_AT": str(step)})
        code = process.wait(300)
        numbers.wait_until_free()
        state = json.loads(numbers.newest_state()).get("n", 0)
        loaded = rows(numbers) if (numbers.directory / "warehouse.duckdb").exists() else []
        assert loaded == list(range(1, len(loaded) + 1))
        assert state == len(loaded), f"killed before command {step}, the state is {state} where {len(loaded)} was emitted"
        reached = state
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert step > 30
    states = begun(numbers)
    assert states == sorted(states), "a run began with an older state than the one before"
    assert reached > 6


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_kills_at_random_moments(fake, tmp_path, seed):
    dice = random.Random(seed)
    pipeline = shop(tmp_path, fake, batch_size_rows=dice.randint(10, 60))
    for _ in range(4):
        process = pipeline.start()
        time.sleep(dice.uniform(0.05, 2.5))
        kill_one(process, dice.choice(["script", "tap-stripe", "target-warehouse", "all", "all softly"]))
        process.wait(300)
        pipeline.wait_until_free()
        fake.later()
    pipeline.sync()
    for stream in STREAMS:
        assert pipeline.ids(stream) == fake.ids(stream), f"seed {seed}: {stream}"


def kill_one(process: subprocess.Popen, victim: str) -> None:
    """Kills the script, one of its binaries, or all of them, if they are still there."""
    if victim.startswith("all"):
        with_signal = signal.SIGTERM if victim.endswith("softly") else signal.SIGKILL
        try:
            os.killpg(process.pid, with_signal)
        except ProcessLookupError:
            pass
        return
    try:
        script = psutil.Process(process.pid)
        for child in [script] if victim == "script" else script.children(recursive=True):
            if victim == "script" or child.name() == victim:
                child.kill()
    except psutil.NoSuchProcess:
        pass


def test_two_accounts_in_one_warehouse(fake, tmp_path, database):
    """Each account is a pipeline. With PostgreSQL they run at the same time, with a DuckDB file one behind the other."""
    accounts = {"home": None, "abroad": CONNECTED}
    for name, account in accounts.items():
        own = {"default_target_schema": name, "pipeline": name}
        shop(tmp_path / "duckdb", fake, name, path="../both.duckdb", **own)
        postgres = shop(tmp_path / "postgres", fake, name, **own)
        postgres.settings("target", {"destination": "postgres", "url": database} | own)
        if account:
            for place in ("duckdb", "postgres"):
                file = tmp_path / place / name / "tap.json"
                file.write_text(json.dumps(json.loads(file.read_text()) | {"account_id": account}))
    for _ in range(2):
        for name in accounts:
            run([SYNC, tmp_path / "duckdb" / name])
        at_once = [subprocess.Popen([SYNC, tmp_path / "postgres" / name], env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}) for name in accounts]
        assert [process.wait(300) for process in at_once] == [0, 0]
        for name, account in accounts.items():
            truth = fake.ids("customers", account)
            query = f"SELECT id FROM {name}.customers ORDER BY id"
            assert truth and [row[0] for row in rows_of_duckdb(tmp_path / "duckdb" / "both.duckdb", query)] == truth
            assert sorted(row[0] for row in rows_of_postgres(database, query)) == truth
        fake.later(["customers"])
        fake.later(["customers"], account=CONNECTED)
    assert fake.ids("customers") != fake.ids("customers", CONNECTED)


def test_pause_and_go_on(fake, tmp_path):
    pipeline = shop(tmp_path, fake)
    pipeline.sync()
    before = pipeline.newest_state()
    (pipeline.directory / "paused").touch()
    fake.control("POST", "reset-requests")
    fake.later()
    pipeline.sync()
    assert pipeline.newest_state() == before and not json.loads(fake.control("GET", "requests"))
    (pipeline.directory / "paused").unlink()
    pipeline.sync()
    assert pipeline.ids("charges") == fake.ids("charges")


def test_clone(fake, tmp_path):
    """A copy of the directory goes on by itself, from where the original was; both are right."""
    pipeline = shop(tmp_path, fake)
    pipeline.sync()
    run(["flock", "shop/lock", "cp", "-r", "shop", "clone"], cwd=tmp_path)
    clone = Pipeline(tmp_path / "clone", json.loads((tmp_path / "shop/tap.json").read_text()), {"path": "warehouse.duckdb"})
    read = len(fake.ids("charges"))
    fake.later()
    clone.sync()
    assert clone.ids("charges") == fake.ids("charges") and len(pipeline.ids("charges")) == read
    (loaded,) = rows_of_duckdb(clone.directory / "warehouse.duckdb", "SELECT rows_loaded FROM _singer_runs ORDER BY run_id DESC LIMIT 1")
    assert loaded[0] < read, "the clone began at the beginning"
    pipeline.sync()
    assert pipeline.ids("charges") == fake.ids("charges")


def test_state_under_another_name(fake, tmp_path):
    """The recipe that gives a pipeline of a warehouse another name without reading anything again."""
    pipeline = shop(tmp_path, fake, pipeline="old")
    pipeline.sync()
    state = run([BIN / "target-warehouse", "state", "get", "--config", "target.json"], cwd=pipeline.directory).stdout
    copy = pipeline.directory / "copy.json"
    copy.write_text(state)
    run([BIN / "target-warehouse", "state", "set", "copy.json", "--pipeline", "new", "--config", "target.json"], cwd=pipeline.directory)
    again = run([BIN / "target-warehouse", "state", "get", "--pipeline", "new", "--config", "target.json"], cwd=pipeline.directory).stdout
    assert again == state and json.loads(state)["bookmarks"]["charges"]


def test_reload(fake, tmp_path):
    """Rows that somebody damaged come back as the source has them; other streams are not read again."""
    pipeline = shop(tmp_path, fake)
    pipeline.sync()
    truth = rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT id, amount FROM charges ORDER BY id")
    script = "import duckdb; duckdb.connect('warehouse.duckdb').execute('UPDATE charges SET amount = -1; DELETE FROM customers')"
    run([sys.executable, "-c", script], cwd=pipeline.directory)
    pipeline.sync()
    assert rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT DISTINCT amount FROM charges") == [(-1,)]
    pipeline.sync("reload", "charges", "customers")
    assert rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT id, amount FROM charges ORDER BY id") == truth
    assert pipeline.ids("customers") == fake.ids("customers")
    (run_row,) = rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT rows_loaded FROM _singer_runs ORDER BY run_id DESC LIMIT 1")
    assert run_row[0] < len(truth) + len(fake.ids("customers")) + 20, "streams were read again that nobody asked for"
    wrong = pipeline.sync("reload", "chargs", check=False)
    assert wrong.returncode == 2 and "has loaded no stream" in wrong.stderr


def test_change_of_key(fake, tmp_path):
    """A revoked key stops the pipeline with what to do; with the new one it goes on from where it was."""
    pipeline = shop(tmp_path, fake)
    pipeline.sync()
    state = pipeline.newest_state()
    tap = json.loads((pipeline.directory / "tap.json").read_text())
    pipeline.settings("tap", tap | {"api_key": "sk_test_old"})
    failed = pipeline.sync(check=False)
    assert failed.returncode == 3 and "the API key is wrong, expired or revoked; set api_key to a current one" in failed.stderr
    assert "sk_test_old" not in failed.stderr and pipeline.newest_state() == state
    pipeline.settings("tap", {name: value for name, value in tap.items() if name != "api_key"})
    (pipeline.directory / "env.sh").write_text(f"export TAP_STRIPE_API_KEY={FAKE_KEY}\n")
    checked = run(["bash", "-c", "source ./env.sh; tap-stripe --config tap.json --config ENV --check"], cwd=pipeline.directory)
    assert "account: acct_" in checked.stdout
    fake.later()
    pipeline.sync()
    assert pipeline.ids("charges") == fake.ids("charges")
    (loaded,) = rows_of_duckdb(pipeline.directory / "warehouse.duckdb", "SELECT rows_loaded FROM _singer_runs ORDER BY run_id DESC LIMIT 1")
    assert loaded[0] < len(fake.ids("charges")), "it began at the beginning"
