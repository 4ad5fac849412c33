"""Processes whose time, processor time and memory are measured."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass, field

FAILURE = re.compile(r"\b\w*(Error|Exception|fatal)\b|\b(error|invalid|caused|pq):?\b", re.IGNORECASE)
ASIDES = "(Background", "The above exception", "During handling of"  # what Python's tools write around the cause
LAUNCHER = pathlib.Path(__file__).with_name("launcher.py")


@dataclass
class Command:
    """A command line, with the file it reads as its input and what it needs in its environment."""

    argv: list[str]
    stdin: pathlib.Path = pathlib.Path(os.devnull)
    env: dict[str, str] = field(default_factory=dict)


@dataclass
class Took:
    """What a process and those it waited for took. peak_mb is of the largest of them, in 10^6 bytes."""

    wall: float
    cpu: float
    peak_mb: float
    code: int
    last_line: str  # of what it wrote to its standard error, or else to its output


def timed(command: Command, directory: pathlib.Path, timeout: int) -> Took:
    """Runs a command in a directory to its end, or to that of the seconds it may take."""
    out, err = directory / "stdout", directory / "stderr"
    spec = {
        "command": [str(word) for word in command.argv],
        "stdin": str(command.stdin),
        "stdout": str(out),
        "stderr": str(err),
        "env": {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {"LC_ALL": "C.UTF-8", "NO_COLOR": "1"} | command.env,
        "cwd": str(directory),
        "timeout": timeout,
    }
    launcher = subprocess.Popen([sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(spec)], stdout=subprocess.PIPE)
    try:
        written, _ = launcher.communicate()
    except BaseException:
        launcher.terminate()
        launcher.wait()
        raise
    took = Took(**json.loads(written), last_line="")
    took.last_line = f"it took longer than {timeout} s" if took.code == -9 and took.wall >= timeout else last_line(err) or last_line(out)
    return took


def last_line(path: pathlib.Path) -> str:
    """The last line of a file that tells of an error, or else that says something, cut to what fits into a table."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip() and not line.startswith(ASIDES)] if path.exists() else []
    tell = [line for line in lines if FAILURE.search(line)] or lines
    return re.sub(r"\x1b\[[0-9;]*m", "", tell[-1])[:300] if tell else ""
