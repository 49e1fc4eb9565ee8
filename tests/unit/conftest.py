"""Fixtures of the unit tests."""

from __future__ import annotations

import pytest

from tests.unit.settlement_bench import Bench, funded


@pytest.fixture
def bench() -> Bench:
    """Settlement on a simulated store, with one funded account."""
    return funded()
