"""The warehouses that are loaded into: DuckDB files, databases of a PostgreSQL server, folders of files."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time
from typing import Any

import duckdb
import psycopg

from loads.place import Place

ROLE = PASSWORD = "peer"  # no tool has to cope with special characters of a password here


class Files:
    """Warehouses that are files or folders below a folder: DuckDB's, and those of JSON lines and Parquet."""

    def __init__(self, kind: str, folder: pathlib.Path):
        self.kind, self.folder = kind, folder

    def make(self, name: str, of: str | None = None) -> Place:
        """Makes a warehouse anew, empty or as a copy of another."""
        path = self.folder / (f"{name}.duckdb" if self.kind == "duckdb" else name)
        for old in (path, path.with_name(path.name + ".wal")):
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        if of and self.kind == "duckdb":
            shutil.copyfile(self.folder / f"{of}.duckdb", path)
        elif self.kind != "duckdb":
            path.mkdir()
        return Place(self.kind, str(path))

    def query(self, place: Place, query: str, table: str) -> list[tuple[Any, ...]]:
        """Runs a query, in which {table} stands for the table of that name."""
        with duckdb.connect(place.where if self.kind == "duckdb" else ":memory:", read_only=self.kind == "duckdb") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(query.format(table=self.table(connection, place, table))).fetchall()

    def table(self, connection: Any, place: Place, table: str) -> str:
        if self.kind == "duckdb":
            return find_table(connection.execute(FIND, [table]).fetchall(), table)
        files = [str(path) for path in files_of(place, table)]
        return f"read_parquet({files}, union_by_name=true)" if self.kind == "parquet" else f"read_json({files}, format='newline_delimited')"

    def columns(self, place: Place, table: str) -> dict[str, str]:
        """The columns of a table and their types."""
        return {name: kind for name, kind, *_ in self.query(place, "DESCRIBE SELECT * FROM {table}", table)}

    def cpu(self) -> float:
        """The processor time of a server; there is none."""
        return 0.0

    def settle(self, place: Place) -> None:
        """Does nothing: a file is as it was written."""

    def stop(self) -> None:
        """Ends nothing: there is no server."""


def files_of(place: Place, table: str) -> list[pathlib.Path]:
    """The files of a table in a folder: those in a folder of its name, or of its name themselves."""
    found = [path for path in sorted(pathlib.Path(place.where).rglob(f"*.{place.kind}")) if table in (path.parent.name, path.stem)]
    if not found:
        raise LookupError(f"there is no file of {table}")
    return found


# dlt keeps what it merges from in a schema of its own, in a table of the same name.
FIND = "SELECT table_schema, table_name FROM information_schema.tables WHERE lower(table_name) = lower(?) AND table_schema NOT LIKE '%\\_staging' ESCAPE '\\'"


def find_table(found: list[tuple[str, str]], table: str) -> str:
    """The quoted name of the one table that was found."""
    if len(found) != 1:
        raise LookupError(f"{len(found)} tables are named {table}")
    return ".".join('"' + part.replace('"', '""') + '"' for part in found[0])


class Postgres:
    """Databases of a server that this starts, with a role for all tools."""

    kind = "postgres"

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path):
        address = folder / "postgres-url"
        self.process = subprocess.Popen([str(binary), "--url-file", str(address)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (address.exists() and address.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{binary.name} does not start")
            time.sleep(0.05)
        with psycopg.connect(address.read_text().strip(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
            connection.execute(f"ALTER ROLE {ROLE} SET timezone = 'UTC'")  # the server's own zone is another
            self.port = connection.info.port

    def url(self, database: str) -> str:
        return f"postgres://{ROLE}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def make(self, name: str, of: str | None = None) -> Place:
        """Makes a database anew, empty or as a copy of another, and has the server write out what it holds in memory."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{of or "template1"}"')
            connection.execute("CHECKPOINT")
        return Place(self.kind, self.url(name))

    def query(self, place: Place, query: str, table: str) -> list[tuple[Any, ...]]:
        """Runs a query, in which {table} stands for the table of that name."""
        with psycopg.connect(place.where, options="-c timezone=UTC") as connection:
            found = find_table(connection.execute(FIND.replace("%", "%%").replace("?", "%s"), [table]).fetchall(), table)
            return connection.execute(query.format(table=found)).fetchall()

    def columns(self, place: Place, table: str) -> dict[str, str]:
        """The columns of a table and their types."""
        of_table = f"SELECT column_name, data_type FROM information_schema.columns WHERE lower(table_name) = lower('{table}') ORDER BY ordinal_position"
        return dict(self.query(place, of_table, table))

    def cpu(self) -> float:
        """Seconds of processor time that the server has taken since it started, where the system tells them."""
        total = 0.0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                number, fields = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue  # the process has ended
            parent = int(fields[1])
            if parent == self.process.pid:
                total += sum(map(int, fields[11:15]))  # the postmaster, with the children that it has waited for
            elif parent_of(parent) == self.process.pid and number != self.process.pid:
                total += sum(map(int, fields[11:13]))
        return total / os.sysconf("SC_CLK_TCK")

    def settle(self, place: Place) -> None:
        """Has the server do at once what it would do to a filled table by and by."""
        with psycopg.connect(place.where, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def parent_of(process: int) -> int:
    try:
        return int(pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
