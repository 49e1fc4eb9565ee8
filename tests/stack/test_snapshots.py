"""What a snapshot may hold: Lambda takes one after a function's import and starts many processes from it, days later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.resolve import resolved
from tests.support.template import PROJECT, REGION

# Reports what an import leaves behind that is not the same thing any more in another process, later.
_IMPORT = """
import importlib, json, random, sys, threading
events = []
sys.addaudithook(lambda name, _: events.append(name) if name.startswith("socket.") else None)
random.seed(7)
module = importlib.import_module(sys.argv[1])
drawn = random.getstate() != (random.seed(7), random.getstate())[1]
connected = sorted({"socket.connect", "socket.getaddrinfo"} & set(events))
print(json.dumps({"sockets": connected, "threads": threading.active_count(), "drawn": drawn}))
"""


def snapshotted() -> dict[str, dict[str, Any]]:
    """Functions of prod that start from a snapshot."""
    found = {
        name: resource["Properties"]
        for name, resource in resolved(Stage="prod", SnapStart="PublishedVersions").items()
        if resource["Type"] == "AWS::Lambda::Function"
        and resource["Properties"].get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    }
    assert "ProxyFunction" in found
    return found


@pytest.mark.parametrize("name", sorted(snapshotted()))
def test_importing_a_function_opens_nothing_starts_nothing_and_draws_nothing(name: str) -> None:
    properties = snapshotted()[name]
    variables = {
        variable: value if isinstance(value, str) else "made-up"
        for variable, value in properties["Environment"]["Variables"].items()
    }
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "layers" / "common"), str(PROJECT)]),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        **variables,
    }
    module = properties["Handler"].rpartition(".")[0]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _IMPORT, module], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"sockets": [], "threads": 1, "drawn": False}


def test_ids_and_waits_come_from_the_machine_and_not_from_a_generator_that_a_snapshot_would_copy() -> None:
    """Two processes of one snapshot must not draw the same id, and must not wait alike when they met on a wallet."""
    import random

    from tokens_forge.ids import new_ulid
    from tokens_forge.repetition import RetryRule

    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append((new_ulid(0), RetryRule().wait_ms(8)))
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] != drawn[1][1]
