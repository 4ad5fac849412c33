"""Tests of the tables of the loads."""

import unittest

from loads.report import at_fewest_rows, losses, tables


def tool(name, kind, rows, cpu, **more):
    runs = [{"wall": cpu * 2, "cpu": cpu, "rows": rows, "peak_mb": 50, "server_cpu": 0.0}] if cpu else []
    return {"name": name, "version": "1.0", "kind": kind, "scenario": "charges, append, duckdb", "rows": rows, "runs": runs, "differences": []} | more


EXACT = {"missing": 0, "doubled": 0, "unexpected": 0, "changed": 0}
RESULTS = {
    "tools": [
        tool("ours", "ours", 1000, 0.5),
        tool("peer", "singer", 1000, 20.0, differences=["rows: 999 instead of 1000"]),
        tool("broken", "loader", 1000, 0, failure="it broke"),
    ],
    "fidelity": [
        {"name": "ours", "version": "", "kind": "ours", "warehouse": "duckdb", "classes": {"texts": EXACT, "keys": EXACT}},
        {
            "name": "peer",
            "version": "1.0",
            "kind": "singer",
            "warehouse": "duckdb",
            "classes": {"texts": EXACT | {"changed": 2, "missing": 1}, "wide": {"refused": "too wide"}},
        },
    ],
    "not_run": [{"name": "absent 3.0", "reason": "it is not to be had"}],
}


class Tables(unittest.TestCase):
    def setUp(self):
        self.lines = tables(RESULTS).splitlines()

    def test_a_goal_is_shown_with_what_was_reached(self):
        self.assertIn("| charges, append, duckdb | Singer target | peer | 1,000 | 40.0 | – | 30 | reached |", self.lines)

    def test_the_fastest_stands_first_without_a_column_for_a_server_that_is_not_there(self):
        at = self.lines.index("| tool | rows | rows/s | rows per CPU second | CPU s | peak MB | wall s | of runs |")
        self.assertEqual(self.lines[at + 2], "| ours 1.0 | 1,000 | 1,000 | 2,000 | 0.50 | 50.0 | 1.00 | 1.00 to 1.00 |")
        self.assertEqual(self.lines[at + 3], "| peer 1.0 | 1,000 | 25.0 | 50.0 | 20.0 | 50.0 | 40.0 | 40.0 to 40.0 |")

    def test_where_others_are_better_is_said(self):
        self.assertIn("Nowhere in what was measured.", self.lines)
        tools = [tool("ours", "ours", 1000, 5), tool("peer", "singer", 1000, 4), tool("ours again", "extra", 1000, 1), tool("peer", "singer", 500, 0.1)]
        tools[1]["runs"][0]["peak_mb"] = 49.5
        fidelity = [{"name": "ours", "version": "", "kind": "ours", "warehouse": "postgres", "classes": {"zero": EXACT | {"changed": 1}, "keys": EXACT}}]
        said = losses({"tools": tools, "fidelity": fidelity})
        self.assertEqual(said.splitlines(), [
            "- charges, append, duckdb: peer 1.0 loads more rows a second, 125 to 100, at 1,000 rows.",
            "- charges, append, duckdb: peer 1.0 loads more rows per CPU second, 250 to 200, at 1,000 rows.",
            "- charges, append, duckdb: peer 1.0 takes less memory, in MB, 49.5 to 50.0, at 1,000 rows.",
            "- postgres: of the class zero ours has 1 changed.",
        ])

    def test_what_is_wrong_and_who_failed_is_said(self):
        self.assertIn("- peer 1.0, 1,000 rows, holds rows: 999 instead of 1000.", self.lines)
        self.assertIn("- broken 1.0, 1,000 rows, failed: it broke", self.lines)
        self.assertIn("- absent 3.0: it is not to be had.", self.lines)

    def test_differences_are_counted_by_tool_and_by_class(self):
        self.assertIn("| ours, duckdb | 0 | 0 | 0 | 0 | 0 | 2 |", self.lines)
        self.assertIn("| peer 1.0, duckdb | 1 | 0 | 0 | 2 | 1 | 2 |", self.lines)
        self.assertIn("| ours, duckdb | exact | exact | – |", self.lines)
        self.assertIn("| peer 1.0, duckdb | 1 missing, 2 changed | – | refused |", self.lines)

    def test_plots_show_the_rows_that_all_were_measured_at(self):
        tools = [tool("ours", "ours", 1000, 1), tool("ours", "ours", 9000, 2), tool("slow", "singer", 1000, 9)]
        self.assertEqual([(t["name"], t["rows"]) for t in at_fewest_rows(tools)], [("slow", 1000), ("ours", 1000)])


if __name__ == "__main__":
    unittest.main()
