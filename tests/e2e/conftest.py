"""One stack for all of `make e2e`. Its files run in the order of their names, and the last one takes the stack away.

The file before, which kills the process that streams, leaves it dead: what comes later asks the deployed functions.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.calls import MODEL, plain_by_openai
from tests.e2e.local_stack import CHUNK_DELAY_S, NEW_PRICE, LocalStack, NewPrice, local_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Built and deployed by the SAM CLI, funded, and with a sandbox that takes its time between the words of a stream."""
    with local_stack(tmp_path_factory.mktemp("stack"), FORGE_SANDBOX_CHUNK_DELAY_S=str(CHUNK_DELAY_S)) as running:
        yield running


@pytest.fixture(scope="session")
def new_price(stack: LocalStack) -> NewPrice:
    """A routed price that the admin makes first: it starts a minute later, while other tests run."""
    official = stack.api("FORGE_OFFICIAL_KEY", deployed=True)
    prices, receipt = stack.admin("prices", "official"), official.explained(plain_by_openai(official))
    amounts = [word for name, amount in NEW_PRICE.items() for word in (f"--{name}", amount)]
    made = stack.admin("set-price", "routed", MODEL, "--currency", "CNY", *amounts, "--reason", "Another provider")
    assert "Official model Credit is not touched" in made["effect"]
    return NewPrice(made["version"], prices, receipt)
