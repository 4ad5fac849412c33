"""The taps that are compared: how each is set up, run and understood. All are reached by their default addresses."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from taps.fold import Message, Row, airbyte_messages, singer_messages

STRIPE, RECHARGE = "stripe", "recharge"
STRIPE_KEY, STRIPE_ACCOUNT = "sk_live_fake", "acct_1FakeTapline"
RECHARGE_TOKEN = "sk_1x1_fake"
REQUIREMENTS = pathlib.Path(__file__).parent / "requirements"


@dataclass
class Run:
    """Where a tap runs: a folder of its own, the time from which there are objects, and the streams to read."""

    folder: pathlib.Path
    start: str
    streams: list[str]  # in the comparison's names
    env: dict[str, str] | None = None
    state: Any = None

    def write(self, name: str, value: Any) -> str:
        """Writes a JSON file into the folder and returns its path."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(value))
        return str(path)


@dataclass
class Tool:
    """A tap. The rest of its settings are its defaults."""

    name: str
    api: str
    source: str  # where it comes from
    command: list[pathlib.Path | str]
    names: dict[str, str] = field(default_factory=dict)  # of streams that it calls otherwise
    lacks: frozenset[str] = frozenset()
    venv: str = ""  # name of its lock file, if it is a Python package
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version in the lock file."""
        for line in (REQUIREMENTS / f"{self.venv}.txt").read_text().splitlines() if self.venv else []:
            if line.startswith(self.venv + "=="):
                return line.partition("==")[2]
        return subprocess.run([*self.command, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def place(self, stream: str) -> str:
        """What the tap calls a stream."""
        return self.names.get(stream, stream)

    def prepare(self, run: Run) -> list[str]:
        """Writes what a run needs and returns its command line."""
        raise NotImplementedError

    def messages(self, run: Run, lines: Iterator[bytes]) -> Iterator[Message]:
        """What a run wrote."""
        return singer_messages(lines)

    def remember(self, run: Run, states: list[Message]) -> None:
        """Keeps the state from which the next run goes on."""
        if states:
            run.state = states[-1].value

    def keeps(self, stream: str, row: Row) -> bool:
        """Whether a row belongs to a stream and is not marked as deleted."""
        return True


class Tapline(Tool):
    """A tap of this project."""

    def prepare(self, run: Run) -> list[str]:
        secret = {"api_key": STRIPE_KEY} if self.api == STRIPE else {"access_token": RECHARGE_TOKEN}
        config = secret | {"select": [f"{self.place(s)}.*" for s in run.streams]} | self.settings
        command = [*map(str, self.command), "--config", run.write("config.json", config)]
        return command + (["--state", run.write("state.json", run.state)] if run.state else [])

    def keeps(self, stream: str, row: Row) -> bool:
        return row.get("deleted") is not True and not row.get("_sdc_deleted_at")


class SingerIO(Tool):
    """A tap of singer-io, which takes its selection from the catalog that it discovers."""

    def prepare(self, run: Run) -> list[str]:
        common = {"start_date": run.start, "user_agent": "comparison"}
        if self.api == STRIPE:
            config = common | {"client_secret": STRIPE_KEY, "account_id": STRIPE_ACCOUNT}
        else:
            config = common | {"access_token": RECHARGE_TOKEN}
        command = [*map(str, self.command), "--config", run.write("config.json", config | self.settings)]
        catalog = run.folder / "catalog.json"
        if not catalog.exists():
            found = subprocess.run([*command, "--discover"], capture_output=True, check=False, cwd=run.folder, env=run.env)
            if found.returncode != 0:
                raise RuntimeError(f"{self.name} --discover ended with {found.returncode}: {last_words(found.stderr)}")
            run.write("catalog.json", select(json.loads(found.stdout), {self.place(s) for s in run.streams}))
        command += ["--catalog", str(catalog)]
        return command + (["--state", run.write("state.json", run.state)] if run.state else [])

    def keeps(self, stream: str, row: Row) -> bool:
        # A subscription that was canceled has an event called deleted, and stays.
        return stream == "subscriptions" or not str(row.get("updated_by_event_type")).endswith(".deleted")


class Airbyte(Tool):
    """A source of Airbyte, run as the platform runs it: every stream incremental with deduplication where it can be,
    else read whole and overwritten."""

    def prepare(self, run: Run) -> list[str]:
        if self.api == STRIPE:
            config = {"client_secret": STRIPE_KEY, "account_id": STRIPE_ACCOUNT, "start_date": run.start}
        else:
            config = {"access_token": RECHARGE_TOKEN, "start_date": run.start}
        path = run.write("config.json", config | self.settings)
        catalog = run.folder / "catalog.json"
        if not catalog.exists():
            found = subprocess.run([*map(str, self.command), "discover", "--config", path], capture_output=True, check=False, cwd=run.folder, env=run.env)
            streams = [m["catalog"]["streams"] for m in map(json.loads, found.stdout.splitlines()) if m["type"] == "CATALOG"]
            if not streams:
                raise RuntimeError(f"{self.name} discover ended with {found.returncode}: {last_words(found.stdout + found.stderr)}")
            run.write("catalog.json", {"streams": [configured(s) for s in streams[0] if s["name"] in {self.place(n) for n in run.streams}]})
        command = [*map(str, self.command), "read", "--config", path, "--catalog", str(catalog)]
        return command + (["--state", run.write("state.json", continued(json.loads(catalog.read_text()), run.state))] if run.state else [])

    def messages(self, run: Run, lines: Iterator[bytes]) -> Iterator[Message]:
        return airbyte_messages(lines, json.loads((run.folder / "catalog.json").read_text()))

    def remember(self, run: Run, states: list[Message]) -> None:
        run.state = (run.state or {}) | {m.stream: m.value for m in states}

    def keeps(self, stream: str, row: Row) -> bool:
        if stream.startswith("metafields_"):  # which are one stream
            return row.get("owner_resource") == stream.removeprefix("metafields_")
        return stream == "subscriptions" or row.get("is_deleted") is not True


def select(catalog: dict, streams: set[str]) -> dict:
    """A catalog with these streams selected in full, and no others."""
    catalog["streams"] = [s for s in catalog["streams"] if s["tap_stream_id"] in streams]
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog


def configured(stream: dict) -> dict:
    """A stream of an Airbyte catalog, configured."""
    incremental = "incremental" in stream["supported_sync_modes"]
    return {
        "stream": stream, "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": "append_dedup" if incremental else "overwrite",
        "cursor_field": stream.get("default_cursor_field") or [], "primary_key": stream.get("source_defined_primary_key") or [],
    }


def continued(catalog: dict, states: dict[str, Any]) -> list[Any]:
    """The states from which a source goes on: those of incremental streams. The platform keeps none of the others."""
    return [states[name] for name in (s["stream"]["name"] for s in catalog["streams"] if s["sync_mode"] == "incremental") if name in states]


def last_words(output: bytes) -> str:
    """The last line of a program's output that is not empty, in short."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][-300:] if lines else "it says nothing"


def tools(binaries: pathlib.Path, venvs: pathlib.Path) -> list[Tool]:
    """All of them: ours with the default settings, ours with the whole of the account's rate, and the others."""
    metafields = {f"metafields_{owner}": "metafields" for owner in ("store", "customer", "subscription")}
    stripe, recharge = [binaries / "tap-stripe"], [binaries / "tap-recharge"]
    return [
        Tapline("tapline tap-stripe", STRIPE, "this repository", stripe),
        Tapline("tapline tap-stripe, request_rate 100", STRIPE, "this repository", stripe, settings={"request_rate": 100}),
        SingerIO("singer-io tap-stripe", STRIPE, "PyPI", [venvs / "tap-stripe/bin/tap-stripe"], venv="tap-stripe"),
        Airbyte("airbyte-source-stripe", STRIPE, "PyPI", [venvs / "airbyte-source-stripe/bin/source-stripe"], venv="airbyte-source-stripe"),
        Tapline("tapline tap-recharge", RECHARGE, "this repository", recharge),
        Tapline("tapline tap-recharge, request_share 1", RECHARGE, "this repository", recharge, settings={"request_share": 1}),
        SingerIO("singer-io tap-recharge", RECHARGE, "PyPI", [venvs / "tap-recharge/bin/tap-recharge"], venv="tap-recharge"),
        Airbyte("airbyte-source-recharge", RECHARGE, "PyPI", [venvs / "airbyte-source-recharge/bin/source-recharge"], names=metafields,
                venv="airbyte-source-recharge"),
    ]
