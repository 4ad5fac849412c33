"""What the tests share: the binaries, the fake of Stripe, a PostgreSQL server, and a way to look into warehouses."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

import duckdb
import psycopg
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TAPLINE_BIN", ROOT / "bin"))
VENVS = pathlib.Path(os.environ["TAPLINE_VENVS"])  # one for each outside tool, made by run.sh
FAKE_KEY = "sk_test_fake"
FAKE_TOKEN = "sk_1x1_fake"


class Server:
    """A process of ours that writes its address to a file and ends when its input does."""

    def __init__(self, command: list[str], address: pathlib.Path):
        address.unlink(missing_ok=True)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not (address.exists() and address.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start")
            time.sleep(0.05)
        self.url = address.read_text().strip()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(300)


@pytest.fixture(scope="session")
def fake_stripe(tmp_path_factory):
    """The fake of Stripe with 2,000 objects; its address."""
    address = tmp_path_factory.mktemp("stripe") / "url"
    server = Server([str(BIN / "fake-stripe"), "--objects", "2000", "--url-file", str(address)], address)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def fake_recharge(tmp_path_factory):
    """The fake of Recharge with 1,000 objects; its address."""
    address = tmp_path_factory.mktemp("recharge") / "url"
    server = Server([str(BIN / "fake-recharge"), "--objects", "1000", "--url-file", str(address)], address)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A server of its own; the URL of its database postgres."""
    address = tmp_path_factory.mktemp("postgres") / "url"
    server = Server([str(BIN / "postgres-for-tests"), "--url-file", str(address)], address)
    yield server.url
    server.stop()


@pytest.fixture
def database(postgres, request):
    """An empty database; its URL."""
    name = "t" + str(abs(hash(request.node.nodeid)))
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.rsplit("/", 1)[0] + "/" + name + ("?" + postgres.split("?", 1)[1] if "?" in postgres else "")


def run(command, *, stdin: str | bytes | None = None, env: dict[str, str] | None = None, cwd=None, check=True):
    """Runs a command that must succeed, unless check says otherwise, with the binaries on its PATH."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"} | (env or {})
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([str(c) for c in command], input=stdin, capture_output=True, env=environment, cwd=cwd, timeout=600, check=False)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def rows_of_duckdb(path, query: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def rows_of_postgres(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()
