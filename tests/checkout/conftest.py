"""Checkout on moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.checkout.shop import Fronts, Shop, open_fronts, open_shop
from tests.support.deployment import Deployment


@pytest.fixture(scope="session")
def fronts() -> Iterator[Fronts]:
    with open_fronts() as made:
        yield made


@pytest.fixture
def shop(deployment: Deployment, fronts: Fronts) -> Shop:
    """Checkout with a sandbox. Its account has 10 USD of Credit and 70 CNY of Routed balance already."""
    return open_shop(deployment, fronts)
