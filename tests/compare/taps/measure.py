"""Taps beside each other on the same fakes: how long a first sync takes, and what is wrong after some changes.

    python3 tests/compare/taps/measure.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from taps import stage
from taps.compare import Faults
from taps.report import plots, tables
from taps.scenario import HARDEST, SCENARIOS, Place, fidelity, speed
from taps.tools import STRIPE, Tool, tools
from taps.venvs import VENVS, install

__all__ = ["measure", "plots", "tables"]

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIZES = {"quick": {"stripe": 4_000, "recharge": 2_000}, "whole": {"stripe": 20_000, "recharge": 5_000}}
TIMEOUT = 3600.0
NOT_ON_PYPI = "its source is no package: dlt init copies it from GitHub, and ingestr, which has one like it, fetches a program when it first runs"


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """Measures every tap and returns {"tools": [...], "not_run": [{"name", "reason"}]}.

    Options, all of which may be left out: quick (small sizes, the hardest scenarios), runs (of each first sync), seeds (of each scenario),
    objects ({"stripe": n, "recharge": n}), only (parts of names of tools), parts (of "speed", "fidelity"), binaries (a
    folder in place of bin).
    """
    binaries = pathlib.Path(options.get("binaries") or os.environ.get("TAPLINE_BIN") or ROOT / "bin")
    refused = {name: reason for name, reason in install().items()}
    fault = stage.namespaces_fault()
    everyone = [t for t in tools(binaries, VENVS) if wanted(t, options)]
    not_run = [{"name": "dlt stripe_analytics", "reason": NOT_ON_PYPI}]
    if fault:
        return {"tools": [], "not_run": not_run + [{"name": t.name, "reason": fault} for t in everyone]}
    subprocess.run(["go", "build", "-o", str(binaries / "compare-front"), "./tests/compare/taps/front"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="taps-") as folder:
        given = options | {"binaries": str(binaries), "folder": folder, "refused": refused}
        results = pathlib.Path(folder) / "results.json"
        subprocess.run([*stage.NAMESPACE, sys.executable, __file__, "--inside", json.dumps(given), str(results)], check=True)
        found = json.loads(results.read_text())
    found["not_run"] = not_run + found["not_run"]
    return found


def wanted(tool: Tool, options: dict[str, Any]) -> bool:
    """Whether a tool is to be measured."""
    return not options.get("only") or any(part in tool.name for part in options["only"])


def inside(options: dict[str, Any]) -> dict[str, Any]:
    """Measures in a network of its own."""
    folder = pathlib.Path(options["folder"])
    stage.enter(folder, VENVS)
    preload = next(VENVS.glob("libfaketime/lib/*/site-packages/libfaketime/vendor/libfaketime/src/libfaketime.so.1"), None)
    place = Place(pathlib.Path(options["binaries"]), folder, preload)
    results: dict[str, Any] = {"tools": [], "not_run": []}
    runnable = []
    for tool in tools(place.binaries, VENVS):
        reason = options["refused"].get(tool.venv)
        if reason:
            results["not_run"].append({"name": tool.name, "reason": reason})
        elif wanted(tool, options):
            runnable.append(tool)
    entries = {t.name: {"name": t.name, "version": t.version, "source": t.source, "api": t.api, "runs": [], "fidelity": {}} for t in runnable}
    parts = options.get("parts") or ["speed", "fidelity"]
    if "speed" in parts:
        measure_speed(place, runnable, entries, results["not_run"], options)
    if "fidelity" in parts:
        measure_fidelity(place, runnable, entries, results["not_run"], options)
    results["tools"] = [e for e in entries.values() if e["runs"] or e["fidelity"]]
    return results


def measure_speed(place: Place, runnable: list[Tool], entries: dict, not_run: list, options: dict) -> None:
    """Times first syncs, one tool after the other, and again."""
    failed: set[str] = set()
    for turn in range(options.get("runs") or (1 if options.get("quick") else 2)):
        for tool in runnable:
            if tool.name in failed:
                continue
            objects = (options.get("objects") or SIZES["quick" if options.get("quick") else "whole"])[tool.api]
            entries[tool.name]["scenario"] = f"{tool.api}, first sync of {objects:,} objects"
            try:
                run = speed(place, tool, objects, TIMEOUT)
            except RuntimeError as e:
                failed.add(tool.name)
                not_run.append({"name": tool.name, "reason": f"first sync {turn + 1}: {e}"})
                say(tool, "first sync", f"did not run: {e}")
                continue
            entries[tool.name]["runs"].append(run)
            say(tool, "first sync", f"{run['wall']:.1f} s, {run['rows'] / run['wall']:,.0f} rows/s, {run['cpu']:.1f} s of processor, "
                f"{run['peak_mb']:.0f} MB, {run['rows']:,} rows, {run['requests']:,} requests")


def measure_fidelity(place: Place, runnable: list[Tool], entries: dict, not_run: list, options: dict) -> None:
    """Counts what is wrong after scenarios. Of our taps the one with its default settings takes part."""
    for tool in (t for t in runnable if not t.settings):
        if tool.venv and not place.faketime:
            not_run.append({"name": tool.name, "reason": "fidelity: libfaketime, which gives a tap the time of its account, could not be built"})
            continue
        found = {}
        for scenario in HARDEST if options.get("quick") else SCENARIOS:
            total = Faults()
            for seed in range(3, 3 + (options.get("seeds") or (1 if options.get("quick") else 5))):
                try:
                    total.add(fidelity(place, tool, scenario, seed, TIMEOUT), f"seed {seed}")
                except RuntimeError as e:
                    not_run.append({"name": tool.name, "reason": f"{scenario}, seed {seed}: {e}"})
            found[scenario] = total.counts() | {"examples": total.examples[:30], "dropped": sorted(total.dropped), "changed": sorted(total.changed)}
            say(tool, scenario, ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in total.counts().items()))
        entries[tool.name]["fidelity"] = found


def say(tool: Tool, what: str, text: str) -> None:
    """Prints a line as it falls."""
    print(f"{tool.name} ({tool.api}), {what}: {text}", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        pathlib.Path(sys.argv[3]).write_text(json.dumps(inside(json.loads(sys.argv[2])), indent=1, default=str))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends, too
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small accounts, the hardest scenarios, once")
    parser.add_argument("--runs", type=int, help="how often a first sync is timed")
    parser.add_argument("--seeds", type=int, help="how many accounts each scenario is played with")
    parser.add_argument("--only", action="append", help="part of the name of a tool; repeatable")
    parser.add_argument("--parts", action="append", choices=["speed", "fidelity"])
    parser.add_argument("--objects", type=int, help="in an account of Stripe; one of Recharge gets a fifth")
    parser.add_argument("--results", type=pathlib.Path, help="file for the results")
    parser.add_argument("--plots", type=pathlib.Path, help="folder for the plots")
    args = parser.parse_args()
    options = {name: value for name, value in vars(args).items() if value and name not in ("objects", "results", "plots")}
    if args.objects:
        options["objects"] = {"stripe": args.objects, "recharge": max(1, args.objects // 5)}
    results = measure(options)
    if args.results:
        args.results.write_text(json.dumps(results, indent=1) + "\n")
    if args.plots:
        plots(results, args.plots)
    print(tables(results))


if __name__ == "__main__":
    main()
