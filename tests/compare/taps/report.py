"""What was measured, as tables in Markdown and as plots."""

from __future__ import annotations

import pathlib
import statistics
from typing import Any

COUNTS = {
    "rows_missing": "rows missing", "rows_stale": "rows stale", "rows_doubled": "rows doubled", "deletions_missed": "deletions missed",
    "fields_dropped": "fields dropped", "fields_changed": "fields changed", "runs_failed": "runs failed",
}
OURS = "this repository"
GOAL = 10  # times as fast as the fastest of the others


def median(runs: list[dict], name: str) -> float:
    """The middle of what the runs took."""
    return statistics.median(run[name] for run in runs)


def spread(runs: list[dict], name: str) -> str:
    """The middle and, of several runs, the range."""
    values = [run[name] for run in runs]
    text = f"{statistics.median(values):,.1f}"
    return text if len(values) == 1 else f"{text} ({min(values):,.1f} to {max(values):,.1f})"


def total(fidelity: dict[str, dict]) -> dict[str, int]:
    """The faults of all scenarios together. A field counts once, however many of them show it."""
    counts = {name: sum(s[name] for s in fidelity.values()) for name in COUNTS}
    for name in ("dropped", "changed"):
        counts["fields_" + name] = len({path for s in fidelity.values() for path in s[name]})
    return counts


def quickest(tools: list[dict], api: str) -> dict | None:
    """The quickest of the others."""
    others = [t for t in tools if t["api"] == api and t["source"] != OURS and t["runs"]]
    return min(others, key=lambda t: median(t["runs"], "wall")) if others else None


def tables(results: dict[str, Any]) -> str:
    """Speed and fidelity by API, and what could not be run, in Markdown."""
    parts = []
    for api in ("stripe", "recharge"):
        tools = [t for t in results["tools"] if t["api"] == api]
        if any(t["runs"] for t in tools):
            parts.append(speed_table([t for t in tools if t["runs"]], api))
        if any(t["fidelity"] for t in tools):
            parts.append(fidelity_table([t for t in tools if t["fidelity"]], api))
    if results["not_run"]:
        parts.append("Not run:\n\n" + "\n".join(f"- {n['name']}: {n['reason']}" for n in results["not_run"]))
    return "\n\n".join(parts) + "\n"


def speed_table(tools: list[dict], api: str) -> str:
    """How long a first sync takes, and whether the goal is reached."""
    fastest = quickest(tools, api)
    lines = [f"{tools[0]['scenario'].capitalize()}:", "", "| tap | version | wall, s | rows/s | processor, s | memory, MB | rows | requests | beside the fastest other |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for t in tools:
        wall = median(t["runs"], "wall")
        beside = f"{median(fastest['runs'], 'wall') / wall:.1f} times as fast" if fastest and t["source"] == OURS else ""
        rows = median(t["runs"], "rows")
        lines.append(f"| {t['name']} | {t['version']} | {spread(t['runs'], 'wall')} | {rows / wall:,.0f} | {spread(t['runs'], 'cpu')} | "
                     f"{median(t['runs'], 'peak_mb'):,.0f} | {rows:,.0f} | {median(t['runs'], 'requests'):,.0f} | {beside} |")
    ours = [median(t["runs"], "wall") for t in tools if t["source"] == OURS]
    if fastest and ours:
        times = median(fastest["runs"], "wall") / min(ours)
        lines += ["", f"Goal: {GOAL} times as fast as the fastest other, {'reached' if times >= GOAL else 'not reached'}: {times:.1f} times as fast as {fastest['name']}."]
    return "\n".join(lines)


def fidelity_table(tools: list[dict], api: str) -> str:
    """What is wrong in the end, by scenario and together."""
    lines = [f"{api.capitalize()}, after syncs of an account that changes:", "", "| tap | scenario | " + " | ".join(COUNTS.values()) + " |",
             "|---|---|" + "--:|" * len(COUNTS)]
    for t in tools:
        for scenario, counts in [*t["fidelity"].items(), ("together", total(t["fidelity"]))]:
            lines.append(f"| {t['name']} {t['version']} | {scenario} | " + " | ".join(f"{counts[name]:,}" for name in COUNTS) + " |")
    return "\n".join(lines)


def plots(results: dict[str, Any], folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes comparison-taps-speed.png and comparison-taps-fidelity.png, as far as there is something to show."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    written = []
    for name, title, bars in (("speed", "rows a second, first sync", speeds(results)), ("fidelity", "rows and fields that are wrong", wrongs(results))):
        if not bars:
            continue
        figure, axis = pyplot.subplots(figsize=(7, 0.6 + 0.34 * len(bars)))
        labels, values, ours = zip(*reversed(bars), strict=True)
        shown = axis.barh(labels, values, color=["#2a6f97" if own else "#b0b0b0" for own in ours])
        axis.bar_label(shown, fmt="{:,.0f}", padding=3, fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.margins(x=0.15)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        path = pathlib.Path(folder) / f"comparison-taps-{name}.png"
        figure.savefig(path, dpi=90, bbox_inches="tight")
        pyplot.close(figure)
        written.append(path)
    return written


def speeds(results: dict[str, Any]) -> list[tuple[str, float, bool]]:
    """A bar for each tap that was timed: its label, rows a second, whether it is ours."""
    return [(t["name"], median(t["runs"], "rows") / median(t["runs"], "wall"), t["source"] == OURS) for t in results["tools"] if t["runs"]]


def wrongs(results: dict[str, Any]) -> list[tuple[str, float, bool]]:
    """A bar for each tap that was judged: its label, everything that is wrong, whether it is ours."""
    bars = []
    for t in (t for t in results["tools"] if t["fidelity"]):
        counts = total(t["fidelity"])
        bars.append((t["name"], sum(counts[name] for name in COUNTS if name != "runs_failed"), t["source"] == OURS))
    return bars
