"""Fixtures of every test: engines, the scripted provider, and the product put together on moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.deployment import Deployment, deploy
from tests.support.engines import Engine
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.wallets import WalletKind

pytest_plugins = ["tests.support.fixtures"]

# A busy machine is slow; that is no finding.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture
def deployment(moto: Engine, upstream: Upstream) -> Deployment:
    """The product on moto, with both wallets funded; it waits one second for a silent provider."""
    made = deploy(moto, upstream.base_url, first_byte_s=1.0, whole_s=1.0, silence_s=1.0)
    made.fund(WalletKind.OFFICIAL, "10")
    made.fund(WalletKind.ROUTED, "70")
    return made


@pytest.fixture
def base_url(deployment: Deployment) -> Iterator[str]:
    """The product under uvicorn."""
    with serve(deployment.app, lifespan="on") as url:
        yield url + "/v1"
