"""The world of one run: a deployment on a store that goes wrong, its accounts and keys, and its processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

from tests.faults.faulty_store import FaultyCursors, FaultyLedgerStore
from tests.properties.product import OneCursor
from tests.properties.words import Tariff, Where
from tests.simulation.chance import Chance
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.told import Told
from tests.simulation.weather import Weather
from tests.simulation.witness import Change, Violation, Witness
from tests.unit.builders import NOW_MS
from tokens_forge.accounts import Account, Accounts
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.ids import minute_of
from tokens_forge.keys import Key, KeyKind, KeyStatus, Token, hash_secret
from tokens_forge.reconciliation import Reconciliation
from tokens_forge.settlement import Balances, Books, Refunds, RetryRule, Settlement
from tokens_forge.store.port import CloseHold, Credit
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.sweeper import CURSOR, Sweeper
from tokens_forge.wallets import Wallet, WalletKind

Done = TypeVar("Done")
MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS
SWEEP_AFTER_S = 300
WINDOW_MORE_S = 240  # the reconciliation looks back to the very beginning
SKEW_MS_MAX = 240_000
TRIES_MAX = 3

CURRENCIES = {"official": "USD", "routed": "CNY"}
ACCOUNTS = ("acc_00000000000a", "acc_00000000000b")
STRANGER = "acc_00000000000s"  # has keys and no wallet
WALLETS: tuple[Where, ...] = tuple((account, kind) for account in ACCOUNTS for kind in CURRENCIES)

_SECRET = "0" * 40
_SECRET_SHA256 = hash_secret(_SECRET)


def _tariffs(currency: str) -> tuple[Tariff, ...]:
    """Prices of about one nano a token, so that amounts are small and rounding happens in most charges."""
    return (
        Tariff("v1", currency, (1_000_000, 500_000, 1_000_001, 3_700_000)),
        Tariff("v2", currency, (333_333, 0, 333_333, 2_000_000), tiers=((40, (666_666, 1, 666_666, 4_000_000)),)),
        Tariff("v3", currency, (1_000_000, 250_000, 1_250_000, 4_000_000), multiplier=Fraction(9, 5)),
    )


TARIFFS = {kind: _tariffs(currency) for kind, currency in CURRENCIES.items()}
STRAY_TARIFF = Tariff("v9", "EUR", (1_000_000, 1_000_000, 1_000_000, 1_000_000))


@dataclass(frozen=True)
class Parts:
    """What the deployment is made of. The weakened variants exchange one of these."""

    store: Callable[[], SimulatedLedgerStore] = SimulatedLedgerStore
    settlement: Callable[[Books], Settlement] = Settlement
    reconciliation: type[Reconciliation] = Reconciliation


@dataclass
class KeyTable:
    """Keys of all accounts, where reading and writing is a call like any other. Accounts come from nowhere else here."""

    pause: Callable[[], None]
    keys: dict[str, Key] = field(default_factory=dict)

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        self.pause()
        return self.keys.get(key_id)

    def mark_revoked(self, account_id: str, key_id: str) -> None:
        self.pause()
        self.keys[key_id] = replace(self.keys[key_id], status=KeyStatus.REVOKED)

    def put_account(self, account: Account) -> bool:
        raise NotImplementedError

    def put_key(self, key: Key) -> bool:
        raise NotImplementedError

    def change_key(self, key: Key, before: Key) -> bool:
        raise NotImplementedError


class World:
    """Holds everything that a run is about."""

    def __init__(self, seed: int, parts: Parts, trace: Callable[[str], None] | None = None) -> None:
        self.chance = Chance(seed)
        self.parts = parts
        self.trace = trace
        self.told = Told()
        self.scheduler = Scheduler(self.chance, START_MS, jump_share=self.chance.one_of((0.0, 0.01, 0.03)))
        self.weather = Weather(self.chance, self.scheduler, self.say if trace is not None else None)
        self.scheduler.before_each_step = self.weather.messages_may_arrive
        self.store = parts.store()
        self.witness = Witness(self.store, lambda: self.scheduler.runs, self._on_change, self.told.met)
        self.ledger = FaultyLedgerStore(self.witness, self.weather.calls)
        self.cursor = OneCursor({CURSOR: minute_of(START_MS - 5 * MINUTE_MS)})
        self.cursors = FaultyCursors(self.cursor, self.weather.calls)
        self.key_table = KeyTable(self.scheduler.pause)
        self._skew_ms_max = self.chance.one_of((0, MINUTE_MS, SKEW_MS_MAX))
        self._started = 0
        self.frozen_by_mistake: list[tuple[str, WalletKind]] = []
        self._open_accounts()

    def process(self, name: str) -> Process:
        """A new process, whose clock is as wrong as any."""
        self._started += 1
        skew_ms = self.chance.between(-self._skew_ms_max, self._skew_ms_max)
        return Process(self.scheduler, f"{name}-{self._started}", skew_ms)

    def act(self, job: Callable[[Process], Done], name: str) -> Done:
        """Do something in a new process while nobody else runs."""
        process = self.process(name)
        self.scheduler.runs = process.name
        done = job(process)
        self.scheduler.runs = "nobody"
        return done

    def books(self, process: Process) -> Books:
        """The books, as this process sees them."""
        return Books(self.ledger, process, RetryRule(tries_max=TRIES_MAX, random_unit=self.chance.unit))

    def settlement(self, process: Process) -> Settlement:
        return self.parts.settlement(self.books(process))

    def balances(self, process: Process) -> Balances:
        return Balances(self.books(process))

    def accounts(self, process: Process) -> Accounts:
        return Accounts(self.key_table, self.ledger, process)

    def sweeper(self, process: Process) -> Sweeper:
        settlement = self.settlement(process)
        return Sweeper(settlement, self.ledger, self.cursors, process, sweep_after_s=SWEEP_AFTER_S)

    def reconciliation(self, process: Process) -> Reconciliation:
        return self.parts.reconciliation(
            self.ledger,
            self.settlement(process),
            lambda: ACCOUNTS,
            self.cursors,
            OrderBooks(SimulatedOrderStore(), self.ledger, Refunds(self.books(process))),
            process,
            window_s=(self.scheduler.now_ms - START_MS) // MINUTE_MS * 60 + WINDOW_MORE_S,
        )

    def key_of(self, where: Where, name: str) -> str:
        """The id of a key: each wallet has an open one, `o`, and a limited one, `l`."""
        return f"key_{where[0].removeprefix('acc_')}{where[1][0]}000000{name}"

    def token_of(self, where: Where, name: str) -> Token:
        return Token(KeyKind(where[1]), where[0], self.key_of(where, name), _SECRET)

    def say(self, what: str) -> None:
        """A line of the trace."""
        if self.trace is not None:
            seconds = (self.scheduler.now_ms - START_MS) / 1000
            self.trace(f"{self.scheduler.steps:5} {seconds:9.3f}s {self.scheduler.runs:<18} {what}")

    def _open_accounts(self) -> None:
        """Wallets with some money, and two keys for each: all of it before anything can go wrong."""
        for where in WALLETS:
            self.witness.open_wallet(
                Wallet(where[0], WalletKind(where[1]), CURRENCIES[where[1]], opened_at_ms=START_MS)
            )
            self._limit(where, self.chance.between(200, 900))
        for where in (*WALLETS, (STRANGER, "official")):
            for name in ("o", "l"):
                key = Key(
                    key_id=self.key_of(where, name),
                    account_id=where[0],
                    kind=KeyKind(where[1]),
                    name=name,
                    secret_sha256=_SECRET_SHA256,
                    created_at_ms=START_MS,
                    spend_limit_nano=1 if name == "l" else None,
                )
                self.key_table.keys[key.key_id] = key

    def _limit(self, where: Where, nano: int) -> None:
        self.witness.set_key_spend_limit(where[0], WalletKind(where[1]), self.key_of(where, "l"), nano)

    def _on_change(self, change: Change) -> None:
        """What only this moment shows."""
        if change.operation == "place_hold":
            [request] = change.arguments
            of_run = self.told.runs.get(request.hold_id)
            key = of_run.key if of_run else self.told.requests[request.hold_id.removeprefix("req_")].request.key
            if key in self.told.revoked_keys:
                raise Violation(f"{request.hold_id} was held after its key had been revoked")
        elif change.operation == "freeze_wallet" and change.by.startswith("reconciliation"):
            self.frozen_by_mistake.append((change.arguments[0], change.arguments[1]))
        elif change.operation == "post":
            self.weather.money_came = isinstance(change.arguments[1], Credit | CloseHold)
        elif change.operation == "release_hold":
            self.told.met["hold released"] += 1
