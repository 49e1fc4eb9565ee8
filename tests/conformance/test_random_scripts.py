"""Random scripts of operations: the simulated store and each engine give the same answers and end in the same state.

Few names and small amounts, so that most conditions are met about as often as they are missed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.builders import (
    ACCOUNT,
    CURRENCY,
    DAY_MS,
    KEY,
    OFFICIAL,
    ROUTED,
    STRANGER,
    intent,
    outcome,
    receipt,
    top_up,
)
from tests.conformance.conftest import ENGINES
from tests.conformance.ledger import Ledger, closing, open_hold
from tests.conformance.stores import StoreUnderTest
from tests.unit.builders import NOW_MS
from tokens_forge.ids import day_of, minute_of, new_ulid
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.store.port import Credit, StoreFault, Take, Unchanged
from tokens_forge.wallets import HoldRequest, Wallet, WalletKind


class Step(NamedTuple):
    """One operation of the port."""

    operation: str
    arguments: tuple[Any, ...]
    named: dict[str, Any] = {}  # noqa: RUF012 - never changed


def fixed_id(prefix: str, number: int, at_ms: int = NOW_MS) -> str:
    """An id without chance, so that a failing script replays the same."""
    return f"{prefix}_{new_ulid(at_ms)[:10]}{number:016}"


REQUEST_IDS = [fixed_id("req", 1), fixed_id("req", 2), fixed_id("req", 3, NOW_MS + DAY_MS)]
ORDER_IDS = [fixed_id("ord", number) for number in range(4)]
kinds = st.sampled_from([OFFICIAL, ROUTED])
amounts = st.sampled_from([1, 2, 3, 5, 8, 10, 10**24])
owners = st.sampled_from([ACCOUNT] * 9 + [STRANGER])
currencies = st.sampled_from([None] * 9 + ["EUR"])
keys = st.sampled_from([None, None, KEY])
days = st.sampled_from([day_of(NOW_MS), day_of(NOW_MS + DAY_MS)])


@st.composite
def holds(draw: st.DrawFn) -> HoldRequest:
    kind = draw(kinds)
    hold_id = draw(st.sampled_from(REQUEST_IDS))
    return HoldRequest(
        account_id=draw(owners),
        kind=kind,
        currency=draw(currencies) or CURRENCY[kind],
        hold_id=hold_id,
        part_of=draw(st.sampled_from([None, None, *(other for other in REQUEST_IDS if other != hold_id)])),
        nano=draw(amounts),
        auth_epoch=draw(st.sampled_from([0, 0, 0, 1])),
        placed_at_ms=NOW_MS,
        limited_key_id=draw(keys),
        open_holds_max=draw(st.sampled_from([1, 2, 200])),
    )


@st.composite
def settles(draw: st.DrawFn) -> Step:
    hold = draw(holds())
    charge_nano = draw(st.sampled_from([0, 1, hold.nano]))
    change = draw(st.sampled_from([closing(hold, charge_nano)] * 4 + [Unchanged()]))
    return Step("post", (receipt(hold, charge_nano), change))


@st.composite
def moves(draw: st.DrawFn) -> Step:
    kind, order_id, nano = draw(kinds), draw(st.sampled_from(ORDER_IDS)), draw(amounts)
    part = draw(st.sampled_from([0, 0, nano, nano // 2, nano - 1]))
    sign, change = draw(st.sampled_from([(1, Credit(nano, part)), (-1, Take(nano, part))]))
    entry = top_up(
        sign * nano,
        kind=kind,
        account_id=draw(owners),
        currency=draw(currencies) or CURRENCY[kind],
        entry_id=entry_id_of(order_id, EntryType.TOP_UP),
        reference=order_id,
    )
    return Step("post", (entry, change))


@st.composite
def releases(draw: st.DrawFn) -> Step:
    hold = draw(holds())
    entry_id = entry_id_of(hold.hold_id, EntryType.REQUEST)
    return Step("release_hold", (entry_id, hold.account_id, hold.kind, open_hold(hold)))


@st.composite
def records(draw: st.DrawFn) -> Step:
    made = intent(request_id=draw(st.sampled_from(REQUEST_IDS)), hold_nano=draw(amounts))
    name = draw(st.sampled_from(["put_intent", "record_outcome", "record_checkpoint"]))
    return Step(name, (made,) if name == "put_intent" else (made, outcome(draw(st.integers(0, 5)))))


def wallet_steps(name: str, *more: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.builds(lambda *arguments: Step(name, arguments), owners, kinds, *more)


def opened(kind: WalletKind, account_id: str) -> Step:
    return Step("open_wallet", (Wallet(account_id, kind, CURRENCY[kind], opened_at_ms=NOW_MS),))


reads = st.one_of(
    st.builds(
        lambda kind, day, before, limit: Step("day_entries", (ACCOUNT, kind, day), {"before": before, "limit": limit}),
        kinds,
        days,
        st.none() | st.sampled_from([entry_id_of(name, EntryType.REQUEST) for name in REQUEST_IDS]),
        st.integers(0, 3),
    ),
    st.just(Step("minute_intents", (minute_of(NOW_MS),))),
)
steps = st.one_of(
    holds().map(lambda hold: Step("place_hold", (hold,))),
    settles(),
    moves(),
    moves(),
    releases(),
    records(),
    reads,
    wallet_steps("set_key_spend_limit", st.just(KEY), st.sampled_from([None, 0, 5, 20])),
    st.one_of(wallet_steps("freeze_wallet"), wallet_steps("raise_auth_epoch"), st.builds(opened, kinds, owners)),
)


@pytest.mark.parametrize("examples", [15, pytest.param(200, marks=pytest.mark.proof)])
@pytest.mark.parametrize("tested", ENGINES, indirect=True)
def test_any_script_has_the_same_answers_and_the_same_end(tested: StoreUnderTest, examples: int) -> None:
    operations = 0

    @settings(max_examples=examples, deadline=None)
    @given(script=st.lists(steps, min_size=10, max_size=40))
    def both_agree(script: list[Step]) -> None:
        tested.clear()
        ledger = Ledger.funded(tested)
        nonlocal operations
        operations += len(script)
        for step in script:
            with suppress(StoreFault):
                getattr(ledger, step.operation)(*step.arguments, **step.named)
        ledger.check_everything()

    both_agree()
    print(f"random scripts: {operations} operations in {examples} scripts, the same on the simulated store and another")
