"""The plot of the loads of one input."""

from __future__ import annotations

import pathlib
from typing import Any

import matplotlib
from PIL import Image

from arithmetic import rows_per_cpu_second
from loads.report import named

COLORS = {"ours": "#1f6f5c", "extra": "#8fc1b5", "singer": "#b5651d", "loader": "#5b6fa8"}


def plot(name: str, groups: dict[str, list[dict[str, Any]]], folder: pathlib.Path) -> pathlib.Path:
    """Writes one input's plot: rows per second of processor time, by scenario, all on one axis."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [len(tools) for tools in groups.values()]
    size = 8, 0.26 * sum(sizes) + 0.55 * len(groups)
    figure, axes = pyplot.subplots(len(groups), 1, figsize=size, sharex=True, squeeze=False, gridspec_kw={"height_ratios": sizes})
    for axis, (scenario, tools) in zip(axes[:, 0], groups.items(), strict=True):
        rates = [rows_per_cpu_second(t) for t in tools]
        bars = axis.barh([named(t) for t in tools], rates, color=[COLORS[t["kind"]] for t in tools])
        axis.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=3, fontsize=7)
        axis.set_title(f"{scenario}: {tools[0]['rows']:,} rows", fontsize=8, loc="left")
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel("rows per second of processor time", fontsize=8)
    axes[-1, 0].set_xlim(0, axes[-1, 0].get_xlim()[1] * 1.1)
    axes[-1, 0].xaxis.set_major_formatter("{x:,.0f}")
    figure.tight_layout()
    path = folder / f"comparison-loads-{name}.png"
    figure.savefig(path, dpi=90, bbox_inches="tight")
    pyplot.close(figure)
    with Image.open(path) as full:
        small = full.convert("RGB").quantize(32)  # a third of the bytes, and all that a bar chart needs
    small.save(path, optimize=True)
    return path
