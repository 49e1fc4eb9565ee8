"""The stores that every case runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.ledger import Ledger
from tests.conformance.stores import OnDynamoDB, Simulated, StoreUnderTest
from tests.support.dynamodb_local import dynamodb_local_engine
from tests.support.ministack import ministack_engine
from tests.support.moto_engine import moto_engine

ENGINES = [
    "moto",
    pytest.param("ministack", marks=pytest.mark.engines),
    pytest.param("dynamodb_local", marks=pytest.mark.engines),
]


# Tables live as long as a module, and are emptied for each case: making them takes longer than most cases.
@pytest.fixture(scope="module", params=["simulated", *ENGINES])
def tested(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    """The store under test. Its contents are the last case's: use `ledger` or `empty_ledger`."""
    match request.param:
        case "simulated":
            yield Simulated()
        case "moto":
            with moto_engine() as engine:
                yield OnDynamoDB(engine)
        case "ministack":
            with ministack_engine(request.getfixturevalue("ministack_url")) as engine:
                yield OnDynamoDB(engine)
        case "dynamodb_local":
            with dynamodb_local_engine(request.getfixturevalue("dynamodb_local_url")) as engine:
                yield OnDynamoDB(engine)


@pytest.fixture
def empty_ledger(tested: StoreUnderTest) -> Iterator[Ledger]:
    """Both stores with nothing in them. Ends with comparing everything."""
    tested.clear()
    made = Ledger(tested)
    yield made
    made.check_everything()


@pytest.fixture
def ledger(tested: StoreUnderTest) -> Iterator[Ledger]:
    """Both stores with 1,000 nano in each wallet of one account. Ends with comparing everything."""
    tested.clear()
    made = Ledger.funded(tested)
    yield made
    made.check_everything()
