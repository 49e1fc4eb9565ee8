"""Any sequence of operations on money, each perhaps repeated, leaves the product and the reference with the same books."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.properties.product import SWEEP_AFTER_S, Product, line_of
from tests.properties.receipt_check import published_recompute
from tests.properties.reference import Answer, Ending, Line, Record, Reference, Request
from tests.properties.strategies import CURRENCIES, KEYS, WALLETS, amounts, endings, free_endings, holds, paid_endings, tariffs
from tests.unit.builders import NOW_MS
from tokens_forge.ids import minute_of, new_ulid
from tokens_forge.money import decimal
from tokens_forge.receipts import receipt, recompute

MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS
SWEPT_AFTER_MS = SWEEP_AFTER_S * 1000 + MINUTE_MS  # the whole minute of a request must be this old

seen: Counter[str] = Counter()
TO_BE_SEEN = {
    "open", "top_up", "hold", "hold_less", "settle", "void", "late", "adjust", "reverse", "repeat",
    "held", "entry", "already", "lost", "short", "broken", "capped", "free",
    "refused no_wallet", "refused currency", "refused frozen", "refused auth_epoch", "refused key_spend_limit",
    "refused insufficient", "clamped", "debt made", "debt paid", "late charged", "late lost", "tier", "multiplier",
    "swept settled", "swept voided", "swept not_held", "swept released", "swept was_ended",
}  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does the same to both. An operation is kept as its name and arguments, so that any can be repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.product = Product(START_MS, minute_of(START_MS))
        self.reference = Reference()
        self.cursor = START_MS // MINUTE_MS
        self.history: list[tuple[str, tuple[Any, ...]]] = []
        self.held: list[tuple[Request, int]] = []
        self.ran: set[str] = set()  # requests that were held once: only these were ever sent upstream
        self.checked: set[str] = set()
        self.ids = 0

    @initialize()
    def some_wallets_have_money(self) -> None:
        for where in WALLETS[:3]:
            self.do("open", where, CURRENCIES[where[1]])
            self.do("top_up", where, 1000, CURRENCIES[where[1]], self.ulid())
            self.do("limit_key", where, KEYS[0], 1000)

    @rule(which=st.sampled_from(WALLETS[2:]))
    def open_a_wallet(self, which: Any) -> None:
        self.do("open", which, CURRENCIES[which[1]])

    @rule(where=st.sampled_from(WALLETS), nano=amounts, stray=st.integers(0, 9))
    def top_up(self, where: Any, nano: int, stray: int) -> None:
        self.do("top_up", where, nano, "EUR" if stray == 7 else CURRENCIES[where[1]], self.ulid())

    @rule(where=st.sampled_from(WALLETS), nano=amounts, sign=st.sampled_from([-1, -1, 1]), stray=st.integers(0, 9))
    def adjust(self, where: Any, nano: int, sign: int, stray: int) -> None:
        self.do("adjust", where, sign * nano, "EUR" if stray == 7 else CURRENCIES[where[1]], self.ulid())

    @rule(where=st.sampled_from(WALLETS[:3]))
    def spend_all_that_is_available(self, where: Any) -> None:
        if nano := self.reference.purses[where].available:
            self.do("adjust", where, -nano, CURRENCIES[where[1]], self.ulid())

    @precondition(lambda self: self.reference.journal)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        self.do("reverse", data.draw(st.sampled_from(sorted(self.reference.journal))))

    @rule(
        where=st.sampled_from((*WALLETS, *WALLETS[:2], *WALLETS[:2])), most=holds, key=st.sampled_from(KEYS),
        limited=st.sampled_from([False, False, True]), stale=st.integers(0, 9), clamps=st.booleans(), data=st.data(),
    )  # fmt: skip
    def hold(
        self, where: Any, most: int, key: str, limited: bool, stale: int, clamps: bool, data: st.DataObject
    ) -> None:
        tariff = data.draw(tariffs(CURRENCIES[where[1]]))
        minute = self.product.clock.now_ms() // MINUTE_MS
        request = Request(self.ulid(), minute, where, key, limited, tariff, most)
        purse = self.reference.purses.get(where)
        epoch = (purse.epoch if purse else 0) + (stale == 7)
        answer, nano = self.do("hold", request, epoch), most
        if answer == Answer("refused", "insufficient") and purse and purse.available and clamps:
            nano = purse.available
            seen["clamped"] += self.do("hold_less", request, epoch, nano).word == "held"
        self.held.append((request, nano))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_hold_arrives_late(self, data: st.DataObject) -> None:
        """The message of a hold that its sender gave up, or that arrived twice; perhaps the request has ended by now."""
        request, nano = data.draw(st.sampled_from(self.held))
        purse = self.reference.purses.get(request.where)
        self.do("hold_less", request, purse.epoch if purse else 0, nano)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), ending=endings, off_by=st.integers(0, 9))
    def settle(self, data: st.DataObject, ending: Ending, off_by: int) -> None:
        request, nano = data.draw(st.sampled_from(self.held))
        self.do("settle", request, nano + (off_by == 7), ending)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), ending=free_endings())
    def void(self, data: st.DataObject, ending: Ending) -> None:
        request, nano = data.draw(st.sampled_from(self.held))
        self.do("void", request, nano, ending)

    @precondition(lambda self: self.ended())
    @rule(data=st.data(), ending=endings, of_a_void=st.integers(0, 3))
    def settle_late(self, data: st.DataObject, ending: Ending, of_a_void: int) -> None:
        ended = self.ended()
        voided = [(request, nano) for request, nano in ended if not self.entry_of(request).to_wallet]
        request, nano = data.draw(st.sampled_from(voided if of_a_void and voided else ended))
        self.do("settle_late", request, nano, ending)

    @precondition(lambda self: self.open_holds())
    @rule(data=st.data(), ending=paid_endings(), spent_meanwhile=st.booleans())
    def an_answer_comes_after_the_sweeper(self, data: st.DataObject, ending: Ending, spent_meanwhile: bool) -> None:
        """What the gateway does when it was thought dead and was not: it settles, hears that it is too late, and says so."""
        request, nano = data.draw(st.sampled_from(self.open_holds()))
        self.time_passes_and_the_sweeper_comes(20)
        if spent_meanwhile and request.where in WALLETS[:3]:
            self.spend_all_that_is_available(request.where)
        if self.do("settle", request, nano, ending).word == "already" and not self.entry_of(request).to_wallet:
            self.do("settle_late", request, nano, ending)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), ending=paid_endings(), word=st.sampled_from(["keep_outcome", "checkpoint"]), dies=st.booleans())
    def leave_a_note_for_the_sweeper(self, data: st.DataObject, ending: Ending, word: str, dies: bool) -> None:
        request, _ = data.draw(st.sampled_from(self.open_holds() or self.held))
        self.do(word, request, ending)
        if dies:
            self.time_passes_and_the_sweeper_comes(20)

    @rule(where=st.sampled_from(WALLETS[:3]), key=st.sampled_from(KEYS), nano=st.none() | st.integers(0, 900))
    def limit_a_key(self, where: Any, key: str, nano: int | None) -> None:
        self.do("limit_key", where, key, nano)

    @rule(where=st.sampled_from(WALLETS[1:3]), freezes=st.integers(0, 9))
    def stop_a_wallet_or_its_keys(self, where: Any, freezes: int) -> None:
        self.do("freeze" if freezes == 7 else "raise_epoch", where)

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def repeat_anything(self, data: st.DataObject) -> None:
        """A retry, a duplicate, a message that was delayed: the same call once more, whatever happened since."""
        seen["repeat"] += 1
        word, arguments = data.draw(st.sampled_from(self.history))
        self.do(word, *arguments)

    @rule(minutes=st.sampled_from([0, 1, 1, 5, 20, 20]))
    def time_passes_and_the_sweeper_comes(self, minutes: int) -> None:
        self.product.clock.time_ms += minutes * MINUTE_MS
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
            owns = purse.available + sum(nano for nano, _ in purse.holds.values()) - purse.debt
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
        self.time_passes_and_the_sweeper_comes(60)
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

    def do(self, word: str, *arguments: Any) -> Answer:
        """Do it to both; they must answer the same."""
        debts = {where: purse.debt for where, purse in self.reference.purses.items()}
        counterpart = "settle" if word == "void" else word
        expected: Answer = getattr(self.reference, counterpart)(*arguments)
        answer: Answer = getattr(self.product, word)(*arguments)
        assert answer == expected, f"{word}: the product says {answer}, the reference {expected}"
        self.history.append((word, arguments))
        if answer.word == "held":
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


def run(examples: int, steps: int) -> None:
    """Run the machine, and insist that it met everything it is there for."""
    seen.clear()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(LedgerMachine, settings=chosen)  # type: ignore[no-untyped-call]
    assert TO_BE_SEEN - set(+seen) == set(), "the machine never met these"


def test_any_sequence_of_operations_leaves_the_reference_ledgers_books() -> None:
    run(examples=120, steps=50)
    print(dict(seen))


@pytest.mark.proof
def test_three_hundred_times_fifty_operations_leave_the_reference_ledgers_books() -> None:
    run(examples=300, steps=50)
    print(f"ledger machine: 300 examples × 50 steps, {dict(seen)}")
