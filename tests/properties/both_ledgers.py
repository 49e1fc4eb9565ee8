"""The product and the reference side by side: what is done to one is done to the other, and their books stay equal."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.properties.product import SWEEP_AFTER_S, Product, line_of
from tests.properties.receipt_check import published_recompute
from tests.properties.reference import Record, Reference
from tests.properties.strategies import CURRENCIES, WALLETS
from tests.properties.words import Answer, Line, Request, Run
from tests.unit.builders import NOW_MS
from tokens_forge.ids import minute_of, new_ulid
from tokens_forge.money import decimal
from tokens_forge.receipts import receipt, recompute

MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS
SWEPT_AFTER_MS = SWEEP_AFTER_S * 1000 + MINUTE_MS  # the whole minute of a request must be this old

seen: Counter[str] = Counter()  # what a whole run has met


class BothLedgers(RuleBasedStateMachine):
    """An operation is kept as its name and arguments, so that any can be repeated. The rules are in test_ledger_machine.py."""

    def __init__(self) -> None:
        super().__init__()
        self.product = Product(START_MS, minute_of(START_MS))
        self.reference = Reference()
        self.cursor = START_MS // MINUTE_MS
        self.history: list[tuple[str, tuple[Any, ...]]] = []
        self.held: list[tuple[Request, int]] = []
        self.runs: list[Run] = []
        self.ran: set[str] = set()  # requests that were held once: only these were ever sent upstream
        self.checked: set[str] = set()
        self.ids = 0

    def do(self, word: str, *arguments: Any) -> Answer:
        """Do it to both; they must answer the same."""
        debts = {where: purse.debt for where, purse in self.reference.purses.items()}
        counterpart = "settle" if word == "void" else word
        expected: Answer = getattr(self.reference, counterpart)(*arguments)
        answer: Answer = getattr(self.product, word)(*arguments)
        assert answer == expected, f"{word}: the product says {answer}, the reference {expected}"
        self.history.append((word, arguments))
        if answer.word == "held" and word != "place_run":
            self.ran.add(arguments[0].ulid)
        seen[word.removeprefix("settle_")] += 1
        seen["refused " + str(answer.what) if answer.word == "refused" else answer.word] += 1
        for where, purse in self.reference.purses.items():
            seen["debt made"] += purse.debt > debts.get(where, 0)
            seen["debt paid"] += purse.debt < debts.get(where, 0)
        return answer

    def ended(self) -> list[tuple[Request, int]]:
        """Requests that ran and have an entry. Some were charged, and must not be charged again."""
        ran = [(request, nano) for request, nano in self.held if request.ulid in self.ran]
        return [(request, nano) for request, nano in ran if f"{request.ulid}.request" in self.reference.journal]

    def open_holds(self) -> list[tuple[Request, int]]:
        """Requests whose hold stands, and that nothing has ended."""
        purses = self.reference.purses
        return [
            (request, nano)
            for request, nano in self.held
            if request.where in purses and request.ulid in purses[request.where].holds
        ]

    def entry_of(self, request: Request) -> Line:
        return self.reference.journal[f"{request.ulid}.request"]

    def ulid(self) -> str:
        """The time of now, and a counter instead of chance."""
        self.ids += 1
        return f"{new_ulid(self.product.clock.now_ms())[:10]}{self.ids:016d}"

    @staticmethod
    def is_old(record: Record, now_ms: int) -> bool:
        return record.request.minute * MINUTE_MS <= now_ms - SWEPT_AFTER_MS

    def sweep(self, after_minutes: int) -> None:
        """Time passes, and the sweeper comes."""
        self.product.clock.time_ms += after_minutes * MINUTE_MS
        report = self.product.sweep()
        now, closings = self.product.clock.now_ms(), Counter[str]()
        for record in sorted(self.reference.intents.values(), key=lambda record: record.request.ulid):
            if self.cursor <= record.request.minute and self.is_old(record, now):
                closings[self.reference.close_abandoned(record)] += 1
        self.cursor = max(self.cursor, (now - SWEPT_AFTER_MS) // MINUTE_MS + 1)
        assert {closing.value: count for closing, count in report.closings.items()} == closings
        assert report.intents == closings.total() and report.lag_ms == 0
        seen.update({f"swept {closing}": count for closing, count in closings.items()})

    @invariant()
    def both_have_the_same_books(self) -> None:
        assert self.product.purses() == self.reference.purses
        entries = self.product.entries()
        requests = {record.request.ulid: record.request for record in self.reference.intents.values()}
        lines = {
            entry_id: line_of(entry, requests.get(entry_id.partition(".")[0])) for entry_id, entry in entries.items()
        }
        assert lines == self.reference.journal

    @invariant()
    def the_books_prove_themselves(self) -> None:
        assert not any(self.product.trial_balance().values()), "every currency sums to zero"
        for where, purse in self.product.purses().items():
            assert purse.available >= 0 and purse.debt >= 0 and all(left >= 0 for left in purse.key_left.values())
            mine = [line.to_wallet for line in self.reference.journal.values() if line.where == where]
            owns = purse.available + sum(nano for nano, *_ in purse.holds.values()) - purse.debt
            assert owns == sum(mine) == purse.credits - purse.debits
            assert purse.credits == sum(nano for nano in mine if nano > 0)

    @invariant()
    def every_new_receipt_recomputes_for_a_stranger(self) -> None:
        for entry_id, entry in self.product.entries().items():
            facts = self.reference.journal[entry_id].facts
            if facts is None or entry_id in self.checked:
                continue
            self.checked.add(entry_id)
            view = receipt(entry)
            assert recompute(view) == view["charge"] == decimal(facts.charge)
            assert published_recompute()(view) * 10**9 == facts.charge == -entry.wallet_nano
            assert view["uncharged"] == decimal(facts.uncharged)
            seen["capped"] += facts.uncharged > 0
            seen["free"] += facts.charge == 0
            seen["tier"] += facts.prices != facts.request.tariff.base
            seen["multiplier"] += facts.request.tariff.multiplier is not None
            if entry_id.endswith(".late"):
                seen["late charged" if facts.charge else "late lost"] += facts.charge > 0 or facts.uncharged > 0

    def teardown(self) -> None:
        """Whatever was left open, the sweeper and the reconciliation end it, and find nothing wrong."""
        if not self.history:
            return
        for where in WALLETS:  # an account is opened with both wallets; a rule above may have left one out
            self.do("open", where, CURRENCIES[where[1]])
        for run in self.runs:
            self.do("end_run", run)
        self.sweep(60)
        done = self.product.reconcile(sorted({account for account, _ in WALLETS}))
        assert done.findings == [] and done.busy == 0
        for record in self.reference.intents.values():
            purse = self.reference.purses[record.request.where]
            if record.request.ulid in purse.holds:
                self.reference.close_abandoned(record)
        assert not any(purse.holds for purse in self.reference.purses.values())
        self.both_have_the_same_books()
        for record in self.reference.intents.values():
            assert f"{record.request.ulid}.request" in self.reference.journal, "every request ends in one receipt"
