"""A network of its own with the fakes behind the hosts of the APIs, and processes that are measured in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

EVENTS_KEPT = 29 * 24 * 60 * 60  # seconds, a day less than Stripe keeps them
HOSTS = {"stripe": "api.stripe.com", "recharge": "api.rechargeapps.com"}
# With all that was started in it a namespace ends when its first process does.
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def namespaces_fault() -> str:
    """Why no network of its own can be had, or nothing."""
    try:
        done = subprocess.run([*NAMESPACE, "mount", "--bind", "/etc/hosts", "/etc/hosts"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unshare, of util-linux, is not installed"
    return "" if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


def bundles(venvs: pathlib.Path) -> list[pathlib.Path]:
    """The files of trusted certificates that Python packages bring along, and look at in place of the environment's."""
    return [*venvs.glob("*/lib/*/site-packages/certifi/cacert.pem"), *venvs.glob("*/lib/*/site-packages/stripe/data/ca-certificates.crt")]


def enter(folder: pathlib.Path, venvs: pathlib.Path) -> None:
    """Makes the inside of the namespace what the taps expect: loopback up, the hosts on it, and in place of the
    certificates that their libraries bring along, the file to which the front will write its own."""
    up = 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"lo", up, b""))  # SIOCSIFFLAGS
    hosts, authority = folder / "hosts", folder / "ca.pem"
    hosts.write_text("127.0.0.1 localhost " + " ".join(HOSTS.values()) + "\n")
    authority.touch()
    for source, target in [(hosts, pathlib.Path("/etc/hosts")), *((authority, bundle) for bundle in bundles(venvs))]:
        subprocess.run(["mount", "--bind", str(source), str(target)], check=True)


class Account:
    """A fake behind the host of its API, until it is closed."""

    def __init__(self, api: str, binaries: pathlib.Path, folder: pathlib.Path, flags: list[str]):
        self.api, self.authority = api, folder / "ca.pem"
        self.lost: dict[str, int] = {}  # when something was deleted, or a part of it, by the object's id
        address = folder / f"{api}.url"
        address.unlink(missing_ok=True)
        self.processes = [start([binaries / f"fake-{api}", "--url-file", address, *flags])]
        self.url = wait_for(lambda: address.exists() and address.read_text().strip(), self.processes[0])
        os.truncate(self.authority, 0)  # never replaced: it is mounted in other places
        self.processes.append(start([binaries / "compare-front", "--ca-file", self.authority, "--to", f"{HOSTS[api]}={self.url}"]))
        wait_for(lambda: self.authority.read_text().endswith("-----END CERTIFICATE-----\n"), self.processes[1])

    def close(self) -> None:
        """Ends the fake and the front."""
        for process in self.processes:
            process.terminate()
            process.wait(30)

    def call(self, method: str, path: str, key: str = "") -> bytes:
        """Asks the fake itself."""
        request = urllib.request.Request(self.url + path, method=method)
        if key and self.api == "stripe":
            request.add_header("Authorization", "Bearer " + key)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def control(self, method: str, path: str) -> Any:
        """Asks the half that is not part of the API."""
        return json.loads(self.call(method, "/_control/" + path))

    def now(self) -> int:
        """The account's time, in whole seconds."""
        return int(self.control("GET", "clock")["now"])

    def advance(self, seconds: int) -> None:
        """Lets time pass."""
        self.control("POST", f"clock?advance={seconds}s")

    def step(self, changes: int) -> None:
        """Lets so many things happen."""
        for change in self.control("POST", f"step?n={changes}&seed=1"):
            if change["action"] in ("delete", "churn"):
                self.lost.setdefault(str(change["id"]), self.now())

    def forgotten(self) -> set[str]:
        """The ids of what was deleted, or had a part deleted, so long ago that no event tells of it any more."""
        return {id for id, at in self.lost.items() if at < self.now() - EVENTS_KEPT}


def start(command: list[Any]) -> subprocess.Popen:
    """Starts a server of ours."""
    return subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def wait_for(ready: Any, process: subprocess.Popen) -> Any:
    """Waits until something is there."""
    deadline = time.monotonic() + 120
    while not (found := ready()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} does not start")
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def account(api: str, binaries: pathlib.Path, folder: pathlib.Path, flags: list[str]) -> Iterator[Account]:
    """An account for the length of a block."""
    opened = Account(api, binaries, folder, flags)
    try:
        yield opened
    finally:
        opened.close()


@dataclass
class Measured:
    """What a process took. The sizes are those of its largest moment; times include its children."""

    status: int
    wall: float
    cpu: float
    peak_mb: float


def environment(authority: pathlib.Path, offset: int | None, faketime: pathlib.Path | None) -> dict[str, str]:
    """What a tap finds around it: certificates to trust and, unless it is today, the time of its account."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env |= {"SSL_CERT_FILE": str(authority), "REQUESTS_CA_BUNDLE": str(authority), "TZ": "UTC", "NO_COLOR": "1"}
    if offset is not None and faketime:
        env |= {"LD_PRELOAD": str(faketime), "FAKETIME": f"{offset:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return env


def execute(command: list[str], folder: pathlib.Path, env: dict[str, str], timeout: float) -> Measured:
    """Runs a command with its output in files of the folder, out and err. Status -9 says that it took too long."""
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        deadline = began + timeout
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.005)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(process.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
