"""Tests of medians, rates and goals, and of the tables made of them."""

import unittest

from arithmetic import fastest, goal, median, rows_per_cpu_second, rows_per_second, spread


def tool(name, kind, rows, *runs):
    """A tool whose runs are (wall, cpu)."""
    return {"name": name, "kind": kind, "rows": rows, "runs": [{"wall": wall, "cpu": cpu, "rows": rows} for wall, cpu in runs]}


class Figures(unittest.TestCase):
    def test_the_median_is_the_middle_and_between_the_middle_two(self):
        self.assertEqual(median([{"wall": 9}, {"wall": 1}, {"wall": 2}], "wall"), 2)
        self.assertEqual(median([{"wall": 4}, {"wall": 1}], "wall"), 2.5)

    def test_the_spread_is_the_least_and_the_greatest(self):
        self.assertEqual(spread([{"wall": 3}, {"wall": 1}, {"wall": 2}], "wall"), (1, 3))

    def test_rates_are_of_medians(self):
        it = tool("t", "singer", 100, (2, 1), (50, 20), (4, 5))
        self.assertEqual((rows_per_second(it), rows_per_cpu_second(it)), (25, 20))

    def test_the_fastest_is_by_processor_time_and_has_runs(self):
        tools = [tool("failed", "singer", 100), tool("slow", "singer", 100, (1, 10)), tool("fast", "singer", 10, (9, 0.5)), tool("other", "loader", 100, (1, 0.1))]
        self.assertEqual(fastest(tools, "singer")["name"], "fast")
        self.assertIsNone(fastest(tools, "ours"))


class Goals(unittest.TestCase):
    def test_ours_is_judged_at_the_rows_of_the_fastest_peer(self):
        tools = [
            tool("ours", "ours", 100, (1, 1)),
            tool("ours", "ours", 1000, (1, 2)),
            tool("ours, another way", "extra", 100, (1, 0.1)),
            tool("slow", "singer", 100, (1, 50)),
            tool("fast", "singer", 100, (1, 25)),
        ]
        g = goal(tools, "singer")
        self.assertEqual((g["peer"], g["rows"], g["ratio"], g["reached"]), ("fast", 100, 25, False))
        self.assertEqual((g["most_rows"], g["most_ratio"]), (1000, 125))

    def test_a_goal_is_reached_at_its_figure(self):
        tools = [tool("ours", "ours", 30, (1, 1)), tool("peer", "loader", 30, (1, 3))]
        self.assertTrue(goal(tools, "loader")["reached"])

    def test_there_is_no_goal_without_both(self):
        self.assertIsNone(goal([tool("ours", "ours", 1, (1, 1))], "singer"))
        self.assertIsNone(goal([tool("peer", "singer", 1, (1, 1))], "singer"))
        self.assertIsNone(goal([tool("ours", "ours", 2, (1, 1)), tool("peer", "singer", 1, (1, 1))], "singer"))


if __name__ == "__main__":
    unittest.main()
