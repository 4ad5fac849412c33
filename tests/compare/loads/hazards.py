"""Values that loads get wrong, in classes of a few rows each, and the comparison of what a table then holds with what was sent.

It needs the standard library alone. A class is a stream of its own, so that a tool that refuses one of them is still tried
with the others.
"""

from __future__ import annotations

import datetime
import decimal
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

INTEGER = {"type": ["null", "integer"]}
NUMBER = {"type": ["null", "number"]}
TEXT = {"type": ["null", "string"]}
MOMENT = TEXT | {"format": "date-time"}
OBJECT = {"type": ["null", "object"]}


@dataclass(frozen=True)
class Hazard:
    """Rows of an id, a value in v and, where later says so, one in w. values are JSON texts; ids count from 1 unless named."""

    name: str
    title: str
    schema: dict[str, Any]
    values: list[str]
    kind: str  # the rule by which values are compared: number, moment, text or json
    ids: list[str] = field(default_factory=list)  # JSON texts
    key_schema: dict[str, Any] = field(default_factory=lambda: {"type": "integer"})
    later: dict[int, str] = field(default_factory=dict)  # by place: the JSON text of w, a column that only these rows have

    @property
    def table(self) -> str:
        return "hazard_" + self.name

    def records(self) -> list[str]:
        """The records as JSON texts."""
        ids = self.ids or [str(i + 1) for i in range(len(self.values))]
        return [
            f'{{"id":{key},"v":{value}' + (f',"w":{self.later[i]}' if i in self.later else "") + "}"
            for i, (key, value) in enumerate(zip(ids, self.values, strict=True))
        ]

    def stream(self) -> str:
        """The records as a Singer stream, whose schema has the later column from the start of the rows that have it."""
        lines, known = [self.schema_line(not self.later)], not self.later
        for i, record in enumerate(self.records()):
            if i in self.later and not known:
                lines.append(self.schema_line(True))
                known = True
            lines.append(f'{{"type":"RECORD","stream":"{self.table}","record":{record}}}')
        return "\n".join(lines) + "\n"

    def schema_line(self, whole: bool) -> str:
        properties = {"id": self.key_schema, "v": self.schema} | ({"w": TEXT} if whole and self.later else {})
        message = {"type": "SCHEMA", "stream": self.table, "key_properties": ["id"], "schema": {"type": "object", "properties": properties}}
        return json.dumps(message)

    def expected(self) -> dict[str, tuple[str | None, str | None]]:
        """By id, the JSON texts of v and w of the last record that has it."""
        ids = self.ids or [str(i + 1) for i in range(len(self.values))]
        return {str(json.loads(key)): (value, self.later.get(i)) for i, (key, value) in enumerate(zip(ids, self.values, strict=True))}


def quoted(texts: Iterable[str]) -> list[str]:
    return [json.dumps(text, ensure_ascii=False) for text in texts]


LATE = 2500  # more rows than tools look at to learn the types

HAZARDS = [
    Hazard(
        "integers",
        "integers of 64 bits",
        INTEGER,
        ["9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808", "0", "null"],
        "number",
    ),
    Hazard("wide", "integers beyond 64 bits", INTEGER, ["9223372036854775808", "18446744073709551616", "-1000000000000000000000000000001"], "number"),
    Hazard(
        "decimals",
        "decimals",
        NUMBER,
        ["0.1", "19.99", "123456789.123456789", "0.0000001234", "0.12345678901234567890", "12345678901234567890.12", "1e5", "-0.5"],
        "number",
    ),
    Hazard(
        "moments",
        "points in time",
        MOMENT,
        quoted(["2024-02-29T23:59:59.123456Z", "2024-07-01T12:00:00+05:30", "2024-07-01T12:00:00.5-08:00"])
        + quoted(["1969-12-31T23:59:59.999999Z", "2300-01-01T00:00:00Z"])
        + ["null"],
        "moment",
    ),
    Hazard("ages", "points in time of years 1 and 9999", MOMENT, quoted(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]), "moment"),
    Hazard(
        "texts",
        "texts",
        TEXT,
        quoted(["", " ", "null", "NULL", "\\N", "007", "1e5", "true", "NaN", "2024-01-01", 'say "no"', "it's", "back\\slash", "a,b;c|d"])
        + quoted(["two\nlines", "\r\n", "tab\there"])
        + quoted([" both ends ", "Zürich 大阪 🚀", "e\u0301", "\u2028", "\u0001", "{}", "[1]", "x" * 70_000])
        + ["null"],
        "text",
    ),
    Hazard("zero", "texts with U+0000", TEXT, [r'"a\u0000b"', '"plain"'], "text"),
    Hazard(
        "nested",
        "nested values",
        OBJECT,
        [
            '{"n":9007199254740993}',
            '{"n":0.12345678901234567890}',
            '{"a":{"b":[1,{"c":null}],"d":{}},"e":[]}',
            '{"dotted.key":"x","with space":"y","ÜBER":"z"}',
            r'{"t":"line\nbreak \"quoted\" \\ 🚀"}',
            "{}",
            "null",
        ],
        "json",
    ),
    Hazard("huge", "a number of nested values beyond doubles", OBJECT, ['{"n":1e400}', '{"n":1}'], "json"),
    Hazard(
        "late",
        "types and columns that show late",
        NUMBER,
        [str(i) for i in range(LATE)] + ["0.5", "19.99"],
        "number",
        later={LATE: '"first"', LATE + 1: '"second"'},
    ),
    Hazard(
        "keys",
        "keys that repeat, or nearly",
        INTEGER,
        [str(i) for i in range(1, 11)],
        "number",
        ids=quoted(["a", "A", "1", "01", "1.0", "a ", "ä", "a", "1", "é"]),
        key_schema={"type": "string"},
    ),
]


def number(text: str) -> decimal.Decimal:
    with decimal.localcontext() as exact:
        exact.prec = 1000
        return +decimal.Decimal(text)


def moment(text: str) -> datetime.datetime:
    """A point in time in any notation of ISO 8601; without a zone it is taken for UTC."""
    at = datetime.datetime.fromisoformat(text.strip('"'))
    return at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)


def nested(text: str) -> Any:
    return json.loads(text, parse_float=number, parse_int=number)


# By kind: what a value that was sent, as JSON, and one that is held, as text, come to, to be compared.
RULES: dict[str, tuple[Callable[[str], Any], Callable[[str], Any]]] = {
    "number": (number, number),
    "moment": (moment, moment),
    "text": (json.loads, str),
    "json": (nested, nested),
}


def same(kind: str, sent: str | None, held: str | None) -> bool:
    """Whether a table holds what was sent: the same value, in whatever notation of its kind."""
    sent = None if sent == "null" else sent
    held = None if kind == "json" and held == "null" else held  # JSON's null in a column of JSON
    if sent is None or held is None:
        return sent is None and held is None
    of_sent, of_held = RULES[kind]
    try:
        return bool(of_sent(sent) == of_held(held))
    except (ValueError, ArithmeticError):
        return False


@dataclass
class Verdict:
    """How the rows of one class differ, by number, with the values that changed."""

    missing: int = 0
    doubled: int = 0
    unexpected: int = 0
    changed: int = 0
    examples: list[str] = field(default_factory=list)


def judge(hazard: Hazard, rows: Iterable[tuple[str, str | None, str | None]]) -> Verdict:
    """Compares the rows of a table, (id, v, w) as texts, with what was sent."""
    expected, verdict, seen = hazard.expected(), Verdict(), Counter[str]()
    for key, *values in rows:
        seen[key] += 1
        if key not in expected:
            verdict.unexpected += 1
            continue
        if seen[key] > 1:
            verdict.doubled += 1
            continue
        for column, kind, sent, held in zip("vw", (hazard.kind, "text"), expected[key], values, strict=True):
            if not same(kind, sent, held):
                verdict.changed += 1
                verdict.examples.append(f"{column} of {key}: {cut(sent)} became {cut(held)}")
    verdict.missing = len(expected.keys() - seen.keys())
    verdict.examples = verdict.examples[:8]
    return verdict


def cut(text: str | None) -> str:
    return "null" if text is None else text if len(text) <= 60 else text[:57] + "…"
