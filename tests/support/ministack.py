"""ministack as a process: a local AWS whose DynamoDB is correct under many threads."""

from __future__ import annotations

import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines import Engine, fresh_tables
from tests.support.processes import LOOPBACK, running


@contextmanager
def ministack_server() -> Iterator[str]:
    """Start it, give its base URL, end it. Nothing is kept: its state and its pid file live in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="forge-ministack-") as name:
        folder = Path(name)
        with running(
            lambda port: (sys.executable, "-m", "ministack"),
            environment=lambda port: _environment(port, folder),
            ready=_healthy,
            folder=folder,
        ) as port:
            yield f"http://{LOOPBACK}:{port}"


@contextmanager
def ministack_engine(base_url: str) -> Iterator[Engine]:
    """Fresh tables of the template in a running ministack."""
    with fresh_tables("ministack", base_url) as engine:
        yield engine


def _environment(port: int, folder: Path) -> dict[str, str]:
    # A developer's own AWS_* settings must not reach a test's AWS.
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **own,
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),
    }


def _healthy(port: int) -> bool:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5) as answer:
        return bool(answer.status == 200)
