"""How the tables of a tap differ from the account. README.md says which differences do not count."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from taps.fold import Row, Tables, decode, is_empty, unwrapped

INVENTED = {"x_new_field", "x_nested_field"}  # what the fakes add that is nobody's; a tap need not know it
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
TIME = re.compile(r"(\d{4}-\d\d-\d\d)([T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")


def moment(value: Any) -> decimal.Decimal | None:
    """The seconds since 1970 that a value stands for, if it can stand for a time. Without an offset it means UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | decimal.Decimal):
        return decimal.Decimal(value)
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    day, _, clock, fraction, offset = found.groups()
    zone = "+00:00" if offset in (None, "Z") else offset
    at = datetime.datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
    return decimal.Decimal(int(at.timestamp())) + decimal.Decimal(fraction or 0)


def number(value: Any) -> decimal.Decimal | None:
    """The number that a value is or spells."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | decimal.Decimal):
        return decimal.Decimal(value)
    return decimal.Decimal(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


def same(want: Any, have: Any) -> bool:
    """Whether two values that are no lists or objects mean the same."""
    if type(want) is type(have) and want == have:
        return True
    for reading in (number, moment):
        a, b = reading(want), reading(have)
        if a is not None and b is not None:
            return a == b
    yes, other = (want, have) if isinstance(want, bool) else (have, want)
    return isinstance(yes, bool) and not isinstance(other, bool) and str(other).lower() in (str(yes).lower(), str(int(yes)))


def spelt(want: Any, have: Any) -> Any:
    """What a text says that is JSON, where a list or an object is wanted."""
    if isinstance(want, dict | list) and isinstance(have, str) and have[:1] in ("[", "{"):
        with contextlib.suppress(ValueError):
            return decode(have)
    return have


def alike(path: str, want: Any, have: Any) -> bool:
    """Whether two values, not both lists or both objects, mean the same."""
    if is_empty(want) or is_empty(have):
        return False  # the other one is not
    whole, name = (want, have) if isinstance(want, dict) else (have, want)
    if isinstance(whole, dict):
        return isinstance(name, str) and whole.get("id") == name  # an object in place of its id, or the other way round
    if isinstance(want, list) or isinstance(have, list):
        return False
    if (path == "status" or path.endswith(".status")) and isinstance(want, str) and isinstance(have, str):
        return want.lower() == have.lower()  # Recharge writes it in capitals here and there
    return same(want, have)


def differences(want: Any, have: Any) -> list[str]:
    """The paths at which a row lacks or alters what the account holds."""
    return [path for path, _, _ in unequal(want, have)]


def unequal(want: Any, have: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where a row lacks or alters what the account holds, with both values. What it has beside its object's members is free."""
    want, have = unwrapped(want), spelt(want, unwrapped(have))
    if is_empty(want) and is_empty(have):
        return
    if isinstance(want, dict) and isinstance(have, dict):
        for name in want if not path else want.keys() | have.keys():
            if name not in INVENTED:
                yield from unequal(want.get(name), have.get(name), f"{path}.{name}" if path else name)
    elif isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            yield path, want, have
            return
        for a, b in zip(want, have, strict=True):
            yield from unequal(a, b, path + "[]")
    elif not alike(path, want, have):
        yield path, want, have


def within(path: str, found: set[str]) -> bool:
    """Whether a path or one that leads to it is among those found."""
    while path:
        if path in found:
            return True
        path = path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
    return False


@dataclass
class Stream:
    """A stream that taps are compared by, under the name that the comparison gives it."""

    name: str
    key: tuple[str, ...] = ("id",)
    told: bool = True  # whether the API tells of deletions
    above: tuple[str, str] = ("", "")  # of parts of other objects: the stream of those, and the member that names one


    def whose(self, row: Row) -> str:
        """The id of what a row is a part of, as far as the tap says it."""
        return str(row.get(self.above[1]) or row.get(self.above[1] + "_id")) if self.above[1] else ""

    def may_stay(self, key: tuple, row: Row, truth: dict[str, dict[tuple, Row]], forgotten: set[str]) -> bool:
        """Whether no API tells that an object is gone: it went with what it was a part of, or long ago."""
        whole = self.whose(row)
        return not self.told or not forgotten.isdisjoint({*key, whole}) or bool(whole) and (whole,) not in truth[self.above[0]]


@dataclass
class Faults:
    """What differs, with examples."""

    missing: int = 0
    stale: int = 0
    doubled: int = 0
    undeleted: int = 0
    failed: int = 0
    dropped: set[str] = field(default_factory=set)  # stream and path
    changed: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)

    def note(self, fault: str, stream: str, key: Any, *more: str) -> None:
        """Counts a fault of a row and keeps a few of each kind to look at."""
        setattr(self, fault, getattr(self, fault) + 1)
        if sum(text.startswith(f"{fault} {stream} ") for text in self.examples) < 3:
            self.examples.append(" ".join((fault, stream, "/".join(map(str, key)), *more)))

    def add(self, other: Faults, where: str) -> None:
        """Takes the faults of one more account. A field counts once."""
        for name in ("missing", "stale", "doubled", "undeleted", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.dropped |= other.dropped
        self.changed |= other.changed
        self.examples += [f"{where}: {text}" for text in other.examples]

    def counts(self) -> dict[str, int]:
        """The numbers alone."""
        return {
            "rows_missing": self.missing, "rows_stale": self.stale, "rows_doubled": self.doubled, "deletions_missed": self.undeleted,
            "fields_dropped": len(self.dropped), "fields_changed": len(self.changed), "runs_failed": self.failed,
        }


def by_key(stream: Stream, rows: Iterable[Row]) -> dict[tuple, list[Row]]:
    """The rows of a stream by the key that tells its objects apart."""
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(str(row.get(name)) for name in stream.key), []).append(row)
    return found


@dataclass
class Judge:
    """Holds the tables of one tap against its account: fields after a first sync at rest, rows at the end."""

    streams: list[Stream]
    rows_of: Callable[[str], list[Row]]  # of the tap's tables, those that it does not call deleted, by the stream's name
    delivered: Callable[[str], set[str]]
    faults: Faults = field(default_factory=Faults)

    def fields(self, truth: dict[str, dict[tuple, Row]]) -> None:
        """Finds the fields that a tap never delivers, or delivers with another value although nothing has changed."""
        for stream in self.streams:
            have, delivered = by_key(stream, self.rows_of(stream.name)), self.delivered(stream.name)
            for key, want in truth[stream.name].items():
                for path, a, b in (found for row in have.get(key, []) for found in unequal(want, row)):
                    if path not in delivered:
                        self.faults.dropped.add(f"{stream.name}.{outermost(path, delivered)}")
                    elif f"{stream.name}.{path}" not in self.faults.changed:
                        self.faults.changed.add(f"{stream.name}.{path}")
                        self.faults.examples.append(f"changed {stream.name} {'/'.join(key)} {path}: {short(a)} became {short(b)}")

    def rows(self, truth: dict[str, dict[tuple, Row]], forgotten: set[str] = frozenset()) -> None:
        """Counts the rows that are wrong, by fields that the tap can deliver. Of some objects it is forgotten that they
        were deleted."""
        for stream in self.streams:
            have, delivered = by_key(stream, self.rows_of(stream.name)), self.delivered(stream.name)
            for key, want in truth[stream.name].items():
                found = have.pop(key, [])
                if not found:
                    self.faults.note("missing", stream.name, key)
                    continue
                if len(found) > 1:
                    self.faults.note("doubled", stream.name, key, str(len(found)))
                wrong = [p for p in differences(want, found[-1]) if not self.known(stream.name, p, delivered)]
                if wrong:
                    self.faults.note("stale", stream.name, key, *sorted(wrong)[:4])
            for key, rows in have.items():
                if not stream.may_stay(key, rows[-1], truth, forgotten):
                    self.faults.note("undeleted", stream.name, key)

    def known(self, stream: str, path: str, delivered: set[str]) -> bool:
        """Whether a difference is that of a field, which is counted once and not for every row."""
        if within(f"{stream}.{path}", self.faults.dropped | self.faults.changed):
            return True
        if path in delivered:
            return False
        self.faults.dropped.add(f"{stream}.{outermost(path, delivered)}")
        return True


def short(value: Any) -> str:
    """A value in at most 80 characters."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def outermost(path: str, delivered: set[str]) -> str:
    """The first part of a path that a tap never had a value at."""
    parts = [p for p in re.split(r"(\.|\[\])", path) if p and p != "."]
    at = ""
    for part in parts:
        at = at + part if part == "[]" else f"{at}.{part}" if at else part
        if at not in delivered:
            return at
    return path


def truth_by_key(stream: Stream, objects: Iterable[Row]) -> dict[tuple, Row]:
    """The objects of an account as rows by key."""
    return {key: rows[-1] for key, rows in by_key(stream, objects).items()}


def judge_of(tables: Tables, streams: list[Stream], place: Callable[[str], str], keep: Callable[[str, Row], bool]) -> Judge:
    """A judge of tables whose streams have other names (place), with rows that do not belong to a stream or are marked
    as deleted left out (keep)."""
    return Judge(
        streams,
        lambda name: [row for row in tables.of(place(name)) if keep(name, row)],
        lambda name: tables.delivered.get(place(name), set()),
    )
