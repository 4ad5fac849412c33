"""A virtual environment for each tool, from its lock file, made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess

REQUIREMENTS = pathlib.Path(__file__).parent / "requirements"
CACHE = pathlib.Path.home() / "Library/Caches" if platform.system() == "Darwin" else pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
VENVS = CACHE / "tapline/compare/taps"
PYTHONS = ["python3.11", "python3.12", "python3.10", "python3"]  # that the tools say they run on, the best first


def install() -> dict[str, str]:
    """Makes what is not there yet. Returns why an environment could not be made, by its name."""
    python = next((p for p in PYTHONS if shutil.which(p)), "python3")
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
    refused = {}
    for lock in sorted(REQUIREMENTS.glob("*.txt")):
        venv = VENVS / lock.stem
        made, digest = venv / "made", hashlib.sha256(version.encode() + lock.read_bytes()).hexdigest()
        if made.exists() and made.read_text() == digest:
            continue
        print(f"installing {lock.stem}", flush=True)
        shutil.rmtree(venv, ignore_errors=True)
        for command in [python, "-m", "venv", venv], [venv / "bin/pip", "-q", "--disable-pip-version-check", "install", "-r", lock]:
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                shutil.rmtree(venv, ignore_errors=True)
                lines = (done.stderr or done.stdout).strip().splitlines() or ["pip says nothing"]
                refused[lock.stem] = "cannot be installed: " + lines[-1][-200:]
                break
        else:
            made.write_text(digest)
    return refused
