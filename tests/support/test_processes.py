"""Servers start on a loopback port, say why they did not, and are gone afterwards."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import LOOPBACK, DidNotStart, running

_SERVER = """
import os, pathlib, socket, sys, time
port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
(folder / "pids").open("a").write(f"{os.getpid()}\\n")
STORY
server = socket.create_server(("127.0.0.1", port))
time.sleep(60)
"""


@contextmanager
def _started(
    folder: Path, story: str, *, ready: Callable[[int], bool] = lambda port: True, within_s: float = 5
) -> Iterator[int]:
    code = _SERVER.replace("STORY", story)
    with running(
        lambda port: (sys.executable, "-c", code, str(port), str(folder)),
        environment=lambda port: os.environ,
        ready=ready,
        folder=folder,
        within_s=within_s,
        end_within_s=0.5,
    ) as port:
        yield port


def _pids(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def test_a_server_answers_inside_the_block_and_is_gone_after_it(tmp_path: Path) -> None:
    with _started(tmp_path, "") as port:
        socket.create_connection((LOOPBACK, port), timeout=2).close()
    with pytest.raises(ProcessLookupError):
        os.kill(_pids(tmp_path)[0], 0)


def test_a_server_that_ignores_being_asked_is_ended_all_the_same(tmp_path: Path) -> None:
    started_s = time.monotonic()
    with _started(tmp_path, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"):
        pass
    assert time.monotonic() - started_s < 20  # it would have slept for a minute
    with pytest.raises(ProcessLookupError):
        os.kill(_pids(tmp_path)[0], 0)


def test_a_server_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    story = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit((folder / 'bye').touch()))"
    with _started(tmp_path, story):
        pass
    assert (tmp_path / "bye").exists()


def test_a_failing_test_does_not_leave_its_server_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), _started(tmp_path, ""):
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(_pids(tmp_path)[0], 0)


def test_a_server_that_dies_at_once_is_tried_on_another_port(tmp_path: Path) -> None:
    story = 'if len((folder / "pids").read_text().split()) < 2: sys.exit("address in use")'
    with _started(tmp_path, story):
        assert len(_pids(tmp_path)) == 2


def test_a_server_that_always_dies_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="no licence"), _started(tmp_path, 'sys.exit("no licence")'):
        pass
    assert len(_pids(tmp_path)) == 3


def test_a_server_that_never_gets_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (
        pytest.raises(DidNotStart, match="did not answer"),
        _started(tmp_path, "", ready=lambda port: False, within_s=0.5),
    ):
        pass
