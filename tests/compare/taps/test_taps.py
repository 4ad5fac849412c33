"""Tests of how messages are folded and compared: python3 -m unittest discover -s tests/compare/taps -t tests/compare"""

from __future__ import annotations

import copy
import decimal
import json
import pathlib
import tempfile
import unittest

from taps import fold, report, scenario, tools
from taps.compare import Faults, Judge, Stream, differences, judge_of, outermost, same, truth_by_key, within
from taps.fold import Message, Tables

D = decimal.Decimal


def lines(*messages: dict) -> list[bytes]:
    return [json.dumps(m).encode() + b"\n" for m in messages]


def taken(messages) -> Tables:
    tables = Tables()
    for m in messages:
        if m.kind != "state":
            tables.take(m)
    return tables


class Folding(unittest.TestCase):
    def test_the_last_record_of_a_key_wins(self):
        tables = taken(fold.singer_messages(iter(lines(
            {"type": "SCHEMA", "stream": "a", "key_properties": ["id"], "schema": {}},
            {"type": "RECORD", "stream": "a", "record": {"id": 1, "x": 1}},
            {"type": "RECORD", "stream": "a", "record": {"id": "1", "x": 2}},
            {"type": "RECORD", "stream": "a", "record": {"id": 1, "x": 3}},
            {"type": "STATE", "value": {}},
        ))))
        self.assertEqual(tables.of("a"), [{"id": 1, "x": 3}, {"id": "1", "x": 2}])

    def test_a_stream_without_a_key_keeps_every_record(self):
        tables = taken([Message("keys", "a", []), Message("record", "a", {"id": 1}), Message("record", "a", {"id": 1})])
        self.assertEqual(len(tables.of("a")), 2)

    def test_activate_version_removes_older_rows(self):
        tables = taken(fold.singer_messages(iter(lines(
            {"type": "SCHEMA", "stream": "a", "key_properties": ["id"], "schema": {}},
            {"type": "RECORD", "stream": "a", "record": {"id": 1}, "version": 5},
            {"type": "RECORD", "stream": "a", "record": {"id": 2}},
            {"type": "RECORD", "stream": "a", "record": {"id": 3}, "version": 7},
            {"type": "ACTIVATE_VERSION", "stream": "a", "version": 7},
        ))))
        self.assertEqual(tables.of("a"), [{"id": 3}])

    def test_airbyte_overwrites_what_it_reads_whole(self):
        def stream(name, mode, key):
            return {"stream": {"name": name}, "destination_sync_mode": mode, "primary_key": key}

        catalog = {"streams": [stream("whole", "overwrite", [["id"]]), stream("part", "append_dedup", [["a"], ["b"]])]}
        tables = Tables()
        for ids in ([1, 2], [2]):
            records = [{"type": "RECORD", "record": {"stream": s, "data": {"id": n, "a": 1, "b": n}}} for s in ("whole", "part") for n in ids]
            for m in fold.airbyte_messages(iter([b"a log line\n", *lines({"type": "LOG"}, *records)]), catalog):
                tables.take(m)
        self.assertEqual([r["id"] for r in tables.of("whole")], [2])
        self.assertEqual([r["id"] for r in tables.of("part")], [1, 2])

    def test_airbyte_keeps_the_greatest_cursor(self):
        stream = {"stream": {"name": "a"}, "destination_sync_mode": "append_dedup", "primary_key": [["id"]], "cursor_field": ["updated"]}
        rows = [{"id": 1, "updated": 7, "n": 1}, {"id": 1, "updated": 5, "n": 2}, {"id": 2, "updated": 5, "n": 3}, {"id": 2, "updated": 5, "n": 4}, {"id": 2, "n": 5}]
        records = lines(*({"type": "RECORD", "record": {"stream": "a", "data": row}} for row in rows))
        tables = taken(fold.airbyte_messages(iter(records), {"streams": [stream]}))
        self.assertEqual([row["n"] for row in tables.of("a")], [1, 5])

    def test_digits_are_kept(self):
        self.assertEqual(fold.decode('{"a":0.1000000000000000055,"b":12345678901234567890}'), {"a": D("0.1000000000000000055"), "b": 12345678901234567890})

    def test_a_state_can_be_written_again(self):
        (singer,) = fold.singer_messages(iter([b'{"type":"STATE","value":{"n":2.5}}\n']))
        state = b'{"type":"STATE","state":{"stream":{"stream_descriptor":{"name":"a"}},"sourceStats":{"recordCount":2.0}}}\n'
        (airbyte,) = fold.airbyte_messages(iter([state]), {"streams": []})
        self.assertEqual((json.dumps(singer.value), airbyte.stream, json.dumps(airbyte.value["sourceStats"])), ('{"n": 2.5}', "a", '{"recordCount": 2.0}'))

    def test_paths_of_what_has_a_value(self):
        row = {"a": None, "b": {"c": 1, "d": []}, "e": [{"f": 1}, {"g": 0}], "h": {"object": "list", "data": [{"i": ""}]}}
        self.assertEqual(set(fold.paths(row)), {"b", "b.c", "e", "e[]", "e[].f", "e[].g", "h", "h[]", "h[].i"})


class Values(unittest.TestCase):
    def test_what_means_the_same(self):
        for a, b in [
            (1, 1), (1, "1"), (D("1.50"), "1.5"), ("10.00", 10), (True, "true"), (True, 1), (False, "0"), ("a", "a"), (D("1e2"), 100),
            (1712750400, "2024-04-10T12:00:00Z"), (1712750400, "2024-04-10T12:00:00.000000Z"), ("2024-04-10T12:00:00", "2024-04-10 14:00:00+02:00"),
            ("2024-04-10", "2024-04-10T00:00:00Z"), ("2024-04-10T12:00:00.25Z", "2024-04-10T12:00:00.250+0000"),
        ]:
            self.assertTrue(same(a, b) and same(b, a), (a, b))

    def test_what_does_not(self):
        for a, b in [
            (1, 2), (1, "1a"), ("10.00", "10.01"), (True, 2), (True, "false"), (False, 1), (True, False), ("a", "A"), (12345678901234567890, 12345678901234567891),
            (D("0.1"), D("0.1000000000000000055")), (1712750400, "2024-04-10T12:00:01Z"), ("2024-04-10T12:00:00", "2024-04-10T12:00:00+02:00"),
            ("2024-04-10T12:00:00.25Z", "2024-04-10T12:00:00Z"), ("001", "a01"), ("", "0"),
        ]:
            self.assertFalse(same(a, b) or same(b, a), (a, b))

    def test_differences(self):
        for want, have, paths in [
            ({"a": None, "b": [], "c": {"d": None}}, {}, []),
            ({"a": 1}, {"a": 1, "extra": 2}, []),
            ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["a.c"]),
            ({"a": {"b": 1}}, {"a": {"c": None}}, ["a.b"]),
            ({"a": {"b": 1, "x_new_field": 5}}, {"a": {"b": 1}}, []),
            ({"a": None}, {"a": 5}, ["a"]),
            ({"a": [1, 2]}, {"a": [1, 3]}, ["a[]"]),
            ({"a": {"object": "list", "data": [{"id": "x", "n": 1}], "has_more": False}}, {"a": [{"id": "x", "n": 2}]}, ["a[].n"]),
            ({"a": {"object": "list", "data": [{"id": "x"}, {"id": "y"}]}}, {"a": ["x", "y"]}, []),
            ({"a": {"object": "list", "data": [{"id": "x"}, {"id": "y"}]}}, {"a": ["x"]}, ["a"]),
            ({"a": "cus_1"}, {"a": {"id": "cus_1", "name": "whole"}}, []),
            ({"a": "cus_1"}, {"a": {"id": "cus_2"}}, ["a"]),
            ({"a": "x"}, {"a": ["x"]}, ["a"]),
            ({"a": [{"b": D("1.5")}]}, {"a": '[{"b":1.50}]'}, []),
            ({"a": [{"b": 1}]}, {"a": "[{'b': 1}]"}, ["a"]),
            ({"status": "ACTIVE", "b": {"status": "A"}, "name": "X"}, {"status": "active", "b": {"status": "a"}, "name": "x"}, ["name"]),
        ]:
            self.assertEqual(sorted(differences(want, have)), paths, (want, have))

    def test_paths(self):
        self.assertEqual(outermost("a.b[].c", {"a", "a.b"}), "a.b[]")
        self.assertEqual(outermost("a", set()), "a")
        self.assertTrue(within("s.a.b[].c", {"s.a.b"}) and within("s.a", {"s.a"}))
        self.assertFalse(within("s.ab", {"s.a"}) or within("s.a", {"s.a.b"}))


class Judging(unittest.TestCase):
    """A tap that is wrong in one place is found wrong in that place."""

    streams = (Stream("things"), Stream("logs", told=False), Stream("parts", above=("things", "thing")))
    objects = {
        "things": [{"id": f"t{n}", "n": n, "name": f"name {n}", "deep": {"x": n, "y": [n]}} for n in range(5)],
        "logs": [{"id": "l0", "text": "a"}],
        "parts": [{"id": "p0", "thing": "t0", "n": 1}],
    }

    def faults(self, spoil, keys=("id",), then=lambda objects: None) -> Faults:
        """Delivers all, spoilt, lets the account change with the tap following, and judges."""
        account, tables = copy.deepcopy(self.objects), Tables()
        judge = judge_of(tables, list(self.streams), lambda s: s, lambda s, row: not row.get("gone"))
        for step in range(2):
            if step == 1:
                then(account)
            for stream, rows in spoil(copy.deepcopy(account), step).items():
                tables.take(Message("keys", stream, list(keys)))
                for row in rows:
                    tables.take(Message("record", stream, row))
            truth_now = {s.name: truth_by_key(s, account[s.name]) for s in self.streams}
            (judge.rows if step else judge.fields)(truth_now)
        return judge.faults

    def only(self, faults: Faults, **want: int):
        found = {name: n for name, n in faults.counts().items() if n}
        self.assertEqual(found, want, faults)

    def test_nothing(self):
        self.only(self.faults(lambda o, _: o))

    def test_missing(self):
        def spoil(o, _):
            del o["things"][2]
            return o
        faults = self.faults(spoil)
        self.only(faults, rows_missing=1)
        self.assertEqual(faults.examples, ["missing things t2"])

    def test_marked_as_deleted_and_there(self):
        def spoil(o, step):
            o["things"][2]["gone"] = step == 1
            return o
        self.only(self.faults(spoil), rows_missing=1)

    def test_stale(self):
        def change(o):
            o["things"][1]["name"] = "renamed"
        faults = self.faults(lambda o, step: o if step == 0 else {"things": []}, then=change)
        self.only(faults, rows_stale=1)
        self.assertEqual(faults.examples, ["stale things t1 name"])

    def test_doubled(self):
        self.only(self.faults(lambda o, _: o, keys=()), rows_doubled=7)

    def test_undeleted_where_the_api_tells(self):
        def change(o):
            del o["things"][0], o["logs"][0], o["parts"][0]
        faults = self.faults(lambda o, step: o, then=change)
        self.only(faults, deletions_missed=1)
        self.assertEqual(faults.examples, ["undeleted things t0"])

    def test_what_is_forgotten_does_not_count_as_undeleted(self):
        tables = Tables()
        for stream, *rows in ("things", {"id": "t0"}, {"id": "t1"}), ("parts", {"id": "p0", "thing_id": "t2"}, {"id": "p1", "thing_id": "t3"}):
            tables.take(Message("keys", stream, ["id"]))
            for row in rows:
                tables.take(Message("record", stream, row))
        judge = judge_of(tables, [self.streams[0], self.streams[2]], lambda s: s, lambda s, row: True)
        there = {(key,): {"id": key} for key in ("t2", "t3")}
        judge.rows({"things": there, "parts": {}}, {"t0", "t2"})
        self.assertEqual([text for text in judge.faults.examples if "missing" not in text], ["undeleted things t1", "undeleted parts p1"])

    def test_a_part_of_a_thing_that_is_there_counts_as_undeleted(self):
        def change(o):
            del o["parts"][0]
        self.only(self.faults(lambda o, step: o, then=change), deletions_missed=1)

    def test_dropped(self):
        def spoil(o, _):
            for row in o["things"]:
                del row["name"], row["deep"]["y"]
            return o
        faults = self.faults(spoil)
        self.only(faults, fields_dropped=2)
        self.assertEqual(faults.dropped, {"things.name", "things.deep.y"})

    def test_dropped_of_what_appears_later(self):
        def change(o):
            o["things"][3]["fresh"] = {"a": 1}
        def spoil(o, _):
            for row in o["things"]:
                row.pop("fresh", None)
            return o
        faults = self.faults(spoil, then=change)
        self.only(faults, fields_dropped=1)
        self.assertEqual(faults.dropped, {"things.fresh"})

    def test_changed(self):
        def spoil(o, _):
            for row in o["things"]:
                row["deep"]["x"] += 1
            return o
        faults = self.faults(spoil)
        self.only(faults, fields_changed=1)
        self.assertEqual((faults.changed, faults.examples), ({"things.deep.x"}, ["changed things t0 deep.x: 0 became 1"]))

    def test_faults_of_several_accounts(self):
        total = Faults()
        for seed in (1, 2):
            total.add(Faults(missing=2, failed=1, dropped={"a.b"}, examples=["missing a 1"]), f"seed {seed}")
        self.only(total, rows_missing=4, runs_failed=2, fields_dropped=1)
        self.assertEqual(total.examples, ["seed 1: missing a 1", "seed 2: missing a 1"])


class Tools(unittest.TestCase):
    def test_signals_of_deletion(self):
        ours, full, singer, airbyte, *_ = tools.tools(pathlib.Path("bin"), pathlib.Path("venvs"))
        for tool, stream, row, keeps in [
            (ours, "customers", {"deleted": True}, False), (ours, "customers", {"deleted": None}, True),
            (singer, "customers", {"updated_by_event_type": "customer.deleted"}, False),
            (singer, "customers", {"updated_by_event_type": "customer.updated"}, True), (singer, "customers", {}, True),
            (singer, "subscriptions", {"updated_by_event_type": "customer.subscription.deleted"}, True),
            (airbyte, "customers", {"is_deleted": True}, False), (airbyte, "subscriptions", {"is_deleted": True}, True),
            (airbyte, "metafields_store", {"owner_resource": "customer"}, False), (airbyte, "metafields_store", {"owner_resource": "store"}, True),
        ]:
            self.assertEqual(tool.keeps(stream, row), keeps, (tool.name, stream, row))
        self.assertNotEqual(ours.name, full.name)

    def test_selection(self):
        catalog = {"streams": [{"tap_stream_id": n, "metadata": [{"metadata": {}}, {"metadata": {"inclusion": "available"}}]} for n in "ab"]}
        (stream,) = tools.select(catalog, {"b"})["streams"]
        self.assertEqual((stream["tap_stream_id"], [m["metadata"]["selected"] for m in stream["metadata"]]), ("b", [True, True]))
        stream = {"name": "a", "supported_sync_modes": ["full_refresh"], "source_defined_primary_key": [["id"]]}
        self.assertEqual(tools.configured(stream)["destination_sync_mode"], "overwrite")
        stream["supported_sync_modes"].append("incremental")
        self.assertEqual(tools.configured(stream)["destination_sync_mode"], "append_dedup")

    def test_only_incremental_streams_go_on(self):
        catalog = {"streams": [{"stream": {"name": name}, "sync_mode": mode} for name, mode in (("a", "incremental"), ("b", "full_refresh"), ("c", "incremental"))]}
        self.assertEqual(tools.continued(catalog, {"b": 2, "a": 1}), [1])

    def test_states(self):
        with tempfile.TemporaryDirectory() as folder:
            run = tools.Run(pathlib.Path(folder), "2024-01-01T00:00:00Z", ["charges"])
            ours, _, _, airbyte, *_ = tools.tools(pathlib.Path("bin"), pathlib.Path("venvs"))
            ours.remember(run, [])
            self.assertIsNone(run.state)
            ours.remember(run, [Message("state", "", {"a": 1}), Message("state", "", {"a": 2})])
            self.assertEqual(run.state, {"a": 2})
            self.assertIn("--state", ours.prepare(run))
            self.assertEqual(json.loads((run.folder / "config.json").read_text())["select"], ["charges.*"])
            run.state = None
            for value in (1, 2):
                airbyte.remember(run, [Message("state", "charges", value), Message("state", "plans", 0)])
            self.assertEqual(run.state, {"charges": 2, "plans": 0})

    def test_counting(self):
        keys, record = Message("keys", "a", ["id"]), Message("record", "a", {"id": 1})
        self.assertEqual(scenario.count(iter([keys, record, record, Message("record", "a", {"id": 2}), Message("state", "")])), (3, 2))

    def test_a_line_without_an_end_does_not_count(self):
        self.assertEqual(list(scenario.whole(iter([b"a\n", b"b"]))), [b"a\n"])


class Report(unittest.TestCase):
    def results(self) -> dict:
        def tool(name, source, walls, missing):
            runs = [{"wall": w, "cpu": 1.0, "peak_mb": 30, "rows": 1000, "records": 1000, "requests": 10} for w in walls]
            counts = dict.fromkeys(report.COUNTS, 0) | {"rows_missing": missing, "dropped": ["a.b"] * bool(missing), "changed": [], "examples": []}
            return {"name": name, "version": "1", "source": source, "api": "stripe", "scenario": "stripe, first sync of 1,000 objects",
                    "runs": runs, "fidelity": {"at rest": counts, "busy": counts}}

        return {"tools": [tool("ours", report.OURS, [2, 1, 3], 0), tool("slow", "PyPI", [50], 3), tool("quick", "PyPI", [30, 20, 25], 0)],
                "not_run": [{"name": "another", "reason": "it is not there"}]}

    def test_tables(self):
        text = report.tables(self.results())
        for part in ("| ours | 1 | 2.0 (1.0 to 3.0) | 500 |", "12.5 times as fast as quick", "Goal: 10 times as fast as the fastest other, reached",
                     "| slow 1 | together | 6 | 0 | 0 | 0 | 1 | 0 | 0 |", "| ours 1 | together | 0 |", "- another: it is not there"):
            self.assertIn(part, text)

    def test_a_goal_that_is_not_reached_is_said(self):
        results = self.results()
        results["tools"][0]["runs"] = results["tools"][2]["runs"]
        self.assertIn("not reached: 1.0 times", report.tables(results))

    def test_results_without_figures(self):
        self.assertEqual(report.tables({"tools": [], "not_run": []}), "\n")

    def test_bars(self):
        self.assertEqual(report.speeds(self.results())[0], ("ours", 500.0, True))
        self.assertEqual([n for _, n, _ in report.wrongs(self.results())], [0, 7, 0])


if __name__ == "__main__":
    unittest.main()
