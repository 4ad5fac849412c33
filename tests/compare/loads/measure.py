"""Targets and loaders side by side: how fast they load, and what becomes of values that are easily got wrong."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

from loads.checks import INPUTS, Input, differences, sent
from loads.contestants import NOT_RUN, TOOLS, Job, Tool, missing
from loads.fidelity import try_all
from loads.place import Place
from loads.warehouses import Files, Postgres
from process import timed

RUNS = 3  # of each contestant
QUICK = 4  # in a quick run, a share of the rows


@dataclass
class Bench:
    """What the loads share."""

    options: Any
    warehouses: dict[str, Files | Postgres]
    not_run: list[dict[str, str]]
    wanted: dict[tuple[str, int, int], tuple[str, ...]] = field(default_factory=dict)

    def log(self, text: str) -> None:
        print(text, flush=True)

    @property
    def inputs(self) -> pathlib.Path:
        return self.options.work / "inputs"

    def file(self, of: Input, rows: int, generation: int, method: str, form: str) -> pathlib.Path:
        """A file of rows; to be appended, a stream names no key."""
        path = self.inputs / f"{of.name}-{rows}-{generation}-{method if form == 'singer' else 'any'}.{form}"
        if path.exists():
            return path
        command = [str(self.options.bin / "compare-inputs"), "--input", of.name, "--rows", str(rows), "--generation", str(generation), "--form", form]
        with path.open("wb") as out:
            writer = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            if form == "singer":
                out.write(writer.stdout.readline().replace(b'"key_properties":["id"]', b'"key_properties":[]' if method == "append" else b'"key_properties":["id"]'))
            shutil.copyfileobj(writer.stdout, out, 1 << 20)
        if writer.wait() != 0:
            raise RuntimeError("compare-inputs failed")
        return path

    def want(self, of: Input, rows: int, generation: int) -> tuple[str, ...]:
        key = of.name, rows, generation
        if key not in self.wanted:
            self.wanted[key] = sent(of, self.file(of, rows, generation, "any", "jsonl"), generation)
        return self.wanted[key]


@dataclass
class Contestant:
    """A tool within one scenario, at a number of rows."""

    tool: Tool
    of: Input
    method: str
    rows: int
    result: dict[str, Any]
    template: str | None = None

    @property
    def scenario(self) -> str:
        return f"{self.of.name}, {self.method}, {self.tool.warehouse}"

    def load(self, bench: Bench, place: Place, generation: int) -> dict[str, Any]:
        """Runs the tool once and returns what it took, or fails with what it says."""
        directory = bench.options.work / "scratch" / "run"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        stream, records = (bench.file(self.of, self.rows, generation, self.method, form) for form in ("singer", "jsonl"))
        job = Job(self.of.name, stream, records, place, self.method, directory, bench.options.venvs, bench.options.bin)
        warehouse = bench.warehouses[self.tool.warehouse]
        server = warehouse.cpu()
        took = timed(self.tool.command(job), directory, bench.options.timeout)
        if took.code != 0:
            raise RuntimeError(took.last_line or f"exit code {took.code}")
        return {"wall": took.wall, "cpu": took.cpu, "peak_mb": took.peak_mb, "rows": self.rows, "server_cpu": warehouse.cpu() - server}

    def prepare(self, bench: Bench) -> None:
        """Loads, unmeasured, the rows that are to be replaced."""
        if self.method == "upsert":
            name = f"before{abs(hash((self.tool.name, self.scenario, self.rows)))}"
            warehouse = bench.warehouses[self.tool.warehouse]
            place = warehouse.make(name)
            self.load(bench, place, 0)
            warehouse.settle(place)
            self.template = name

    def run(self, bench: Bench) -> None:
        warehouse, generation = bench.warehouses[self.tool.warehouse], int(self.method == "upsert")
        place = warehouse.make("load", self.template)
        self.result["runs"].append(self.load(bench, place, generation))
        for difference in differences(self.of, warehouse, place, generation, bench.want(self.of, self.rows, generation)):
            if difference not in self.result["differences"]:
                self.result["differences"].append(difference)


def measure(options: Any) -> dict[str, Any]:
    """Measures all tools whose scenario matches options.only. options has bin, venvs and work (folders), quick, runs, rows
    and peer_rows (None for the usual), timeout and only."""
    for folder in ("inputs", "scratch", "warehouses"):
        (options.work / folder).mkdir(parents=True, exist_ok=True)
    bench = Bench(options, {kind: Files(kind, options.work / "warehouses") for kind in ("duckdb", "jsonl", "parquet")}, list(NOT_RUN))
    tools = present(bench)
    try:
        bench.warehouses["postgres"] = Postgres(options.bin / "postgres-for-tests", options.work)
        fidelity = hold_against_hazards(bench, tools)
        results = [c.result for contest in contests(bench, tools) for c in race(bench, contest)]
    finally:
        if "postgres" in bench.warehouses:
            bench.warehouses["postgres"].stop()
    return {"tools": results, "fidelity": fidelity, "not_run": bench.not_run}


def present(bench: Bench) -> list[Tool]:
    """The tools that are there; the others are noted."""
    for tool in TOOLS:
        reason = {"name": f"{tool.name} {tool.version}", "reason": "its packages could not be installed from PyPI"}
        if missing(tool, bench.options.venvs) and reason not in bench.not_run:
            bench.not_run.append(reason)
    return [tool for tool in TOOLS if not missing(tool, bench.options.venvs)]


def hold_against_hazards(bench: Bench, tools: list[Tool]) -> list[dict[str, Any]]:
    results = []
    for tool in tools:
        if not tool.hazards or not re.search(bench.options.only, "fidelity"):
            continue
        bench.log(f"fidelity: {tool.name}, {tool.warehouse}")
        scratch = bench.options.work / "scratch" / "fidelity"
        shutil.rmtree(scratch, ignore_errors=True)
        classes = try_all(tool, bench.warehouses[tool.warehouse], scratch, bench.options.venvs, bench.options.bin)
        results.append({"name": tool.name, "version": tool.version, "kind": tool.kind, "warehouse": tool.warehouse, "classes": classes})
    return results


def contests(bench: Bench, tools: list[Tool]) -> list[list[Contestant]]:
    """The contestants of each scenario that is wanted, every tool at the smaller number of rows, the fast ones at the larger, too."""
    options, lists = bench.options, []
    for of in INPUTS:
        for method in ("append", "upsert"):
            for warehouse in ("duckdb", "postgres", "jsonl", "parquet"):
                contest = []
                for tool in tools:
                    share = QUICK if options.quick else 1
                    few, many = options.peer_rows or of.peer_rows // share, options.rows or of.rows // share
                    for rows in sorted({few, many} if tool.many else {few}):
                        if tool.warehouse == warehouse and method in tool.methods:
                            contest.append(Contestant(tool, of, method, rows, entry(tool, of, method, rows)))
                if contest and re.search(options.only, contest[0].scenario):
                    lists.append(contest)
    return lists


def entry(tool: Tool, of: Input, method: str, rows: int) -> dict[str, Any]:
    described = {"name": tool.name, "version": tool.version, "source": "this repository" if not tool.venv else "PyPI", "kind": tool.kind}
    return described | {"scenario": f"{of.name}, {method}, {tool.warehouse}", "rows": rows, "runs": [], "differences": []}


def race(bench: Bench, contest: list[Contestant]) -> list[Contestant]:
    """Has the contestants of a scenario take turns; who fails is out, and named."""
    going = list(contest)

    def attempt(contestant: Contestant, act: Any) -> None:
        try:
            act(bench)
        except (RuntimeError, LookupError) as failure:
            going.remove(contestant)
            contestant.result["failure"] = str(failure)
            bench.not_run.append({"name": f"{contestant.tool.name}: {contestant.scenario}, {contestant.rows} rows", "reason": str(failure)})

    bench.log(contest[0].scenario)
    for contestant in contest:
        attempt(contestant, contestant.prepare)
    for turn in range(bench.options.runs or RUNS):
        for contestant in list(going):
            attempt(contestant, contestant.run)
            if contestant in going:
                last = contestant.result["runs"][-1]
                bench.log(f"  {turn + 1}. {contestant.tool.name}, {last['rows']} rows: {last['wall']:.2f} s, {last['cpu']:.2f} s of CPU, {last['peak_mb']:.0f} MB")
    for contestant in contest:
        for difference in contestant.result["differences"]:
            bench.log(f"  {contestant.tool.name}: {difference}")
    for path in bench.inputs.iterdir():
        if not path.name.startswith(contest[0].of.name):
            path.unlink()
    return contest


