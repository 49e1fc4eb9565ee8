"""Real servers for tests: a free loopback port, ready when they answer, ended by their own pid."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"


class DidNotStart(RuntimeError):
    """The server ended or stayed silent; the message carries the end of its log."""


def free_port() -> int:
    """A port nobody listens on now. Somebody else may take it before it is used: callers start again on another one."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Callable[[int], Sequence[str]],
    *,
    environment: Callable[[int], Mapping[str, str]],
    ready: Callable[[int], bool],
    folder: Path,
    working_folder: Path | None = None,
    within_s: float = 30.0,
    end_within_s: float = 5.0,
    tries: int = 3,
) -> Iterator[int]:
    """Start a server, wait until `ready(port)`, give its port, end it. Its output goes to `folder`/server.log."""
    log_path = folder / "server.log"
    for attempt in range(1, tries + 1):
        port = free_port()
        with log_path.open("wb") as log:
            process = _start(command(port), environment(port), log, working_folder)
            try:
                if _wait(process, port, ready, within_s):
                    yield port
                    return
                # Ended by itself: most likely the port was taken meanwhile. Silent: another try would be as silent.
                if attempt == tries or process.poll() is None:
                    tail = log_path.read_text(errors="replace")[-2000:]
                    raise DidNotStart(f"{command(port)[0]} did not answer on port {port} in {within_s} s:\n{tail}")
            finally:
                _end(process, end_within_s)


def _start(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes], folder: Path | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - commands are written in tests/support
        command,
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # A Ctrl-C at the terminal goes to pytest, which ends the server in its fixtures, after the tests that use it.
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], port: int, ready: Callable[[int], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            socket.create_connection((LOOPBACK, port), timeout=1).close()
            if ready(port) and process.poll() is None:
                return True
        time.sleep(0.05)
    return False


def _end(process: subprocess.Popen[bytes], within_s: float) -> None:
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
