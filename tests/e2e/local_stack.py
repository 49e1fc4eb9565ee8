"""`make run` in a copy of this checkout: a stack with ports and a state of its own, beside whatever else runs here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local import dotenv
from local.settings import ROOT
from tests.support.http import Api
from tests.support.processes import free_port

COPIED = ("layers", "functions", "local", "requirements", "template.yaml", "samconfig.toml", "forge-admin")
LINKED = (".venv", ".venv-sam")
PORTS = ("FORGE_PORT", "FORGE_AWS_PORT", "FORGE_SANDBOX_PORT", "FORGE_SANDBOX_PRIMARY_PORT", "FORGE_PAYMENTS_PORT")
WITHIN_S = 180
CHUNK_DELAY_S = 0.5  # between the words of a stream, so that one can be cut in the middle


NEW_PRICE = {"input": "0.31", "output": "1.17"}


@dataclass(frozen=True)
class NewPrice:
    """A routed price version that was made, and what was so of the official business before."""

    version: str
    official_prices_before: list[dict[str, Any]]
    official_receipt_before: dict[str, Any]


@dataclass(frozen=True)
class LocalStack:
    """A stack that runs. `values` is what `make run` wrote for its user."""

    folder: Path
    values: Mapping[str, str]
    environment: Mapping[str, str]

    def api(self, key: str, *, deployed: bool = False) -> Api:
        """The API as one of the demo keys sees it: the process that streams, or the `deployed` functions behind API Gateway."""
        url = self.values["FORGE_GATEWAY_URL"] + "/v1" if deployed else self.values["OPENAI_BASE_URL"]
        return Api(url, self.values[key])

    def admin(self, *arguments: str) -> Any:
        """What `forge-admin` prints for a program, asked of the deployed admin function."""
        settings = {
            "FORGE_ADMIN_URL": self.values["FORGE_GATEWAY_URL"] + "/admin/v1",
            "FORGE_ADMIN_KEY": self.values["FORGE_ADMIN_KEY"],
        }
        command = [str(self.folder / "forge-admin"), "--json", *arguments]
        return json.loads(_run(self.folder, {**self.environment, **settings}, command))

    def sam(self, *arguments: str) -> str:
        """What the SAM CLI prints, in the stack's folder, with the local AWS for an account."""
        account = {name: value for name, value in self.values.items() if name.startswith("AWS_")}
        settings = {
            "PATH": f"{(self.folder / '.venv' / 'bin').resolve()}:{self.environment['PATH']}",
            "FORGE_BUILD": "local",
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.folder / ".local" / "sam"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        command = [str(self.folder / ".venv-sam" / "bin" / "sam"), *arguments, "--config-env", "local"]
        return _run(self.folder, {**self.environment, **account, **settings}, command)

    def kill(self, name: str) -> None:
        """SIGKILL, with the pid that the stack wrote down."""
        record = json.loads((self.folder / ".local" / "pids" / f"{name}.json").read_text())
        os.kill(record["pid"], signal.SIGKILL)

    def invoke(self, name: str) -> Any:
        """Run one of the stack's functions now, and return its answer."""
        client = self.aws("lambda")
        [function] = [
            function["FunctionName"]
            for page in client.get_paginator("list_functions").paginate()
            for function in page["Functions"]
            if name in function["FunctionName"]
        ]
        answer = client.invoke(FunctionName=function, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def aws(self, service: str) -> Any:
        """A client of the local AWS."""
        return boto3.client(
            service,
            endpoint_url=self.values["AWS_ENDPOINT_URL"],
            region_name=self.values["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.values["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.values["AWS_SECRET_ACCESS_KEY"],
        )


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
    python = str(folder / ".venv" / "bin" / "python")
    try:
        _run(folder, environment, [python, "-m", "local.run"])
        yield LocalStack(folder, dotenv.read(folder / ".local" / "env"), environment)
    finally:
        _run(folder, environment, [python, "-m", "local.stop"])


def _run(folder: Path, environment: Mapping[str, str], command: Sequence[str]) -> str:
    """What the command prints; its messages and its progress are shown when it fails."""
    done = subprocess.run(  # noqa: S603 - our own command lines
        list(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
