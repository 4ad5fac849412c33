"""The tables of the loads, from their results alone."""

from __future__ import annotations

import pathlib
from typing import Any

from arithmetic import goal, median, rows_per_cpu_second, rows_per_second, spread
from document import figure, table

KINDS = {"singer": "Singer target", "loader": "loader"}


def scenarios(tools: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The tools by scenario, in the order they were measured in."""
    found: dict[str, list[dict[str, Any]]] = {}
    for tool in tools:
        found.setdefault(tool["scenario"], []).append(tool)
    return found


def named(tool: dict[str, Any]) -> str:
    """The name with the version behind its first part: the rest says how it was run."""
    name, comma, way = tool["name"].partition(",")
    return f"{name} {tool['version']}".strip() + comma + way


def tables(results: dict[str, Any]) -> str:
    """All tables of the loads as Markdown."""
    images = [f"![Rows per second of processor time, {name}](comparison-loads-{name}.png)\n" for name in inputs(results["tools"])]
    parts = ["### Goals\n", goals(results["tools"]), *images, "### Where others are better\n", losses(results), "### Loads\n"]
    for scenario, tools in scenarios(results["tools"]).items():
        parts += [f"#### {scenario}\n", speeds(tools), remarks(tools)]
    parts += ["### What became of values\n", fidelity(results["fidelity"]), hazards(results["fidelity"]), "### Not run\n", not_run(results["not_run"])]
    return "\n".join(part for part in parts if part)


def goals(tools: list[dict[str, Any]]) -> str:
    rows = []
    for scenario, of in scenarios(tools).items():
        for kind, title in KINDS.items():
            g = goal(of, kind)
            if g:
                more = f"{figure(g['most_ratio'])} ({g['most_rows']:,} rows)" if g["most_rows"] != g["rows"] else "–"
                rows.append([scenario, title, g["peer"], f"{g['rows']:,}", figure(g["ratio"]), more, f"{g['goal']:g}", "reached" if g["reached"] else "not reached"])
    return table(["scenario", "kind", "fastest of it", "rows", "ours does times as many per CPU second", "ours with more rows", "goal", ""], rows)


# What is better, how it is said, and whether less of it is better.
FIGURES = (
    (rows_per_second, "loads more rows a second", False),
    (rows_per_cpu_second, "loads more rows per CPU second", False),
    (lambda tool: median(tool["runs"], "peak_mb"), "takes less memory, in MB", True),
)


def losses(results: dict[str, Any]) -> str:
    """Who is better than ours at the same rows, in what, and what ours changes of values."""
    lines = []
    for scenario, tools in scenarios(results["tools"]).items():
        ours = {tool["rows"]: tool for tool in tools if tool["kind"] == "ours" and tool["runs"]}
        for peer in tools:
            if peer["kind"] not in KINDS or not peer["runs"] or peer["rows"] not in ours:
                continue
            for of, words, less in FIGURES:
                theirs, own = of(peer), of(ours[peer["rows"]])
                if (theirs < own) if less else (theirs > own):
                    lines.append(f"- {scenario}: {named(peer)} {words}, {figure(theirs)} to {figure(own)}, at {peer['rows']:,} rows.")
    for tool in results["fidelity"]:
        for name, result in tool["classes"].items():
            if tool["kind"] == "ours" and outcome(result) != "exact":
                lines.append(f"- {tool['warehouse']}: of the class {name} ours has {outcome(result)}.")
    return "\n".join(lines or ["Nowhere in what was measured."]) + "\n"


def speeds(tools: list[dict[str, Any]]) -> str:
    rows = []
    for tool in sorted((t for t in tools if t["runs"]), key=lambda t: -rows_per_cpu_second(t)):
        runs = tool["runs"]
        least, most = spread(runs, "wall")
        cells = [named(tool), f"{tool['rows']:,}", figure(rows_per_second(tool)), figure(rows_per_cpu_second(tool)), figure(median(runs, "cpu"))]
        cells += [figure(median(runs, "server_cpu")), figure(median(runs, "peak_mb")), figure(median(runs, "wall")), f"{figure(least)} to {figure(most)}"]
        rows.append(cells)
    header = ["tool", "rows", "rows/s", "rows per CPU second", "CPU s", "server's CPU s", "peak MB", "wall s", "of runs"]
    if not any(run["server_cpu"] for tool in tools for run in tool["runs"]):
        at = header.index("server's CPU s")
        header, rows = header[:at] + header[at + 1 :], [row[:at] + row[at + 1 :] for row in rows]
    return table(header, rows)


def remarks(tools: list[dict[str, Any]]) -> str:
    """What was found wrong in the tables after loading, and who failed."""
    lines = [f"- {named(t)}, {t['rows']:,} rows, holds {'; '.join(t['differences'])}." for t in tools if t["differences"]]
    lines += [f"- {named(t)}, {t['rows']:,} rows, failed: {t['failure']}" for t in tools if t.get("failure")]
    return "\n".join(lines) + "\n" if lines else ""


def total(classes: dict[str, Any], figure_of: str) -> int:
    return sum(c.get(figure_of, 0) for c in classes.values())


def fidelity(tools: list[dict[str, Any]]) -> str:
    rows = []
    for tool in tools:
        classes = tool["classes"]
        counts = [str(total(classes, name)) for name in ("missing", "doubled", "unexpected", "changed")]
        rows.append([f"{named(tool)}, {tool['warehouse']}", *counts, str(sum("refused" in c for c in classes.values())), str(len(classes))])
    return table(["tool", "rows missing", "rows doubled", "rows nobody sent", "values changed", "classes refused", "of classes"], rows)


def hazards(tools: list[dict[str, Any]]) -> str:
    """By class and tool: exact, refused, or what differs."""
    names = list(dict.fromkeys(name for tool in tools for name in tool["classes"]))
    rows = [[f"{named(tool)}, {tool['warehouse']}"] + [outcome(tool["classes"].get(name)) for name in names] for tool in tools]
    return table(["tool", *names], rows)


def outcome(result: dict[str, Any] | None) -> str:
    if result is None:
        return "–"
    if "refused" in result:
        return "refused"
    return ", ".join(f"{result[name]} {name}" for name in ("missing", "doubled", "unexpected", "changed") if result[name]) or "exact"


def not_run(entries: list[dict[str, str]]) -> str:
    return "".join(f"- {entry['name']}: {entry['reason']}.\n" for entry in entries)


def plots(results: dict[str, Any], folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the plots of the loads into a folder; it needs matplotlib, which the tables do without."""
    from loads.plots import plot

    groups = scenarios([t for t in results["tools"] if t["runs"]])
    return [plot(name, {s: at_fewest_rows(t) for s, t in groups.items() if s.split(",")[0] == name}, folder) for name in inputs(results["tools"])]


def inputs(tools: list[dict[str, Any]]) -> list[str]:
    """The names of the inputs that were loaded."""
    return list(dict.fromkeys(tool["scenario"].split(",")[0] for tool in tools if tool["runs"]))


def at_fewest_rows(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools of a scenario at the number of rows that all were measured at, the slowest first."""
    least = min(t["rows"] for t in tools)
    return sorted((t for t in tools if t["rows"] == least), key=rows_per_cpu_second)
