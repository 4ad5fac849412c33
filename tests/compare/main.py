"""Measures tapline beside its peers and writes the results, the plots and the tables of docs/comparison.md.

run.sh makes the environments of the peers and then runs this.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Any

from document import with_parts

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = pathlib.Path(__file__).with_name("results.json")
DOCUMENT = ROOT / "docs" / "comparison.md"
SIDES = ("loads", "taps")
PLOTS_OF_TAPS = """
![Rows a second of a first sync](comparison-taps-speed.png)

![Rows and fields that are wrong](comparison-taps-fidelity.png)
"""


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make compare", description="Measures tapline beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer rows, for every tool of both sides")
    parser.add_argument("--runs", type=int, help="runs of each contestant, whose medians are compared (3)")
    parser.add_argument("--rows", type=int, help="rows of the larger loads, of the fast ones")
    parser.add_argument("--peer-rows", type=int, help="rows of the loads that all make")
    parser.add_argument("--side", choices=SIDES, help="measure only this side and keep the other's results")
    parser.add_argument("--only", default="", help="measure only scenarios of the loads that have this regular expression, such as 'charges.*duckdb' or fidelity, and print them; the results and the document stay")
    parser.add_argument("--timeout", type=int, default=900, help="seconds that one process may take")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="file for the results")
    parser.add_argument("--keep", action="store_true", help="write the results alone; the document and its plots stay as they are")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the document and its plots from the results")
    parser.add_argument("--check", action="store_true", help="measure nothing, tell whether the tables of the document are those of the results")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bin", help="folder of our binaries")
    options = parser.parse_args(words)
    if options.only:
        options.side, options.keep = "loads", True
    options.venvs = pathlib.Path(os.environ.get("TAPLINE_VENVS", ""))
    options.bin = options.bin.resolve()
    return options


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"system": platform.system(), "architecture": platform.machine(), "cores": os.cpu_count(), "memory_gb": round(memory / 1e9, 1)}


def measured(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """The results of a side, with what they were measured on."""
    version = subprocess.run([options.bin / "target-warehouse", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    about = {"date": datetime.date.today().isoformat(), "machine": machine(), "quick": options.quick, "version": version}
    return about | (measured_loads(options) if side == "loads" else measured_taps(options))


def measured_loads(options: argparse.Namespace) -> dict[str, Any]:
    from loads.measure import measure

    with tempfile.TemporaryDirectory(prefix="tapline-compare-") as work:
        options.work = pathlib.Path(work)
        return measure(options)


def measured_taps(options: argparse.Namespace) -> dict[str, Any]:
    from taps.measure import measure

    return measure({"quick": options.quick, "binaries": str(options.bin)} | ({"runs": options.runs} if options.runs else {}))


def parts(results: dict[str, Any]) -> dict[str, str]:
    """The generated parts of the document, by name."""
    written = {side: conditions(results[side]) + "\n" + reporter(side).tables(results[side]) for side in SIDES if side in results}
    if "taps" in written:
        written["taps"] += PLOTS_OF_TAPS
    return written


def reporter(side: str) -> Any:
    """The module with a side's tables and plots, which needs none of what measuring needs."""
    return importlib.import_module(f"{side}.report")


def conditions(side: dict[str, Any]) -> str:
    on, runs = side["machine"], max((len(tool["runs"]) for tool in side["tools"]), default=0)
    sizes = ", with fewer rows than a whole run has (`--quick`)" if side["quick"] else ""
    of_runs = "one run each" if runs == 1 else f"medians of {runs} runs"
    return f"Measured on {side['date']} on {on['cores']} cores ({on['system']}, {on['architecture']}) with {on['memory_gb']:g} GB of memory: {of_runs}{sizes}.\n"


def write_document(results: dict[str, Any]) -> None:
    DOCUMENT.write_text(with_parts(DOCUMENT.read_text(), parts(results)))
    for side in SIDES:
        if side in results:
            reporter(side).plots(results[side], DOCUMENT.parent)


def main() -> int:
    options = arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    if options.check:
        text = DOCUMENT.read_text()
        if with_parts(text, parts(results)) != text:
            print("the tables of docs/comparison.md are not those of tests/compare/results.json: run make compare COMPARE=--tables", file=sys.stderr)
            return 1
        return 0
    if not options.tables:
        missing = [name for name in ("target-warehouse", "compare-inputs", "postgres-for-tests") if not shutil.which(options.bin / name)]
        if missing:
            print(f"{', '.join(missing)} must be in {options.bin}: make compare builds them", file=sys.stderr)
            return 1
        for side in [options.side] if options.side else SIDES:
            results[side] = measured(side, options)
            if options.only and options.results == RESULTS:
                print(parts(results)["loads"])
                return 0
            options.results.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if not options.keep:
        write_document(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
