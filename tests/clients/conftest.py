"""What every client suite starts from: the product under uvicorn, and a key of its own."""

from __future__ import annotations

import pytest

from tests.support.deployment import Deployment
from tests.support.http import Api


@pytest.fixture
def api(deployment: Deployment, base_url: str) -> Api:
    """What curl would see with the same key."""
    return Api(base_url, deployment.key())
