"""`make run` in a copy of this checkout: a stack with ports and a state of its own, beside whatever else runs here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local import dotenv
from local.settings import ROOT
from tests.support.http import Api
from tests.support.processes import free_port

COPIED = ("layers", "functions", "local", "requirements", "template.yaml", "samconfig.toml")
LINKED = (".venv", ".venv-sam")
PORTS = ("FORGE_PORT", "FORGE_AWS_PORT", "FORGE_SANDBOX_PORT", "FORGE_SANDBOX_PRIMARY_PORT", "FORGE_PAYMENTS_PORT")
START_WITHIN_S = 180


@dataclass(frozen=True)
class LocalStack:
    """A stack that runs. `values` is what `make run` wrote for its user."""

    folder: Path
    values: Mapping[str, str]

    def api(self, key: str, *, surviving: bool = False) -> Api:
        """The API as one of the demo keys sees it; `surviving` is the same application behind the local API Gateway."""
        url = self.values["FORGE_GATEWAY_URL"] + "/v1" if surviving else self.values["OPENAI_BASE_URL"]
        return Api(url, self.values[key])

    def kill(self, name: str) -> None:
        """SIGKILL, with the pid that the stack wrote down."""
        record = json.loads((self.folder / ".local" / "pids" / f"{name}.json").read_text())
        os.kill(record["pid"], signal.SIGKILL)

    def invoke(self, name: str) -> Any:
        """Run one of the stack's functions now, and return its answer."""
        client = boto3.client(
            "lambda",
            endpoint_url=self.values["AWS_ENDPOINT_URL"],
            region_name=self.values["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.values["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.values["AWS_SECRET_ACCESS_KEY"],
        )
        [function] = [
            function["FunctionName"]
            for page in client.get_paginator("list_functions").paginate()
            for function in page["Functions"]
            if name in function["FunctionName"]
        ]
        answer = client.invoke(FunctionName=function, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())


@contextmanager
def local_stack(folder: Path, **settings: str) -> Iterator[LocalStack]:
    """Start it as `make run` does, and end it as `make stop` does."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for name in LINKED:
        (folder / name).symlink_to((ROOT / name).resolve())
    ports = {name: os.environ.get(name) or str(free_port()) for name in PORTS}
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENAI_", "FORGE_"))}
    environment = {**ours, **ports, **settings, "PYTHONPATH": "layers/common:."}
    try:
        _run(folder, environment, "local.run", START_WITHIN_S)
        yield LocalStack(folder, dotenv.read(folder / ".local" / "env"))
    finally:
        _run(folder, environment, "local.stop", START_WITHIN_S)


def _run(folder: Path, environment: Mapping[str, str], module: str, within_s: int) -> None:
    done = subprocess.run(  # noqa: S603 - our own command lines
        [str(folder / ".venv" / "bin" / "python"), "-m", module],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, f"{module} failed:\n{done.stdout}"
