"""`make stop-primary`, `make start-primary`: take the routed primary's upstream away and bring it back, while all else runs."""

from __future__ import annotations

import os
import sys

from local import dotenv, processes, services
from local.settings import ENV_FILE, LocalFault, Ports, base_environment


def main(arguments: list[str]) -> int:
    """0 when the upstream is as it was asked for."""
    if arguments not in (["stop"], ["start"]):
        print("usage: python -m local.primary stop|start", file=sys.stderr)
        return 2
    try:
        said = _stop() if arguments == ["stop"] else _start()
    except LocalFault as fault:
        print(f"tokens-forge: {fault}", file=sys.stderr)
        return 1
    print(said)
    return 0


def _stop() -> str:
    name = services.SANDBOX_PRIMARY
    stopped = processes.stop(name, timeout_s=services.STOP_TIMEOUT_S[name])
    return f"Ended {name}: calls of the routed key go to the backup now." if stopped else f"{name} was not running."


def _start() -> str:
    """On the port that `make run` gave it. Raises LocalFault."""
    name = services.SANDBOX_PRIMARY
    if processes.running(services.AWS) is None:
        raise LocalFault("the stack is not running: `make run` starts all of it.")
    if processes.running(name) is not None:
        return f"{name} is running already."
    ports = Ports.from_environment({**os.environ, **dotenv.read(ENV_FILE)})
    processes.require_free_port(ports.sandbox_primary, "FORGE_SANDBOX_PRIMARY_PORT")
    services.start_sandbox_primary(base_environment(ports), ports)
    return f"Started {name}: in a few minutes the routes say that it is healthy again."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
