"""A run whose process dies at any call to the store: whoever comes later leaves nothing held and nothing paid twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, FixedClock, intent, outcome
from tokens_forge.journal import EntryType
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Balances, Books, RetryRule, RunHold, Settlement
from tokens_forge.settlement.runs import new_run_hold_id
from tokens_forge.store.port import LedgerStore
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import Wallet, WalletKind

OFFICIAL = WalletKind.OFFICIAL
POINTS = 20  # more than the scenario has calls


class Crash(BaseException):
    """The process is gone."""


class Dying:
    """A store whose caller dies before or after its `at`-th call."""

    def __init__(self, inner: LedgerStore, at: int, *, after: bool) -> None:
        self._inner, self._at, self._after = inner, at, after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        operation: Callable[..., Any] = getattr(self._inner, name)

        def call(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self._at and not self._after:
                raise Crash
            answer = operation(*arguments)
            if self.calls == self._at:
                raise Crash
            return answer

        return call


def settlement_on(store: Any) -> Settlement:
    return Settlement(Books(store, FixedClock(), RetryRule(random_unit=lambda: 0.5)))


def sweep(store: SimulatedLedgerStore, settlement: Settlement) -> None:
    """The sweeper's look at every intent."""
    for record in [record for bucket in store.intents.values() for record in bucket.values()]:
        settlement.close_abandoned(record)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("ended_by", ["the sweeper first", "the run first"])
def test_any_crash_of_a_run_is_put_right(after: bool, ended_by: str) -> None:
    crashes = 0
    for at in range(1, POINTS + 1):
        store = SimulatedLedgerStore()
        store.open_wallet(Wallet(ACCOUNT, OFFICIAL, "USD", opened_at_ms=NOW_MS))
        later = settlement_on(store)
        Balances(Books(store, FixedClock())).top_up(
            ACCOUNT, OFFICIAL, Money(DOLLAR, "USD"), order_id="ord_01m86yeefshgvfsxn5v0zx9a26", source="test"
        )
        hold = RunHold(new_run_hold_id(NOW_MS), ACCOUNT, OFFICIAL, "USD", DOLLAR // 2)
        steps = [intent(DOLLAR // 5, part_of=hold.hold_id) for _ in range(2)]
        dying = settlement_on(Dying(store, at, after=after))
        try:
            dying.runs.place(hold, 0)
            held = [dying.hold(step, 0) for step in steps]
            for each in held:
                dying.settle(each, outcome(Usage(input=1000, output=100)))
            wallet = store.wallets[(ACCOUNT, OFFICIAL)]
            dying.runs.end(wallet, hold.hold_id)
        except Crash:
            crashes += 1

        if ended_by == "the sweeper first":
            sweep(store, later)
        later.runs.end(store.wallets[(ACCOUNT, OFFICIAL)], hold.hold_id)
        sweep(store, later)
        wallet = store.wallets[(ACCOUNT, OFFICIAL)]
        entries = list(store.journal.values())
        spent = -sum(entry.wallet_nano for entry in entries if entry.type is EntryType.REQUEST)
        assert wallet.holds == {} and wallet.available_nano == DOLLAR - spent
        assert spent <= hold.nano
        assert sum(entry.type is EntryType.RUN for entry in entries) == 1
        assert sum(entry.type is EntryType.REQUEST for entry in entries) == sum(map(len, store.intents.values()))
    assert 8 <= crashes < POINTS, "every call of the scenario has had its crash"
