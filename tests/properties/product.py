"""The product on the simulated store, spoken to in the words of the reference, answering in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tests.properties.reference import Purse
from tests.properties.words import BROKEN, Answer, Ending, Facts, Line, PerMillion, Request, Run, Tariff, Where
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Attempt, Entry, RequestFacts, SettlementReason, UsageSource
from tokens_forge.money import Money
from tokens_forge.pricing import PPM, Price, PriceTier, UnitPrices, Usage
from tokens_forge.reconciliation import Reconciled, Reconciliation
from tokens_forge.settlement import (
    AlreadySettled,
    Balances,
    Books,
    HoldLost,
    HoldRefused,
    NotAvailable,
    Refunds,
    RunHold,
    Settlement,
)
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.sweeper import CURSOR, Sweeper, SweepReport
from tokens_forge.wallets import Wallet, WalletKind, WalletStatus

SWEEP_AFTER_S = 960
MODEL, ENDPOINT = "small", "chat.completions"


@dataclass
class HandClock:
    """Moves when a test moves it."""

    time_ms: int

    def now_ms(self) -> int:
        return self.time_ms

    def sleep_ms(self, duration_ms: float) -> None:
        raise RuntimeError("nothing is asked again here: this store has no faults")


class OneCursor(dict[str, str]):
    """A cursor store in memory."""

    def read_cursor(self, name: str) -> str | None:
        return self.get(name)

    def write_cursor(self, name: str, value: str) -> None:
        self[name] = value


class Product:
    """Settlement, balances, sweeper and reconciliation, put together as the functions do."""

    def __init__(self, start_ms: int, start_minute: str) -> None:
        self.store = SimulatedLedgerStore()
        self.clock = HandClock(start_ms)
        self.cursors = OneCursor({CURSOR: start_minute})
        books = Books(self.store, self.clock)
        self.settlement = Settlement(books)
        self.balances = Balances(books)

    def open(self, where: Where, currency: str) -> Answer:
        wallet = Wallet(where[0], WalletKind(where[1]), currency, opened_at_ms=self.clock.now_ms())
        return Answer("done", str(self.store.open_wallet(wallet)))

    def freeze(self, where: Where) -> Answer:
        self.store.freeze_wallet(where[0], WalletKind(where[1]))
        return Answer("done")

    def raise_epoch(self, where: Where) -> Answer:
        self.store.raise_auth_epoch(where[0], WalletKind(where[1]))
        return Answer("done")

    def limit_key(self, where: Where, key: str, nano: int | None) -> Answer:
        self.store.set_key_spend_limit(where[0], WalletKind(where[1]), key, nano)
        return Answer("done")

    def top_up(self, where: Where, nano: int, currency: str, ulid: str) -> Answer:
        account, kind, money = where[0], WalletKind(where[1]), Money(nano, currency)
        return self._posted(lambda: self.balances.top_up(account, kind, money, order_id=f"ord_{ulid}", source="bank"))

    def adjust(self, where: Where, nano: int, currency: str, ulid: str) -> Answer:
        account, kind, money = where[0], WalletKind(where[1]), Money(nano, currency)
        return self._posted(
            lambda: self.balances.adjust(account, kind, money, adjustment_id=f"adj_{ulid}", reason="because")
        )

    def reverse(self, entry_id: str) -> Answer:
        return self._posted(lambda: self.balances.reverse(self._entry(entry_id)))

    def hold(self, request: Request, epoch: int) -> Answer:
        return _held(lambda: self.settlement.hold(intent_of(request), epoch))

    def hold_less(self, request: Request, epoch: int, nano: int) -> Answer:
        return _held(lambda: self.settlement.hold_less(intent_of(request), epoch, nano))

    def place_run(self, run: Run, epoch: int) -> Answer:
        try:
            self.settlement.runs.place(run_hold_of(run), epoch)
        except HoldRefused as refused:
            return Answer("refused", refused.refusal.value)
        return Answer("held")

    def end_run(self, run: Run) -> Answer:
        wallet = self.store.wallets[(run.where[0], WalletKind(run.where[1]))]
        return self._posted(lambda: self.settlement.runs.end(wallet, run.hold_id))

    def settle(self, request: Request, nano: int, ending: Ending) -> Answer:
        return self._posted(lambda: self.settlement.settle(Held(intent_of(request), nano), outcome_of(ending)))

    def void(self, request: Request, nano: int, ending: Ending) -> Answer:
        outcome = outcome_of(ending)
        held = Held(intent_of(request), nano)
        return self._posted(lambda: self.settlement.void(held, outcome.reason, outcome.attempts))

    def settle_late(self, request: Request, nano: int, ending: Ending) -> Answer:
        held, ended = Held(intent_of(request), nano), self._entry(f"{request.ulid}.request")
        return self._posted(lambda: self.settlement.settle_late(held, outcome_of(ending), ended))

    def keep_outcome(self, request: Request, ending: Ending) -> Answer:
        self.settlement.keep_outcome(Held(intent_of(request), request.most), outcome_of(ending))
        return Answer("done")

    def checkpoint(self, request: Request, ending: Ending) -> Answer:
        self.settlement.checkpoint(Held(intent_of(request), request.most), outcome_of(ending))
        return Answer("done")

    def sweep(self) -> SweepReport:
        return Sweeper(self.settlement, self.store, self.cursors, self.clock, sweep_after_s=SWEEP_AFTER_S).run(
            lambda: True
        )

    def reconcile(self, accounts: list[str]) -> Reconciled:
        return Reconciliation(
            self.store,
            self.settlement,
            lambda: accounts,
            self.cursors,
            OrderBooks(SimulatedOrderStore(), self.store, Refunds(Books(self.store, self.clock))),
            self.clock,
            window_s=7 * 24 * 3600,
        ).run()

    def purses(self) -> dict[Where, Purse]:
        """Every wallet, as the reference would write it. Each passes its own check."""
        for wallet in self.store.every_wallet():
            wallet.check()
        return {(wallet.account_id, wallet.kind.value): purse_of(wallet) for wallet in self.store.every_wallet()}

    def entries(self) -> dict[str, Entry]:
        """The whole journal by entry id."""
        return {entry_id: entry for (_, entry_id), entry in self.store.journal.items()}

    def trial_balance(self) -> Counter[str]:
        """What all postings of each currency sum to."""
        sums: Counter[str] = Counter()
        for entry in self.store.journal.values():
            sums[entry.currency] += sum(posting.nano for posting in entry.postings)
        return sums

    def _entry(self, entry_id: str) -> Entry:
        return self.entries()[entry_id]

    def _posted(self, operation: Callable[[], Entry]) -> Answer:
        """The answer with the entry's id: the machine compares whole journals after each step."""
        try:
            entry = operation()
        except AlreadySettled as already:
            entry, word = already.entry, "already"
        except HoldRefused as refused:
            return Answer("refused", refused.refusal.value)
        except NotAvailable:
            return Answer("short")
        except HoldLost:
            return Answer("lost")
        except AssertionError:
            return BROKEN
        else:
            word = "entry"
        if self._entry(entry.entry_id) != entry:
            raise RuntimeError("the answer is another entry than the one that is stored")
        return Answer("already" if word == "already" else "entry", entry.entry_id)


def intent_of(request: Request) -> Intent:
    """The request as the gateway writes it down."""
    return Intent(
        request_id=f"req_{request.ulid}",
        account_id=request.where[0],
        kind=WalletKind(request.where[1]),
        key_id=request.key,
        key_has_spend_limit=request.key_is_limited,
        model=MODEL,
        endpoint=ENDPOINT,
        primary_channel_id=request.primary,
        price=price_of(request.tariff),
        hold_nano=request.most,
        part_of=request.part_of,
    )


def run_hold_of(run: Run) -> RunHold:
    """The run's hold as the research assistant places it."""
    key = run.key if run.key_is_limited else None
    return RunHold(run.hold_id, run.where[0], WalletKind(run.where[1]), run.currency, run.nano, key)


@lru_cache(1000)
def price_of(tariff: Tariff) -> Price:
    """The tariff as the catalog keeps it."""
    ppm = Fraction(tariff.multiplier or 1) * PPM
    assert ppm.denominator == 1
    return Price(
        version=tariff.version,
        currency=tariff.currency,
        unit_prices=UnitPrices(*tariff.base),
        multiplier_ppm=int(ppm),
        basis="own" if tariff.multiplier is None else "official",
        tiers=tuple(PriceTier(above, UnitPrices(*prices)) for above, prices in tariff.tiers),
    )


def outcome_of(ending: Ending) -> Outcome:
    """The ending as the gateway reports it."""
    return Outcome(
        SettlementReason(ending.reason),
        Usage(*ending.tokens, ending.reasoning),
        UsageSource(ending.source),
        tuple(Attempt(*attempt) for attempt in ending.attempts),
    )


def line_of(entry: Entry, request: Request | None) -> Line:
    """An entry as the reference would write it; `request` is the one that it ends."""
    facts = None
    if entry.request is not None:
        assert request is not None
        facts = _facts(entry.request, request)
    moves = tuple((posting.book_account, posting.nano) for posting in entry.postings)
    where = (entry.account_id, entry.kind.value)
    return Line(entry.entry_id, where, entry.currency, moves, entry.reference, facts)


def _facts(facts: RequestFacts, request: Request) -> Facts:
    intent = intent_of(request)
    assert (facts.key_id, facts.model, facts.endpoint) == (intent.key_id, MODEL, ENDPOINT)
    assert (facts.price_version, facts.price_basis) == (intent.price.version, intent.price.basis)
    assert facts.multiplier_ppm == intent.price.multiplier_ppm
    usage, unit = facts.usage, facts.unit_prices
    prices: PerMillion = (unit.input, unit.cached_input, unit.cache_write, unit.output)
    ending = Ending(
        facts.reason.value,
        (usage.input, usage.cached_input, usage.cache_write, usage.output),
        usage.reasoning,
        facts.usage_source.value,
        tuple((attempt.channel_id, attempt.outcome, attempt.duration_ms) for attempt in facts.attempts),
    )
    return Facts(request, ending, prices, facts.hold_nano, facts.charge_nano, facts.uncharged_nano, facts.backup_used)


def purse_of(wallet: Wallet) -> Purse:
    """A wallet as the reference would write it."""
    assert wallet.held_nano == sum(hold.nano for hold in wallet.holds.values())
    return Purse(
        currency=wallet.currency,
        available=wallet.available_nano,
        credits=wallet.credits_total_nano,
        debits=wallet.debits_total_nano,
        debt=wallet.debt_nano,
        frozen=wallet.status is WalletStatus.FROZEN,
        epoch=wallet.auth_epoch,
        holds={
            hold_id.removeprefix("req_"): (hold.nano, hold.limited_key_id, hold.part_of)
            for hold_id, hold in wallet.holds.items()
        },
        key_left=dict(wallet.key_spend_left_nano),
    )


def _held(operation: Callable[[], Held]) -> Answer:
    try:
        return Answer("held", operation().hold_nano)
    except HoldRefused as refused:
        return Answer("refused", refused.refusal.value)
    except AssertionError:
        return BROKEN
