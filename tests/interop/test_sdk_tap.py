"""The tap tests of the Meltano SDK on both taps: those of the tap, of each stream and of each attribute, none left out.

The SDK looks neither at what a discovery and a connection test give nor into a state, and its test of primary keys compares
generators, which never equal each other. Content does that.
"""

from __future__ import annotations

import collections
import json
import pathlib
import subprocess
import sys
import types

import pytest
from conftest import BIN, FAKE_KEY, FAKE_TOKEN, Server, run
from singer_sdk import Stream, Tap
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from singer_sdk.testing.tap_tests import StreamRecordSchemaMatchesCatalogTest


class BinaryStream(Stream):
    """A stream as the binary's catalog tells of it."""

    def __init__(self, tap, entry):
        super().__init__(tap, name=entry["tap_stream_id"], schema=entry["schema"])
        (top,) = (m["metadata"] for m in entry["metadata"] if not m["breadcrumb"])
        self.primary_keys = top["table-key-properties"]
        (self.replication_key,) = top.get("valid-replication-keys", [None])
        self.forced_replication_method = top["forced-replication-method"]

    def get_records(self, context):
        raise AssertionError("the binary reads, not the SDK")


class Binary(Tap):
    """One of our taps in the place of a tap written with the SDK."""

    config_jsonschema = {"type": "object", "properties": {}}
    directory: pathlib.Path  # with the config; the tests fill it in, as pytest collects them before there is a fake
    fake: list[str]
    settings: dict[str, object]
    silent: set[str]  # streams of which the fake has no records

    def discover_streams(self):
        # With an empty config nobody is asked what the key may read, so everything is listed.
        found = subprocess.run([BIN / self.name, "--config", "/dev/stdin", "--discover"], input=b"{}", stdout=subprocess.PIPE, check=True)
        return [BinaryStream(self, entry) for entry in json.loads(found.stdout)["streams"]]

    def run_sync_dry_run(self, dry_run_record_limit=1, streams=None) -> bool:
        """Reads every stream, by the catalog that the SDK makes of the binary's."""
        for stream in self.streams.values():
            stream.selected = True
        catalog = self.directory / "catalog.json"
        catalog.write_text(json.dumps(self.catalog_dict))
        only = ["--test"] if dry_run_record_limit == 1 else []
        sys.stdout.write(run([BIN / self.name, "--config", self.directory / "config.json", "--catalog", catalog, *only]).stdout)
        return True

    def print_version(self, *_) -> None:
        assert run([BIN / self.name, "--version"]).stdout.startswith(self.name)

    def print_about(self, output_format: str | None = None) -> None:
        about = run([BIN / self.name, "--about", *(["--format", output_format] if output_format else [])]).stdout
        if output_format == "json":
            assert json.loads(about)["name"] == self.name


class TapStripe(Binary):
    name = "tap-stripe"
    fake = ["fake-stripe", "--objects", "1000", "--all-kinds"]
    settings = {"api_key": FAKE_KEY, "request_rate": 2000}
    # Stripe lists no mandates but tells of them by events, of which the fake has none at first; of the others the version of the
    # API that the fake is made from knows nothing, so that their lists are empty.
    silent = {"mandates", "active_entitlements", "billing_meter_event_summaries", "billing_meters", "entitlements_features", "forwarding_requests", "issuing_personalization_designs",
              "issuing_physical_bundles"}


class TapRecharge(Binary):
    name = "tap-recharge"
    fake = ["fake-recharge", "--objects", "1000"]
    settings = {"access_token": FAKE_TOKEN}
    silent: set[str] = set()


def suite(tap):
    """Every test of the SDK for the tap. returns_record cannot apply to the silent streams."""
    return get_tap_test_class(tap, suite_config=SuiteConfig(ignore_no_records_for_streams=sorted(tap.silent)), parse_env_config=False)


# The SDK warns of fields that no record has, and of those that are null in all. Other tests see to it that each field arrives.
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog:UserWarning", "ignore:No records were available:UserWarning")
class Content:
    """What the SDK's suite does not look at."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def directory(cls, tmp_path_factory):
        """The tap's config, and the fake that it names."""
        tap = cls.tap
        tap.directory = tmp_path_factory.mktemp(tap.name)
        address = tap.directory / "url"
        server = Server([str(BIN / tap.fake[0]), *tap.fake[1:], "--url-file", str(address)], address)
        (tap.directory / "config.json").write_text(json.dumps(tap.settings | {"base_url": server.url}))
        yield tap.directory
        server.stop()

    @pytest.fixture(scope="class")
    @classmethod
    def streams(cls):
        return cls.tap(config={}).streams

    def test_discovery_keeps_what_matters(self, streams, directory):
        """The catalog that the binary gives with a key is the one that the SDK has read, stream by stream."""
        found = json.loads(run([BIN / self.tap.name, "--config", directory / "config.json", "--discover"]).stdout)["streams"]
        assert {entry["tap_stream_id"] for entry in found} == set(streams)
        for entry in found:
            stream = streams[entry["tap_stream_id"]]
            assert set(entry["schema"]["properties"]) == set(stream.schema["properties"])
            assert set(stream.primary_keys) | {stream.replication_key} - {None} <= set(stream.schema["properties"]), stream.name

    def test_connection_test_gives_the_first_record_of_each_stream(self, runner, streams, capsys):
        assert runner.run_connection_test()
        messages = [json.loads(line) for line in capsys.readouterr().out.rstrip("\n").split("\n")]
        first = collections.Counter(m["stream"] for m in messages if m["type"] == "RECORD")
        assert set(first.values()) == {1}
        # Of a stream that is read with another one, only what hangs below that one's first object is looked at.
        bookmarks = runner.state_messages[-1]["value"]["bookmarks"]
        below = {name for name in streams if "with" in bookmarks.get(name, {})}
        assert set(streams) - self.tap.silent - below <= set(first)
        assert not below or below & set(first)
        assert not [m for m in messages if m["type"] == "STATE"]

    def test_final_state_covers_every_incremental_stream(self, runner, streams):
        assert runner.raw_messages[-1]["type"] == "STATE"
        bookmarks = runner.state_messages[-1]["value"]["bookmarks"]
        incremental = {name for name, stream in streams.items() if stream.replication_key}
        assert incremental and incremental <= set(bookmarks)
        assert "progress_markers" not in json.dumps(bookmarks)

    def test_a_key_names_one_object(self, runner, streams):
        """An object may be met at several places and be written again, such as a price by its list and by what names it; but seldom, and as it was."""
        for stream in streams.values():
            rows, records = {}, runner.records[stream.name]
            for record in records:
                key = tuple(record[name] for name in stream.primary_keys)
                said = {name: value for name, value in record.items() if name != "_sdc_source_fetched_at"}
                assert key and None not in key, stream.name
                assert rows.setdefault(key, said) == said, (stream.name, key)
            assert len(records) <= 2 * len(rows), stream.name

    def test_schemas_stand_before_records_and_are_those_of_the_catalog(self, runner, streams):
        seen = set()
        for message in runner.raw_messages:
            if message["type"] == "SCHEMA":
                seen.add(message["stream"])
                assert message["key_properties"] == list(streams[message["stream"]].primary_keys)
                assert message["schema"]["properties"].keys() == streams[message["stream"]].schema["properties"].keys()
            elif message["type"] == "RECORD":
                assert message["stream"] in seen


class TestTapStripe(Content, suite(TapStripe)):
    tap = TapStripe

    def test_tap_stream_record_schema_matches_transformed_catalog(self, config, resource, runner, stream):
        """The fake adds fields that no schema knows, as Stripe does from time to time, and they are passed on. The SDK forbids that."""
        known = [{name: value for name, value in record.items() if not name.startswith("x_")} for record in runner.records[stream.name]]
        StreamRecordSchemaMatchesCatalogTest().run(config, resource, types.SimpleNamespace(records={stream.name: known}), stream)

    def test_fields_that_no_schema_knows_are_passed_on(self, runner):
        assert [record for record in runner.records["charges"] if "x_new_field" in record]


class TestTapRecharge(Content, suite(TapRecharge)):
    tap = TapRecharge
