"""Settlement on a simulated store with scripted faults, for unit tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.builders import NOW_MS, PRICE
from tokens_forge.ids import new_id
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Attempt, SettlementReason, UsageSource
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Balances, Books, RetryRule, Settlement
from tokens_forge.store.port import StoreFault
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import Wallet, WalletKind

ACCOUNT = "acc_0123456789ab"
DOLLAR = 1_000_000_000
ATTEMPTS = (Attempt("first", "ok", 12),)


@dataclass
class FixedClock:
    """A clock that stands still and remembers how long it was asked to wait."""

    slept_ms: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return NOW_MS

    def sleep_ms(self, duration_ms: float) -> None:
        self.slept_ms.append(duration_ms)


class Flaky(SimulatedLedgerStore):
    """Raises the scripted faults, before or after the operation was done; lets others write before a post or a release."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[StoreFault] = []
        self.after: list[StoreFault] = []
        self.meanwhile: list[Callable[[], object]] = []
        self.posts = 0

    def _faulty(self, operation: Callable[[], Any]) -> Any:
        if self.before:
            raise self.before.pop(0)
        answer = operation()
        if self.after:
            raise self.after.pop(0)
        return answer

    def place_hold(self, request: Any) -> Any:
        return self._faulty(lambda: super(Flaky, self).place_hold(request))

    def post(self, entry: Any, change: Any) -> Any:
        self.posts += 1
        self._let_others_write()
        return self._faulty(lambda: super(Flaky, self).post(entry, change))

    def release_hold(self, *arguments: Any) -> bool:
        self._let_others_write()
        return super().release_hold(*arguments)

    def _let_others_write(self) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()


@dataclass
class Bench:
    """A store, and what moves money on it."""

    store: Flaky
    clock: FixedClock
    settlement: Settlement
    balances: Balances

    def wallet(self, kind: WalletKind = WalletKind.OFFICIAL) -> Wallet:
        wallet = self.store.read_wallet(ACCOUNT, kind)
        assert wallet is not None
        return wallet


def funded() -> Bench:
    """One account with a dollar and a yuan, each on its own wallet."""
    store, clock = Flaky(), FixedClock()
    for kind, currency in ((WalletKind.OFFICIAL, "USD"), (WalletKind.ROUTED, "CNY")):
        store.open_wallet(Wallet(ACCOUNT, kind, currency, opened_at_ms=NOW_MS))
    books = Books(store, clock, RetryRule(random_unit=lambda: 0.5))
    made = Bench(store, clock, Settlement(books), Balances(books))
    fund(made, WalletKind.OFFICIAL, Money(DOLLAR, "USD"))
    fund(made, WalletKind.ROUTED, Money(DOLLAR, "CNY"))
    return made


def fund(bench: Bench, kind: WalletKind, amount: Money) -> str:
    order_id = new_id("ord", NOW_MS)
    bench.balances.top_up(ACCOUNT, kind, amount, order_id=order_id, source="test")
    return order_id


def intent(hold_nano: int = DOLLAR // 2, **changes: Any) -> Intent:
    made = Intent(
        request_id=new_id("req", NOW_MS),
        account_id=ACCOUNT,
        kind=WalletKind.OFFICIAL,
        key_id="key_0123456789abcdefghjk",
        key_has_spend_limit=False,
        model="small",
        endpoint="chat.completions",
        primary_channel_id="first",
        price=PRICE,
        hold_nano=hold_nano,
    )
    return replace(made, **changes)


def outcome(usage: Usage, reason: SettlementReason = SettlementReason.COMPLETED) -> Outcome:
    return Outcome(reason, usage, UsageSource.PROVIDER, ATTEMPTS)
