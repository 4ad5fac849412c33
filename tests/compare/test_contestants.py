"""Tests of how the tools of the loads are run."""

import json
import pathlib
import tempfile
import unittest

from loads.contestants import NOT_RUN, TOOLS, Job
from loads.place import Place

HERE = pathlib.Path(__file__).parent
PACKAGES = {"sling": "sling-linux-amd64"}  # where a tool's version is not that of the package of its name


class Versions(unittest.TestCase):
    def test_versions_are_those_of_the_locks(self):
        for tool in TOOLS:
            if tool.venv:
                package = PACKAGES.get(tool.venv, tool.venv)
                self.assertIn(f"{package}=={tool.version}", (HERE / "requirements" / f"{tool.venv}.txt").read_text().split(), tool.name)

    def test_every_lock_is_of_a_tool(self):
        self.assertEqual({lock.stem for lock in (HERE / "requirements").glob("*.txt")}, {tool.venv for tool in TOOLS if tool.venv} | {"main"})

    def test_what_is_not_run_has_a_reason(self):
        self.assertTrue(all(entry["name"] and entry["reason"] for entry in NOT_RUN))


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "sling/lib/python3.11/site-packages/sling_linux_amd64/bin").mkdir(parents=True)
        (self.folder / "sling/lib/python3.11/site-packages/sling_linux_amd64/bin/sling-linux-amd64").touch()
        self.stream, self.records = self.folder / "t.singer", self.folder / "t.jsonl"
        self.stream.write_text('{"type":"SCHEMA"}\n{"type":"RECORD"}\n')

    def command(self, tool, method):
        where = {"duckdb": "/w.duckdb", "postgres": "postgres://peer:peer@127.0.0.1:5/load"}.get(tool.warehouse, "/folder")
        return tool.command(Job("t", self.stream, self.records, Place(tool.warehouse, where), method, self.folder, self.folder, self.folder))

    def test_every_tool_reads_the_rows_and_has_both_methods_apart(self):
        for tool in TOOLS:
            said = []
            for method in tool.methods:
                command = self.command(tool, method)
                config = self.folder / "config.json"
                said.append((command.argv, config.read_text() if config.exists() else ""))
                given = " ".join(command.argv) if tool.kind == "loader" else command.stdin.read_text()
                self.assertIn("t.jsonl" if tool.kind in ("loader", "extra") else "RECORD", given, tool.name)
                config.unlink(missing_ok=True)
            # These two decide by the keys of the stream alone.
            if tool.venv not in ("target-duckdb", "pipelinewise-target-postgres") and len(said) > 1:
                self.assertNotEqual(said[0], said[1], tool.name)

    def test_a_batch_names_the_records_after_the_schema(self):
        (tool,) = (t for t in TOOLS if t.kind == "extra" and t.warehouse == "duckdb")
        schema, batch = self.command(tool, "append").stdin.read_text().splitlines()
        self.assertEqual((json.loads(schema)["type"], json.loads(batch)["manifest"]), ("SCHEMA", [self.records.as_uri()]))

    def test_only_what_is_switched_off_is(self):
        on, off = (t for t in TOOLS if "use_copy" in t.name)
        configs = []
        for tool in (on, off):
            self.command(tool, "upsert")
            configs.append(json.loads((self.folder / "config.json").read_text()))
        self.assertNotIn("validate_records", configs[0])
        self.assertFalse(configs[1]["validate_records"])
        self.assertTrue(configs[0]["use_copy"] and configs[1]["use_copy"])


if __name__ == "__main__":
    unittest.main()
