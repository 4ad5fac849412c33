"""The target tests of the Meltano SDK on target-warehouse, with the content of the tables checked, which they leave to us.

The two classes that the SDK itself leaves out of its suite are in: several states, and a record without a required property.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys

import pytest
from conftest import BIN, rows_of_duckdb, rows_of_postgres, run
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException
from singer_sdk.target_base import Target
from singer_sdk.testing import SuiteConfig
from singer_sdk.testing import target_test_streams, target_tests
from singer_sdk.testing.runners import TargetTestRunner

STREAMS = pathlib.Path(target_test_streams.__file__).parent
TESTS = {
    test.name: test
    for test in vars(target_tests).values()
    if isinstance(test, type) and issubclass(test, target_tests.TargetTestTemplate) and getattr(test, "name", None)
}


class Warehouse(Target):
    """target-warehouse in the place of a target written with the SDK."""

    name = "target-warehouse"
    config_jsonschema = {"type": "object", "properties": {}}

    def process_lines(self, file_input) -> None:
        done = run([BIN / self.name, "--config", self.config["file"]], stdin=file_input.read(), check=False)
        sys.stdout.write(done.stdout)
        if done.returncode == 0:
            return
        diagnosis = done.stderr.splitlines()[-1]
        # The SDK's exceptions, by what the diagnosis says.
        if "before the stream's SCHEMA" in diagnosis:
            raise RecordsWithoutSchemaException(diagnosis)
        if "key" in diagnosis:
            raise MissingKeyPropertiesError(diagnosis)
        raise RuntimeError(diagnosis)

    def process_endofpipe(self) -> None:
        pass

    def print_version(self, *_) -> None:
        assert run([BIN / self.name, "--version"]).stdout.startswith(self.name)

    def print_about(self, output_format: str | None = None) -> None:
        about = run([BIN / self.name, "--about", *(["--format", output_format] if output_format else [])]).stdout
        if output_format == "json":
            assert json.loads(about)["name"] == self.name


class Place:
    """A warehouse and how to ask it."""

    def __init__(self, kind, config, rows):
        self.kind, self.config, self.rows = kind, config, rows


@pytest.fixture(params=["duckdb", "postgres"])
def place(request, tmp_path):
    if request.param == "duckdb":
        file = tmp_path / "warehouse.duckdb"
        return Place("duckdb", {"path": str(file)}, lambda query: rows_of_duckdb(file, query))
    url = request.getfixturevalue("database")
    return Place("postgres", {"destination": "postgres", "url": url}, lambda query: rows_of_postgres(url, query))


def load(place, name, tmp_path, expect=None, **settings):
    """Runs a test of the SDK as its own suite does; expect is the failure that it must end with."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(place.config | settings))
    file.chmod(0o600)
    test = TESTS[name]()
    runner = TargetTestRunner(target_class=Warehouse, config={"file": str(file)}, suite_config=SuiteConfig())
    with pytest.raises(expect) if expect else contextlib.nullcontext():
        test.run(SuiteConfig(), None, runner)
    return runner


# What each test of the SDK must leave behind: a query and its rows. A failing test leaves nothing.
CONTENT = {
    "array_data": ("SELECT id, CAST(fruits AS VARCHAR) FROM test_array_data ORDER BY id LIMIT 1", [(1, '["apple","orange","pear"]')]),
    "camelcase": ('SELECT "Id", "clientName" FROM "TestCamelcase" ORDER BY "Id"', [("1", "Gitter Windows Desktop App"), ("2", "Gitter iOS App")]),
    "duplicate_records": ("SELECT id, metric FROM test_duplicate_records ORDER BY id", [(1, 100), (2, 20)]),
    "no_primary_keys": ("SELECT count(*) FROM test_no_pk", [(3,)]),
    "optional_attributes": ("SELECT id, optional FROM test_optional_attributes ORDER BY id", [(1, "This is optional"), (2, None), (3, "Also optional"), (4, None)]),
    "record_missing_fields": ("SELECT id, optional FROM record_missing_fields ORDER BY id", [(1, "now you see me"), (2, None)]),
    "schema_updates": ("SELECT count(*), count(a1), count(a2), count(a6) FROM test_schema_updates", [(6, 6, 6, 2)]),
    "special_chars_in_attributes": ("SELECT _id FROM \"test:SpecialChars!in?attributes\"", [("a2e98886",)]),
}


@pytest.mark.parametrize("name", sorted(set(TESTS) - {"multiple_state_messages"}))
def test_suite(place, name, tmp_path):
    load(place, name, tmp_path)
    if name in CONTENT:
        query, want = CONTENT[name]
        assert [tuple(normal(v) for v in row) for row in place.rows(query)] == want


def normal(value):
    """White space between the tokens of a document is the engine's."""
    return json.dumps(json.loads(value), separators=(",", ":")) if isinstance(value, str) and value.startswith("[") else value


def test_several_states(place, tmp_path):
    """States leave as rows become durable, and byte for byte: the SDK's own targets print the last one alone.

    The SDK's test, which is in no suite, names these three; it compares them with decoded ones, which no target can pass.
    """
    runner = load(place, "multiple_state_messages", tmp_path, expect=AssertionError, batch_size_rows=3, batch_wait_limit_seconds=3600)
    want = [f'{{"test_multiple_state_messages_a": {a}, "test_multiple_state_messages_b": {b}}}' for a, b in ((1, 0), (3, 2), (5, 6))]
    assert runner.stdout.splitlines() == want
    assert runner.state_messages == [json.loads(state) for state in want]


def test_text_keeps_every_character(place, tmp_path):
    load(place, "encoded_string_data", tmp_path)
    lines = [json.loads(line) for line in (STREAMS / "encoded_string_data.singer").read_text().splitlines()]
    want = [(r["record"]["id"], r["record"]["info"]) for r in lines if r["type"] == "RECORD" and r["stream"] == "test_strings"]
    if place.kind == "postgres":  # which has no NUL character: it becomes U+FFFD, with a warning
        want = [(key, text.replace("\0", "�")) for key, text in want]
    assert place.rows("SELECT id, info FROM test_strings ORDER BY id") == sorted(want)


def test_rows_without_key_are_appended(place, tmp_path):
    for _ in range(2):
        load(place, "no_primary_keys", tmp_path)
    assert place.rows("SELECT count(*) FROM test_no_pk") == [(6,)]
