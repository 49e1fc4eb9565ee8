"""The local AWS as a process: ministack, which keeps its state in `.local/state` except credentials."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from local.settings import HOST, STATE, TEMPORARY, Ports

# With `OPENAI_API_KEY` set, the provider's real key is in the local Secrets Manager. It must not reach the
# disk, so that one service forgets everything when it ends; `make run` puts the secrets back every time.
UNSAVED_SERVICE = "secretsmanager"


def command() -> list[str]:
    """The command line of the process."""
    return [sys.executable, "-m", "local.aws_process"]


def environment(base: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """Loopback only, state kept, no listener but the one port."""
    # Lambda workers inherit this environment; without an endpoint of its own each is given this process.
    inherited = {name: value for name, value in base.items() if name != "AWS_ENDPOINT_URL"}
    return inherited | {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(ports.aws),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(TEMPORARY),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(STATE),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(STATE / "s3"),
    }


def main() -> None:
    """Serve until SIGTERM, then save. A KeyError here means another ministack than the one that is locked."""
    # Not at the top: importing it sets up logging, and the callers of `command` are not the local AWS.
    from ministack import app

    del app._state_map[UNSAVED_SERVICE]
    app.main()


if __name__ == "__main__":
    main()
