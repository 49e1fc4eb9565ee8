"""Checkout dies, or loses a message, at every call of a store or of the bank; then the daily comparison, and the books fit.

How nothing is left out: `explore.py`. That this can fail: the last tests weaken checkout and see the matrix catch it.
"""

from __future__ import annotations

import pytest

from tests.faults import of_checkout
from tests.faults.explore import Explored, explore
from tests.faults.operation import Operation
from tests.faults.shop import ShopWorld

OPERATIONS = of_checkout.operations()


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_no_single_fault_credits_or_takes_twice_or_forgets(operation: Operation) -> None:
    explored = explore(operation, ShopWorld, twists_max=1)
    print(f"{operation.name}: {explored}")
    assert explored.singles > 4 * explored.points


@pytest.mark.proof
def test_no_pair_of_faults_does() -> None:
    whole = Explored()
    for operation in OPERATIONS:
        whole.add(explore(operation, ShopWorld, twists_max=2))
    print(f"crash matrix of checkout: {whole}")
    assert whole.operations == len(OPERATIONS) and whole.pairs > 500_000
