"""Runs one command and writes what it took: python3 -I -S launcher.py SPEC.

It is a process of its own, and a small one, because Linux counts the memory of the process that starts a command as that
command's own at first. SPEC is JSON: command, stdin, stdout, stderr (files), env, cwd, timeout (seconds).
"""

import json
import os
import signal
import sys
import time


def start(spec):
    """Starts the command in a process group of its own and returns its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.chdir(spec["cwd"])
        for number, path, flags in (
            (0, spec["stdin"], os.O_RDONLY),
            (1, spec["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, spec["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(path, flags, 0o600), number)
        os.execvpe(spec["command"][0], spec["command"], spec["env"])
    except OSError as failure:
        os.write(2, f"{spec['command'][0]}: {failure}\n".encode())
    os._exit(127)


def main():
    spec = json.loads(sys.argv[1])
    begin = time.monotonic()
    pid = start(spec)

    def end(*_):
        os.killpg(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(spec["timeout"])
    _, status, used = os.wait4(pid, 0)
    json.dump(
        {
            "wall": time.monotonic() - begin,
            "cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
            "code": os.waitstatus_to_exitcode(status),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
