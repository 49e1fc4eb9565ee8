"""One deployment for all tests of a file: each test has an account of its own on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.research.provider import Provider
from tests.research.runs_bench import TEXT, Research, research_on
from tests.support.deployment import Deployment, deploy
from tests.support.moto_engine import moto_engine
from tokens_forge.wallets import WalletKind

NOBODY = "http://127.0.0.1:9"  # calls go to a provider in this process, and never there


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """For tests that leave the catalog as it is, and look at their own account only."""
    with moto_engine() as engine:
        yield deploy(engine, NOBODY)


@pytest.fixture
def research(shared: Deployment) -> Iterator[Research]:
    """Research for a new account with both wallets funded."""
    mine = shared.other_account()
    mine.fund(WalletKind.OFFICIAL, "10")
    mine.fund(WalletKind.ROUTED, "70")
    with research_on(mine, provider=Provider(TEXT)) as made:
        yield made
