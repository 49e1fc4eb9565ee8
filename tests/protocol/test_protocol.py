"""Every reachable state keeps the rules. The full size is a proof; `make test` runs a small one."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.protocol.checker import Checked, Protocol, Search, Size
from tests.protocol.request import Stage
from tests.protocol.store import Books, Message, Store, Wallet
from tests.protocol.test_variants import caught
from tests.protocol.variants import VARIANTS

ONE = Size(requests=1, looks_max=2, reads_apart=True)
TWO_SWEPT_OFTEN = Size(requests=2, looks_max=1, reads_apart=False, cursor=False)
SMALL = [(ONE, 5), (TWO_SWEPT_OFTEN, 4), (TWO_SWEPT_OFTEN, 5)]

# Credits: 2 pays for one small hold, 3 for one hold, 4 for two small ones, 5 for one of each, 6 for both, 7 leaves something over.
FULL = [
    *((Size(requests=2, looks_max=1, reads_apart=True), credits) for credits in (5, 7, 6, 4, 3, 2)),
    *((Size(requests=2, looks_max=2, reads_apart=False), credits) for credits in (5, 4, 3, 2)),
    *((Size(requests=1, looks_max=3, reads_apart=True), credits) for credits in (5, 3, 2)),
]


def check(case: tuple[Size, int]) -> Checked:
    size, credits = case
    return Search(Protocol(size), credits).run()


@pytest.mark.parametrize(("size", "credits"), SMALL, ids=str)
def test_no_reachable_state_breaks_a_rule(size: Size, credits: int) -> None:
    checked = check((size, credits))
    assert checked.violation is None, str(checked.violation)
    assert checked.states > 10_000


@pytest.mark.proof
def test_no_reachable_state_of_two_requests_breaks_a_rule() -> None:
    began_s = time.monotonic()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        all_checked = list(pool.map(check, FULL))
    for (size, credits), checked in zip(FULL, all_checked, strict=True):
        print(f"  {size}, credits {credits}: {checked.states:,} states")
        assert checked.violation is None, str(checked.violation)
    states = sum(checked.states for checked in all_checked)
    variants = sum(caught(variant).violation is not None for variant in VARIANTS)
    assert variants == len(VARIANTS)
    took_s = time.monotonic() - began_s
    print(f"protocol: {states:,} states, {variants} of {len(VARIANTS)} weakened variants caught, {took_s:.0f} s")


def test_the_states_have_every_way_a_request_can_end_in_them() -> None:
    search = Search(Protocol(TWO_SWEPT_OFTEN), 5)
    search.run()
    reached = {
        (request.stage, request.books.entry and request.books.entry.ending) for request, _, _ in search.reached()
    }
    assert {stage for stage, _ in reached} == set(Stage) - {Stage.ABSENT}
    for stage in (Stage.INTENT, Stage.HOLD, Stage.SMALL_HOLD, Stage.REFUSED):
        assert {ending for at, ending in reached if at is stage} >= {None, "not held"}
    for stage in (Stage.UPSTREAM, Stage.SETTLE, Stage.KEEP, Stage.KEPT):
        assert {ending for at, ending in reached if at is stage} >= {None, "not held", "abandoned", "checkpoint"}
    assert {ending for at, ending in reached if at is Stage.SETTLED} == {"paid", "free"}


class Remembers(Store):
    """A store of which nothing is forgotten."""

    def is_spent(self, message: Message, books: Books) -> bool:
        return False

    def worth_keeping(self, books: Books) -> Books:
        return books


@pytest.mark.parametrize("credits", [3, 5])
def test_what_is_forgotten_makes_no_difference(credits: int) -> None:
    def reachable(store: type[Store]) -> set[tuple[Stage, Books, Wallet]]:
        search = Search(Protocol(Size(requests=1, looks_max=1, reads_apart=True), store), credits)
        assert search.run().violation is None
        return {
            (request.stage, Store().worth_keeping(request.books), wallet) for _, request, wallet in search.reached()
        }

    assert reachable(Store) == reachable(Remembers)
