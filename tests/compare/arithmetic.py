"""The arithmetic of the comparison: medians, spreads, rates and goals. It needs the standard library alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

# How many times as many rows per second of processor time we want to load as the fastest of a kind.
GOALS = {"singer": 30.0, "loader": 3.0}


def median(runs: list[dict[str, Any]], figure: str) -> float:
    """The median of a figure of the runs; between the middle two where their number is even."""
    return statistics.median(run[figure] for run in runs)


def spread(runs: list[dict[str, Any]], figure: str) -> tuple[float, float]:
    """The least and the greatest."""
    values = [run[figure] for run in runs]
    return min(values), max(values)


def rows_per_second(tool: dict[str, Any]) -> float:
    return median(tool["runs"], "rows") / median(tool["runs"], "wall")


def rows_per_cpu_second(tool: dict[str, Any]) -> float:
    return median(tool["runs"], "rows") / median(tool["runs"], "cpu")


def fastest(tools: Iterable[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The tool of a kind that loads the most rows per second of processor time."""
    return max((t for t in tools if t["kind"] == kind and t["runs"]), key=rows_per_cpu_second, default=None)


def goal(tools: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """Ours beside the fastest of a kind within one scenario, on the same rows and on the most; None where one is missing."""
    peer = fastest(tools, kind)
    if peer is None:
        return None
    ours = [t for t in tools if t["kind"] == "ours" and t["runs"]]
    same = fastest((t for t in ours if t["rows"] == peer["rows"]), "ours")
    most = max(ours, key=lambda t: (t["rows"], rows_per_cpu_second(t)), default=None)
    if same is None or most is None:
        return None
    ratio = rows_per_cpu_second(same) / rows_per_cpu_second(peer)
    return {
        "peer": peer["name"],
        "ours": same["name"],
        "rows": peer["rows"],
        "ratio": ratio,
        "most_rows": most["rows"],
        "most_ratio": rows_per_cpu_second(most) / rows_per_cpu_second(peer),
        "goal": GOALS[kind],
        "reached": ratio >= GOALS[kind],
    }
