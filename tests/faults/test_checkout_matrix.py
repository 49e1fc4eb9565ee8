"""Checkout dies, or loses a message, at every call of a store or of the bank; then the daily comparison, and the books fit.

How nothing is left out: `explore.py`. `test_weakened_checkout.py` shows that this can fail.
"""

from __future__ import annotations

import pytest

from tests.faults import of_checkout
from tests.faults.explore import explore
from tests.faults.operation import Operation
from tests.faults.shop import ShopWorld

OPERATIONS = of_checkout.operations()


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_no_single_fault_credits_or_takes_twice_or_forgets(operation: Operation) -> None:
    explored = explore(operation, ShopWorld, twists_max=1)
    print(f"{operation.name}: {explored}")
    assert explored.singles > 4 * explored.points


@pytest.mark.proof
@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_no_pair_of_faults_does(operation: Operation) -> None:
    explored = explore(operation, ShopWorld, twists_max=2)
    print(f"{operation.name}: {explored}")
    assert explored.pairs > 100_000
