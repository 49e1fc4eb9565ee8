"""A proof that cannot fail proves nothing: each weakened protocol is caught, and the way to its fault can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.protocol.checker import Checked, Search, Size
from tests.protocol.variants import SECOND_LOCKS, VARIANTS, Variant

SIZE = Size(requests=2, looks_max=1, reads_apart=False)
CREDITS = 5


def caught(variant: Variant) -> Checked:
    return Search(variant.protocol(SIZE), CREDITS).run()


def named(variant: Variant) -> str:
    return variant.name


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_a_weakened_protocol_is_caught(variant: Variant) -> None:
    violation = caught(variant).violation
    assert violation is not None
    assert violation.rule == variant.breaks, str(violation)


@pytest.mark.parametrize("variant", SECOND_LOCKS, ids=named)
def test_a_second_lock_alone_is_not_what_keeps_the_books(variant: Variant) -> None:
    # Found by the model, and kept: each guards against a fault of another rule, as `VARIANTS` shows.
    small = Size(requests=2, looks_max=1, reads_apart=False, cursor=False)
    assert Search(variant.protocol(small), CREDITS).run().violation is None


def test_the_way_to_a_fault_can_be_read() -> None:
    [variant] = [variant for variant in VARIANTS if variant.name == "check, then deduct"]
    assert (
        str(caught(variant).violation)
        == """\
  1. A: intent arrives, the gateway hears: done  [available 5, held 0, debits 0]
  2. B: intent arrives, the gateway hears: done  [available 5, held 0, debits 0]
  3. A: hold 3 arrives, the gateway hears nothing  [available 2, held 3, debits 0]
  4. B: hold 3 arrives, the gateway hears nothing  [available -1, held 6, debits 0]
  => available is negative"""
    )


def test_the_document_counts_what_is_caught() -> None:
    document = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    assert f"{len(VARIANTS)} weakened protocols" in document
