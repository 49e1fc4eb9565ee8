"""A proof that cannot fail proves nothing: the matrix catches each weakened variant of the product."""

from __future__ import annotations

import pytest

from tests.faults import weakened, weakened_runs
from tests.faults.explore import explore
from tests.faults.test_crash_matrix import OPERATIONS
from tests.faults.weakened import Weakened
from tests.faults.world import BooksBroken

VARIANTS = [*weakened.variants(), *weakened_runs.variants()]


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_a_weakened_product_is_caught(variant: Weakened) -> None:
    [operation] = [operation for operation in OPERATIONS if operation.name == variant.caught_at]
    with pytest.raises(BooksBroken) as caught:
        explore(operation, variant.make_world, twists_max=variant.faults)
    print(f"caught: {variant.name}: {caught.value}")


@pytest.mark.parametrize(
    "variant", [variant for variant in VARIANTS if variant.faults], ids=lambda variant: str(variant.name)
)
def test_it_takes_a_fault_to_see_that_most_of_them_are_weak(variant: Weakened) -> None:
    [operation] = [operation for operation in OPERATIONS if operation.name == variant.caught_at]
    explore(operation, variant.make_world, twists_max=variant.faults - 1)
