"""What importing a deployed function does, seen in a process of its own with the settings that the template gives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.support.resolve import resolved
from tests.support.template import PROJECT, REGION

STREAMING_MODULE = "functions.proxy.main"  # what run.sh serves

_IMPORT = """
import importlib, json, logging, random, sys, threading
sys.modules.update(httpx=None, rich=None)  # of this environment only: no artifact has them, and a library that finds them uses them
events = []
sys.addaudithook(lambda name, _: events.append(name) if name.startswith("socket.") else None)
random.seed(7)
importlib.import_module(sys.argv[1])
drawn = random.getstate() != (random.seed(7), random.getstate())[1]
connected = sorted({"socket.connect", "socket.getaddrinfo"} & set(events))
formatters = [type(handler.formatter).__name__ for handler in logging.root.handlers]
service = getattr(logging.root.handlers[0].formatter, "service", None) if formatters == ["JsonLines"] else None
print(json.dumps({"sockets": connected, "threads": threading.active_count(), "drawn": drawn, "service": service}))
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What the process has done. `service` is None when its log lines are not ours."""

    sockets: tuple[str, ...]
    threads: int
    drawn: bool
    service: str | None


def functions() -> dict[str, dict[str, Any]]:
    """The properties of every function of prod."""
    return {
        name: resource["Properties"]
        for name, resource in resolved(Stage="prod", SnapStart="PublishedVersions").items()
        if resource["Type"] == "AWS::Lambda::Function"
    }


@cache
def environment_of(name: str) -> dict[str, str]:
    """The environment that the template gives a function, as far as this machine has it."""
    variables = functions()[name]["Environment"]["Variables"]
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "layers" / "common"), str(PROJECT)]),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        **{variable: value if isinstance(value, str) else "made-up" for variable, value in variables.items()},
    }


@cache
def imported(name: str) -> Imported:
    """Import the module behind a function's handler."""
    handler = functions()[name]["Handler"]
    module = STREAMING_MODULE if handler.endswith(".sh") else handler.rpartition(".")[0]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _IMPORT, module], env=environment_of(name), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} cannot be imported: {done.stderr}")
    seen = json.loads(done.stdout.splitlines()[-1])
    return Imported(tuple(seen["sockets"]), seen["threads"], seen["drawn"], seen["service"])
