"""One stack for all of `make e2e`. Its files run in the order of their names, and the last one takes the stack away.

The file before, which kills the process that streams, leaves it dead: what comes later asks the deployed functions.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import CHUNK_DELAY_S, LocalStack, local_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Built and deployed by the SAM CLI, funded, and with a sandbox that takes its time between the words of a stream."""
    with local_stack(tmp_path_factory.mktemp("stack"), FORGE_SANDBOX_CHUNK_DELAY_S=str(CHUNK_DELAY_S)) as running:
        yield running
