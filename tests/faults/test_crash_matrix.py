"""Every operation dies, or loses a message, at every call and at every pair of calls; then all of it is drained and the books fit.

The second fault may hit the same process, the caller's next try, the sweeper or the reconciliation. `invariants.py` says what must
hold; `explore.py` says how nothing is left out; `test_weakened_variants.py` shows that this can fail.
"""

from __future__ import annotations

import pytest

from tests.faults import of_balances, of_requests, of_runs, of_sweeps
from tests.faults.explore import Explored, explore
from tests.faults.operation import Operation

OPERATIONS = [
    *of_requests.operations(),
    *of_balances.operations(),
    *of_sweeps.operations(),
    *of_runs.operations(),
]
IN_PAIRS = (
    "a top-up of a wallet in debt, asked until told",
    "a sweep of a request with an outcome",
    "a late answer",
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_no_single_fault_loses_doubles_or_misplaces_money(operation: Operation) -> None:
    explored = explore(operation, twists_max=1)
    print(f"{operation.name}: {explored}")
    assert explored.singles > 4 * explored.points


@pytest.mark.parametrize("name", IN_PAIRS)
def test_no_pair_of_faults_does_in_a_sample_of_operations(name: str) -> None:
    [operation] = [operation for operation in OPERATIONS if operation.name == name]
    explored = explore(operation, twists_max=2)
    print(f"{name}: {explored}")
    assert explored.pairs > 20_000


@pytest.mark.proof
def test_no_pair_of_faults_does_in_any_operation() -> None:
    whole = Explored()
    for operation in OPERATIONS:
        whole.add(explore(operation, twists_max=2))
    print(f"crash matrix: {whole}")
    assert whole.operations == len(OPERATIONS) and whole.pairs > 1_500_000
