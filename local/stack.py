"""The shipped template, built and deployed into the local AWS by the real SAM CLI."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.processes import log_path
from local.settings import DEPLOYED, HOME, ROOT, STACK, LocalFault

SAM = ROOT / ".venv-sam" / "bin" / "sam"
LOCAL_PARAMETERS = {"Stage": "local", "ProtectData": "false", "LogRetentionDays": "7"}
_READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def deploy_if_changed(environment: Mapping[str, str], parameters: Mapping[str, str]) -> bool:
    """Bring the stack up to date; False when it already was. The AWS process must be running. `parameters` are this machine's own.

    Raises LocalFault.
    """
    given = [f"{name}={value}" for name, value in {**LOCAL_PARAMETERS, **parameters}.items()]
    fingerprint = _fingerprint(given)
    if DEPLOYED.exists() and DEPLOYED.read_text() == fingerprint and _is_deployed():
        return False
    DEPLOYED.unlink(missing_ok=True)
    _sam("build", {**environment, "FORGE_BUILD": "local"})
    _sam("deploy", environment, "--parameter-overrides", *given)
    DEPLOYED.write_text(fingerprint)
    return True


def outputs() -> dict[str, str]:
    """The stack's outputs."""
    described = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def function_environment(*function_names: str) -> dict[str, str]:
    """The settings that the template gives these functions. Where two differ, the last one's count."""
    lambdas = boto3.client("lambda")
    settings: dict[str, str] = {}
    for function_name in function_names:
        configuration: dict[str, Any] = lambdas.get_function_configuration(FunctionName=function_name)
        variables: dict[str, str] = configuration["Environment"]["Variables"]
        settings |= {name: value for name, value in variables.items() if name.startswith("FORGE_")}
    return settings


def _sam(command: str, environment: Mapping[str, str], *more: str) -> None:
    log = log_path(f"sam-{command}")
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - our own command line
            [str(SAM), command, "--config-env", "local", *more],
            cwd=ROOT,
            env={
                **environment,
                # The build's `python3` and `uv` are the project's own; the layer is built for that interpreter.
                "PATH": f"{Path(sys.executable).parent}:{environment.get('PATH', '')}",
                "SAM_CLI_TELEMETRY": "0",
                "__SAM_CLI_APP_DIR": str(HOME / "sam"),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise LocalFault(f"sam {command} failed (exit {done.returncode}). Its output: {log}")


def _is_deployed() -> bool:
    try:
        described = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    except (BotoCoreError, ClientError):
        return False
    return bool(described) and described[0]["StackStatus"] in _READY


def _fingerprint(parameters: list[str]) -> str:
    """Changes when anything that is deployed changes, the interpreter included."""
    digest = hashlib.sha256(" ".join([sys.version, *parameters]).encode())
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (ROOT / "template.yaml", ROOT / "samconfig.toml")
    yield from (ROOT / "requirements").glob("*.txt")
    for folder in (ROOT / "layers", ROOT / "functions"):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
