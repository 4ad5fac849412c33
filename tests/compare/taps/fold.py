"""What a target would hold after reading a tap's messages: tables by primary key, the last record of a key winning."""

from __future__ import annotations

import decimal
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

Row = dict[str, Any]


class Message(NamedTuple):
    """A line of a tap, whatever its protocol: keys (of a stream), cursor (by which its rows replace each other, not by
    their order), record, version (older rows go), clear (the table)."""

    kind: str
    stream: str
    value: Any = None
    version: int = 0


def decode(line: str | bytes) -> Any:
    """Reads JSON without changing a digit."""
    return json.loads(line, parse_float=decimal.Decimal)


def singer_messages(lines: Iterator[bytes]) -> Iterator[Message]:
    """The messages of a Singer tap. A state is a message of its own kind."""
    for line in lines:
        if not line.startswith(b"{"):
            continue
        m = decode(line)
        match m.get("type"):
            case "SCHEMA":
                yield Message("keys", m["stream"], m["key_properties"])
            case "RECORD":
                yield Message("record", m["stream"], m["record"], m.get("version") or 0)
            case "ACTIVATE_VERSION":
                yield Message("version", m["stream"], None, m["version"])
            case "STATE":
                yield Message("state", "", json.loads(line)["value"])  # with numbers that can be written again


def airbyte_messages(lines: Iterator[bytes], catalog: dict) -> Iterator[Message]:
    """The messages of an Airbyte source. Streams that are read whole overwrite their table, as their catalog says, and of the
    others the destination keeps the row with the greatest cursor."""
    for entry in catalog["streams"]:
        name = entry["stream"]["name"]
        yield Message("keys", name, [path[-1] for path in entry.get("primary_key") or []])
        if entry["destination_sync_mode"] == "overwrite":
            yield Message("clear", name)
        elif entry.get("cursor_field"):
            yield Message("cursor", name, entry["cursor_field"][-1])
    for line in lines:
        if not line.startswith(b"{"):
            continue
        m = decode(line)
        match m.get("type"):
            case "RECORD":
                yield Message("record", m["record"]["stream"], m["record"]["data"])
            case "STATE":
                yield Message("state", m["state"]["stream"]["stream_descriptor"]["name"], json.loads(line)["state"])


class Tables:
    """The tables of one tap, over any number of runs."""

    def __init__(self) -> None:
        self.keys: dict[str, list[str]] = {}
        self.cursors: dict[str, str] = {}
        self.rows: dict[str, dict[Any, tuple[Row, int]]] = {}  # by stream and key, with the version
        self.delivered: dict[str, set[str]] = {}  # by stream, the paths that ever had a value

    def take(self, m: Message) -> None:
        """Does what a message says."""
        table = self.rows.setdefault(m.stream, {}) if m.stream else {}
        match m.kind:
            case "keys":
                self.keys[m.stream] = m.value
            case "cursor":
                self.cursors[m.stream] = m.value
            case "clear":
                table.clear()
            case "version":
                for key in [key for key, (_, version) in table.items() if version < m.version]:
                    del table[key]
            case "record":
                keys = self.keys.get(m.stream) or []
                key = tuple(json.dumps(m.value.get(name), default=str) for name in keys) if keys else len(table)
                if key not in table or not older(m.value, table[key][0], self.cursors.get(m.stream)):
                    table[key] = (m.value, m.version)
                self.delivered.setdefault(m.stream, set()).update(paths(m.value))

    def of(self, stream: str) -> list[Row]:
        """The rows of a stream."""
        return [row for row, _ in self.rows.get(stream, {}).values()]


def older(row: Row, other: Row, cursor: str | None) -> bool:
    """Whether a row comes before another of the same key by the cursor of their stream, if it has one."""
    a, b = (row.get(cursor), other.get(cursor)) if cursor else (None, None)
    if a is None or b is None:
        return False
    return a < b if isinstance(a, str) == isinstance(b, str) else str(a) < str(b)


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where a record has values: the names of members from the outside in, [] for the elements of lists."""
    value = unwrapped(value)
    if is_empty(value):
        return
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, path + "[]")


def unwrapped(value: Any) -> Any:
    """A list of Stripe's, which is an object around the list, as the list."""
    if isinstance(value, dict) and value.get("object") == "list" and isinstance(value.get("data"), list):
        return value["data"]
    return value


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: null, a list or an object in which nothing is."""
    if isinstance(value, dict):
        return all(is_empty(inner) for inner in value.values())
    return value is None or value == []
