"""The shipped gateway in a process of its own, with all its accounting on a local DynamoDB, in front of the bench's upstream."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from local import demo
from tests.support.deployment import deploy
from tests.support.engines import Engine
from tests.support.ministack import ministack_engine, ministack_server
from tests.support.processes import LOOPBACK, running
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import WalletKind

MODEL = "gpt-4o-mini"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """Where it is, with a funded key, and what it costs the machine."""

    url: str
    upstream_url: str
    key: str
    pid: int

    def cpu_s(self) -> float:
        """User and system seconds of all its threads so far; proc(5), `stat`, fields 14 and 15."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def peak_memory_mb(self) -> float:
        """The largest resident memory so far; proc(5), `VmHWM`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        [kb] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
        return int(kb) / 1024


@contextmanager
def running_gateway() -> Iterator[RunningGateway]:
    """Start local AWS, upstream and gateway; end them."""
    with (
        tempfile.TemporaryDirectory(prefix="forge-bench-") as name,
        ministack_server() as aws_url,
        ministack_engine(aws_url) as engine,
        running(
            lambda port: (sys.executable, "-m", "bench.upstream", str(port)),
            environment=lambda port: os.environ,
            ready=lambda port: True,
            folder=_folder(name, "upstream"),
        ) as upstream_port,
    ):
        upstream_url = f"http://{LOOPBACK}:{upstream_port}/v1"
        deployment = deploy(engine, upstream_url)
        for kind in WalletKind:
            deployment.fund(kind, "1000000")
        environment = _environment(engine, aws_url)
        with running(
            lambda port: (
                *(sys.executable, "-m", "uvicorn", "functions.proxy.main:app", "--host", LOOPBACK),
                *("--port", str(port), "--lifespan", "off", "--no-access-log", "--log-level", "warning"),
            ),
            environment=lambda port: environment,
            ready=lambda port: True,
            folder=(folder := _folder(name, "gateway")),
        ) as port:
            yield RunningGateway(
                f"http://{LOOPBACK}:{port}/v1", upstream_url, deployment.key(KeyKind.OFFICIAL), _pid(port, folder)
            )


def _environment(engine: Engine, aws_url: str) -> Mapping[str, str]:
    """As the template sets it, with the channel's secret in the local Secrets Manager."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    boto3.client(
        "secretsmanager",
        endpoint_url=aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_secret(Name="any", SecretString=demo.SANDBOX_CREDENTIAL)
    return {**own, **engine.environment(), **credentials, "AWS_ENDPOINT_URL": aws_url, "FORGE_STAGE": "local"}


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


def _pid(port: int, folder: Path) -> int:
    """The process that runs uvicorn on this port, by its command line."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"functions.proxy.main:app" in words and str(port).encode() in words:
                return int(process.name)
    raise RuntimeError(f"no gateway runs on port {port}: see {folder}")
