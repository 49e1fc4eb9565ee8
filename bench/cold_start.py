"""What importing the gateway costs, as a cold start pays it: with bytecode, without, and beside its third-party packages alone.

What is imported is what `sam build` packages, layer and function, under the Python of the Lambda where this machine has it. Each
import happens in a process of its own; CPU time of the import only, without the start of the interpreter. What is compared is
measured in turns. Exits non-zero when our own part is more than a quarter of the packages.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import Figures
from tests.support.imports import STREAMING_MODULE, environment_of
from tests.support.template import PROJECT

ROUNDS = 15
RATIO_MAX = 1.25

_GATEWAY = """
import importlib, json, sys, time
began = time.process_time()
importlib.import_module(sys.argv[1])
took_s = time.process_time() - began
layer = json.load(sys.stdin)
print(json.dumps([took_s, [
    name for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").startswith(layer) and not name.startswith("tokens_forge")
]]))
"""
_PACKAGES = """
import importlib, json, sys, time
names = json.load(sys.stdin)
began = time.process_time()
for name in names:
    importlib.import_module(name)
print(json.dumps([time.process_time() - began, names]))
"""


def interpreter() -> str:
    """The Lambda's Python, or ours."""
    find = [str(Path(sys.executable).parent / "uv"), "python", "find", "--no-project", "--no-python-downloads", "3.13"]
    found = subprocess.run(find, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return found.stdout.strip() or sys.executable


def package(folder: Path, python: str) -> None:
    """The layer and the streaming function as they are deployed, for this interpreter."""
    for part, target in (("layers/common", "build-CommonLayer"), ("functions/proxy", "build-StreamFunction")):
        environment = {
            **os.environ,
            "FORGE_BUILD": "local",
            "PATH": os.pathsep.join([str(Path(python).parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        command = ["make", "--no-print-directory", "-C", str(PROJECT / part), target, f"ARTIFACTS_DIR={folder}"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours


def imported(python: str, script: str, folder: Path, said: object) -> tuple[float, list[str]]:
    """Seconds of CPU of one import, and the third-party modules that it brought."""
    environment = {
        **environment_of("StreamFunction"),
        "PYTHONPATH": os.pathsep.join([str(folder / "python"), str(folder)]),
        "PYTHONDONTWRITEBYTECODE": "1",  # what a Lambda could not write either
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [python, "-c", script, STREAMING_MODULE],
        env=environment, input=json.dumps(said), capture_output=True, text=True, check=True,
    )  # fmt: skip
    took_s, names = json.loads(done.stdout.splitlines()[-1])
    return took_s, names


def main() -> int:
    """0 when the target is met."""
    figures, python = Figures("cold start"), interpreter()
    with tempfile.TemporaryDirectory(prefix="forge-bench-") as name:
        compiled, bare = Path(name, "compiled"), Path(name, "bare")
        package(compiled, python)
        shutil.copytree(compiled, bare, ignore=shutil.ignore_patterns("__pycache__"))
        _, names = imported(python, _GATEWAY, compiled, str(compiled / "python"))
        times: dict[str, list[float]] = {"with": [], "without": [], "packages": []}
        for _ in range(ROUNDS):
            times["with"].append(imported(python, _GATEWAY, compiled, "")[0])
            times["packages"].append(imported(python, _PACKAGES, compiled, names)[0])
            times["without"].append(imported(python, _GATEWAY, bare, "")[0])
    medians = {name: statistics.median(found) for name, found in times.items()}
    figures.say("import of the gateway, with bytecode", medians["with"] * 1000, "ms of CPU")
    figures.say("import of its third-party packages alone", medians["packages"] * 1000, "ms of CPU")
    figures.say("import of the gateway, without bytecode", medians["without"] * 1000, "ms of CPU")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(times["with"], times["packages"], strict=True))
    figures.say("the gateway to its packages", ratio, "times", RATIO_MAX)
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
