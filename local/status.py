"""`make status`: what runs, and where. Exits non-zero unless everything does."""

from __future__ import annotations

import sys

from local import dotenv, processes, services
from local.settings import ENV_FILE


def main() -> int:
    """0 when all processes run."""
    values = dotenv.read(ENV_FILE)
    urls = {
        services.API: values.get("FORGE_API_URL"),
        services.AWS: values.get("AWS_ENDPOINT_URL"),
    }
    everything = True
    for name in reversed(services.STOP_ORDER):
        process = processes.running(name)
        everything = everything and process is not None
        if process is None:
            print(f"{name:15} not running")
        else:
            print(f"{name:15} running, pid {process.pid}  {urls.get(name) or ''}".rstrip())
    return 0 if everything else 1


if __name__ == "__main__":
    sys.exit(main())
