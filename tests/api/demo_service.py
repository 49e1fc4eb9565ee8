"""What `make run` starts, in this process: the application, seeded as it is there, in front of the sandbox upstream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from functions.proxy.app import create_app
from functions.proxy.compose import compose
from functions.proxy.settings import Settings
from local.sandbox_upstream import app as sandbox
from local.seed import seed
from local.settings import Ports
from tests.support.deployment import KnownCredentials
from tests.support.engines import Engine
from tests.support.server import serve
from tokens_forge.clock import SystemClock
from tokens_forge.providers.http import HttpUpstream


@contextmanager
def demo_service(engine: Engine) -> Iterator[dict[str, str]]:
    """The lines of `.local/env` that a program needs: where it is, and the demo account's keys."""
    environment = {**engine.environment(), "FORGE_SECRETS_PREFIX": "demo/", "FORGE_PAYMENT_SECRETS_PREFIX": "payments/"}
    with serve(sandbox) as upstream_url:
        port = int(upstream_url.rpartition(":")[2])
        keys = seed(environment, Ports(api=0, aws=0, sandbox=port, sandbox_primary=port, payments=0))
        services = compose(
            Settings.from_environment(environment),
            dynamodb=engine.client(),
            s3=engine.s3,
            upstream=HttpUpstream(),
            credentials=KnownCredentials(),
            clock=SystemClock(),
        )
        with serve(create_app(services), lifespan="on") as url:
            yield {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": keys["FORGE_OFFICIAL_KEY"], **keys}
