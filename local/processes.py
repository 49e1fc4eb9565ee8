"""Background processes: started in a session of their own, remembered in a file, ended by their own pid only."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.settings import HOST, LOGS, PIDS, ROOT, LocalFault


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours. `started` is what tells it from a later process that got the same pid."""

    name: str
    pid: int
    started: str


def require_free_port(port: int, variable: str) -> None:
    """Raises LocalFault when something listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalFault(
                f"Port {port} is not free ({error.strerror}). End what uses it, or set {variable} to another port."
            ) from None


def start(name: str, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start in the background, with output in `.local/logs/<name>.log`, and remember it."""
    with log_path(name).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command lines
            list(command),
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = _started(process.pid)
    if started is None:
        raise LocalFault(f"{name} ended at once. Its output: {log_path(name)}")
    _record_path(name).write_text(json.dumps({"pid": process.pid, "started": started}))
    return process


def wait_until_ready(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], *, timeout_s: float
) -> None:
    """Raises LocalFault when the process ends, or is not ready in time."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise LocalFault(f"{name} ended while starting (exit {process.returncode}). Its output: {log_path(name)}")
        if time.monotonic() > deadline:
            raise LocalFault(f"{name} was not ready after {timeout_s:.0f} s. Its output: {log_path(name)}")
        time.sleep(0.1)


def running(name: str) -> Running | None:
    """The remembered process if it still runs and is the same one."""
    try:
        record = json.loads(_record_path(name).read_text())
        found = Running(name, int(record["pid"]), str(record["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _started(found.pid) == found.started else None


def stop(name: str, *, timeout_s: float) -> bool:
    """End the remembered process and what it started; False when it was not running."""
    process = running(name)
    if process is not None:
        _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while running(name) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        if running(name) is not None:
            _signal(process, signal.SIGKILL)
        # Its session is its own, so its process group holds only what it started.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
    _record_path(name).unlink(missing_ok=True)
    return process is not None


def log_path(name: str) -> Path:
    """Where the output of a process goes."""
    return LOGS / f"{name}.log"


def _record_path(name: str) -> Path:
    return PIDS / f"{name}.json"


def _signal(process: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _started(pid: int) -> str | None:
    """When the process began, in any fixed notation; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may contain spaces: count fields after it. Third is the state, 22nd the start.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    # macOS has no /proc.
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
