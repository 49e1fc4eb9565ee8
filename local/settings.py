"""Where things are on this machine, and on which ports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local"
STATE = HOME / "state"
LOGS = HOME / "logs"
PIDS = HOME / "pids"
TEMPORARY = HOME / "tmp"
BUILD = HOME / "build"
ENV_FILE = HOME / "env"
DEPLOYED = HOME / "deployed"

HOST = "127.0.0.1"
REGION = "us-east-1"
STACK = "tokens-forge-local"
PAYMENTS_WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105 - between two processes of this machine, for no real money


class LocalFault(Exception):
    """Something a user can put right. The message is the one line they read."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a local stack, with the variables that move them."""

    api: int
    aws: int
    sandbox: int
    sandbox_primary: int
    payments: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Ports:
        """Raises LocalFault."""
        ports = cls(
            api=_port(environment, "FORGE_PORT", 8080),
            aws=_port(environment, "FORGE_AWS_PORT", 4566),
            sandbox=_port(environment, "FORGE_SANDBOX_PORT", 8090),
            sandbox_primary=_port(environment, "FORGE_SANDBOX_PRIMARY_PORT", 8091),
            payments=_port(environment, "FORGE_PAYMENTS_PORT", 8092),
        )
        by_variable = ports.by_variable()
        if len(set(by_variable.values())) < len(by_variable):
            raise LocalFault(f"{', '.join(by_variable)} must be different ports.")
        return ports

    def by_variable(self) -> dict[str, int]:
        """Each port under the variable that moves it."""
        return {
            "FORGE_PORT": self.api,
            "FORGE_AWS_PORT": self.aws,
            "FORGE_SANDBOX_PORT": self.sandbox,
            "FORGE_SANDBOX_PRIMARY_PORT": self.sandbox_primary,
            "FORGE_PAYMENTS_PORT": self.payments,
        }

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api}"

    @property
    def aws_url(self) -> str:
        # Not 127.0.0.1: the SAM CLI cannot upload to S3 there, because it puts the bucket before the host.
        return f"http://localhost:{self.aws}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.sandbox}/v1"

    @property
    def sandbox_primary_url(self) -> str:
        return f"http://{HOST}:{self.sandbox_primary}/v1"

    @property
    def payments_url(self) -> str:
        return f"http://{HOST}:{self.payments}"


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= 65_535:
        raise LocalFault(f"{name} is {value!r}, which is not a port number.")
    return int(value)


def base_environment(ports: Ports, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The user's environment, pointed at the local AWS only.

    The user's own AWS settings are left out, so nothing here can reach a real account, and so are
    OPENAI_*: a provider's key goes to the seed and nowhere else.
    """
    clean = {name: value for name, value in environment.items() if not name.startswith(("AWS_", "OPENAI_"))}
    no_proxy = ",".join(filter(None, [environment.get("NO_PROXY") or environment.get("no_proxy"), "localhost", HOST]))
    return clean | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "common"), str(ROOT)]),
        "AWS_ENDPOINT_URL": ports.aws_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # The local AWS takes any credentials; these are the words its documentation uses.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
