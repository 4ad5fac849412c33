"""What is done with each tap: a first sync that is timed, and accounts that change between syncs and during them."""

from __future__ import annotations

import datetime
import pathlib
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from taps import stage
from taps.compare import Faults, judge_of
from taps.fold import Message, Tables
from taps.tools import STRIPE, STRIPE_KEY, Run, Tool, last_words
from taps.truth import STREAMS, truth_of

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60

# Of the account of a live key, and of a token: https://docs.stripe.com/rate-limits, and Recharge's bucket.
LIMITS = {
    "stripe": ["--rate", "100", "--endpoint-rate", "25", "--files-rate", "20", "--latency", "300ms"],
    "recharge": ["--bucket", "40", "--leak", "2", "--latency", "300ms"],
}


@dataclass
class Scenario:
    """How an account changes while it is read again and again."""

    gaps: list[int]  # seconds between the syncs
    busy: bool = False  # things happen during syncs, too
    late: dict[str, list[str]] = field(default_factory=dict)  # how late they can be seen, by API


GAPS = [10 * MINUTE, 30 * HOUR, 9 * DAY]
SCENARIOS = {
    "at rest": Scenario(GAPS),
    "busy": Scenario(GAPS, busy=True),
    "busy, seen late": Scenario(GAPS, busy=True, late={"stripe": ["--event-delay", "40s"], "recharge": ["--delay", "20m"]}),
    "after 40 days": Scenario([40 * DAY]),  # longer than Stripe keeps events
}
HARDEST = ["busy, seen late", "after 40 days"]
CHANGES = 40  # in a gap, and as many during a sync


@dataclass
class Place:
    """What all runs share."""

    binaries: pathlib.Path
    folder: pathlib.Path
    faketime: pathlib.Path | None

    def folder_for(self, tool: Tool) -> pathlib.Path:
        """An empty folder for a tool."""
        path = self.folder / "".join(c if c.isalnum() else "-" for c in tool.name)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def account(self, api: str, *flags: str):
        """An account whose clock goes on by itself."""
        key = ["--key", STRIPE_KEY] if api == STRIPE else []
        return stage.account(api, self.binaries, self.folder, [*key, "--pace", "1", *flags])


@dataclass
class Reader:
    """A tap with what it remembers and what it has delivered."""

    tool: Tool
    run: Run
    tables: Tables = field(default_factory=Tables)

    def sync(self, env: dict[str, str], timeout: float) -> stage.Measured:
        """Runs the tap once and takes what it wrote, also if it failed, as a target would."""
        self.run.env = env
        measured = stage.execute(self.tool.prepare(self.run), self.run.folder, env, timeout)
        states = []
        with open(self.run.folder / "out", "rb") as lines:
            for message in self.tool.messages(self.run, whole(lines)):
                if message.kind == "state":
                    states.append(message)
                else:
                    self.tables.take(message)
        self.tool.remember(self.run, states)
        return measured


def whole(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines that have an end."""
    return (line for line in lines if line.endswith(b"\n"))


def reader(place: Place, tool: Tool, start: datetime.datetime) -> Reader:
    """A tap before its first run."""
    streams = [s.name for s in STREAMS[tool.api] if s.name not in tool.lacks]
    return Reader(tool, Run(place.folder_for(tool), start.strftime("%Y-%m-%dT%H:%M:%SZ"), streams))


def speed(place: Place, tool: Tool, objects: int, timeout: float) -> dict:
    """A first sync of an account as its API limits it, today."""
    now = datetime.datetime.now(datetime.UTC)
    flags = ["--now", now.strftime("%Y-%m-%dT%H:%M:%SZ"), "--objects", str(objects), "--seed", "3", *LIMITS[tool.api]]
    with place.account(tool.api, *flags) as account:
        r = reader(place, tool, now - datetime.timedelta(days=731))
        r.run.env = stage.environment(account.authority, None, None)
        command = tool.prepare(r.run)
        time.sleep(1.1)  # in which a limit recovers from the discovery
        asked = len(account.control("GET", "requests"))
        measured = stage.execute(command, r.run.folder, r.run.env, timeout)
        asked = len(account.control("GET", "requests")) - asked
    if measured.status != 0:
        raise RuntimeError(f"ended with {measured.status}: {complaint(r.run.folder)}")
    with open(r.run.folder / "out", "rb") as lines:
        records, rows = count(tool.messages(r.run, lines))
    return {"wall": measured.wall, "cpu": measured.cpu, "peak_mb": measured.peak_mb, "rows": rows, "records": records, "requests": asked}


def complaint(folder: pathlib.Path) -> str:
    """What a run said last, on stderr or else in its output."""
    return last_words((folder / "err").read_bytes() or (folder / "out").read_bytes())


def count(messages: Iterator[Message]) -> tuple[int, int]:
    """How many records there are, and how many rows they make."""
    records, keys, rows = 0, {}, set()
    for m in messages:
        if m.kind == "keys":
            keys[m.stream] = m.value
        elif m.kind == "record":
            records += 1
            rows.add((m.stream, *(m.value.get(name) for name in keys.get(m.stream) or [])))
    return records, len(rows)


def fidelity(place: Place, tool: Tool, scenario: str, seed: int, timeout: float) -> Faults:
    """Lets an account change between syncs and, in some scenarios, during them, and counts what is wrong in the end."""
    play = SCENARIOS[scenario]
    with place.account(tool.api, "--objects", "250", "--seed", str(seed), "--latency", "10ms", *play.late.get(tool.api, [])) as account:
        account.advance(2 * HOUR)
        r = reader(place, tool, datetime.datetime.fromtimestamp(account.now(), datetime.UTC) - datetime.timedelta(days=740))
        judge = judge_of(r.tables, STREAMS[tool.api], tool.place, tool.keeps)

        def sync() -> None:
            measured = r.sync(stage.environment(account.authority, account.now() - int(time.time()) - 1, place.faketime), timeout)
            if measured.status != 0:
                judge.faults.failed += 1
                judge.faults.examples.append(f"failed with {measured.status}: {complaint(r.run.folder)}")

        sync()
        judge.fields(truth_of(account))
        for gap in play.gaps:
            for _ in range(4):
                account.advance(gap // 4)
                account.step(CHANGES // 4)
            settle(account)
            if play.busy:
                with changing(account):
                    sync()
            else:
                sync()
        account.advance(2 * HOUR)
        settle(account)
        sync()
        judge.rows(truth_of(account), account.forgotten())
    return judge.faults


def settle(account: stage.Account) -> None:
    """Lets balance transactions become available whose time has come, of which Stripe sends no event."""
    if account.api == STRIPE:
        account.control("POST", "settle")


class changing:
    """Lets things happen, a few at a time, while a block runs. What has not happened until its end happens then."""

    def __init__(self, account: stage.Account):
        self.account, self.left, self.ended = account, CHANGES, threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self) -> None:
        while self.left > 0 and not self.ended.wait(0.1):
            self.account.step(2)
            self.left -= 2

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        if self.left > 0:
            self.account.step(self.left)
