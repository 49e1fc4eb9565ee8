"""What importing a function leaves behind. Lambda takes a snapshot then, and starts many processes from it, days later."""

from __future__ import annotations

import random

import pytest

from tests.support.imports import functions, imported
from tokens_forge.ids import new_ulid
from tokens_forge.repetition import RetryRule

SNAPSHOTTED = [name for name, each in functions().items() if each.get("SnapStart") == {"ApplyOn": "PublishedVersions"}]


@pytest.mark.parametrize("name", SNAPSHOTTED)
def test_importing_a_function_connects_to_nothing_starts_nothing_and_draws_nothing(name: str) -> None:
    seen = imported(name)
    assert (seen.sockets, seen.threads, seen.drawn) == ((), 1, False)


@pytest.mark.parametrize("name", sorted(functions()))
def test_every_function_logs_lines_of_json_under_a_service_of_its_own(name: str) -> None:
    assert imported(name).service is not None


def test_ids_and_waits_come_from_the_machine_and_not_from_a_generator_that_a_snapshot_would_copy() -> None:
    """Two processes of one snapshot must not draw the same id, and must not wait alike when they met on a wallet."""
    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append((new_ulid(0), RetryRule().wait_ms(8)))
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] != drawn[1][1]
