"""Any sequence of operations on money, each perhaps repeated, leaves the product and the reference with the same books."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from tests.properties.both_ledgers import MINUTE_MS, BothLedgers, seen
from tests.properties.strategies import (
    CURRENCIES,
    KEYS,
    WALLETS,
    amounts,
    endings,
    free_endings,
    holds,
    paid_endings,
    tariffs,
)
from tests.properties.words import Answer, Ending, Request, Run, Tariff

TO_BE_SEEN = {
    "open", "top_up", "hold", "hold_less", "settle", "void", "late", "adjust", "reverse", "repeat",
    "held", "entry", "already", "lost", "short", "broken", "capped", "free",
    "refused no_wallet", "refused currency", "refused frozen", "refused auth_epoch", "refused key_spend_limit",
    "refused insufficient", "clamped", "debt made", "debt paid", "late charged", "late lost", "tier", "multiplier",
    "place_run", "end_run", "refused run_ended", "refused run_spent", "step charged", "step outlived its run",
    "swept settled", "swept voided", "swept not_held", "swept released", "swept was_ended",
}  # fmt: skip


class LedgerMachine(BothLedgers):
    """The rules: what customers, operators, crashes and slow messages may do."""

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

    @rule(where=st.sampled_from(WALLETS[:3]), nano=amounts, again=amounts)
    def money_that_is_spent_is_taken_back_and_comes_again(self, where: Any, nano: int, again: int) -> None:
        ulid = self.ulid()
        self.do("top_up", where, nano, CURRENCIES[where[1]], ulid)
        self.spend_all_that_is_available(where)
        self.do("reverse", f"{ulid}.top_up")
        self.do("top_up", where, again, CURRENCIES[where[1]], self.ulid())

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
        self.request_a_hold(where, most, tariff, key, limited=limited, stale=stale == 7, clamps=clamps)

    def request_a_hold(
        self,
        where: Any,
        most: int,
        tariff: Tariff,
        key: str = KEYS[0],
        *,
        limited: bool = False,
        stale: bool = False,
        clamps: bool = False,
        part_of: str | None = None,
    ) -> None:
        """A new request. `stale`: its key was cached before the epoch rose. `clamps`: it takes less when that is all there is."""
        minute = self.product.clock.now_ms() // MINUTE_MS
        request = Request(self.ulid(), minute, where, key, limited, tariff, most, part_of=part_of)
        purse = self.reference.purses.get(where)
        epoch = (purse.epoch if purse else 0) - stale
        answer, nano = self.do("hold", request, epoch), most
        if answer == Answer("refused", "insufficient") and purse and purse.available and clamps:
            nano = purse.available
            seen["clamped"] += self.do("hold_less", request, epoch, nano).word == "held"
        self.held.append((request, nano))

    @rule(
        where=st.sampled_from(WALLETS[:3]), nano=holds, key=st.sampled_from(KEYS), limited=st.booleans(),
        stale=st.integers(0, 9),
    )  # fmt: skip
    def begin_a_run(self, where: Any, nano: int, key: str = KEYS[0], limited: bool = False, stale: int = 0) -> None:
        run = Run(self.ulid(), where, CURRENCIES[where[1]], nano, key, limited)
        self.do("place_run", run, self.reference.purses[where].epoch - (stale == 7))
        self.runs.append(run)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), share=st.sampled_from([1, 2, 2, 3, 3, 4]), more=st.integers(0, 9))
    def a_step_of_a_run(self, data: st.DataObject, share: int, more: int) -> None:
        """A part of what the run set aside, at times more than it has left."""
        run = data.draw(st.sampled_from(self.runs[-3:]))
        most = max(run.nano // share, 1) + (more == 7)
        tariff = data.draw(tariffs(run.currency))
        self.request_a_hold(run.where, most, tariff, run.key, limited=run.key_is_limited, part_of=run.hold_id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def end_a_run(self, data: st.DataObject) -> None:
        self.do("end_run", data.draw(st.sampled_from(self.runs)))

    @rule(where=st.sampled_from(WALLETS[:2]), nano=holds, ending=paid_endings(), first=st.booleans(), data=st.data())
    def a_run_of_one_step(self, where: Any, nano: int, ending: Ending, first: bool, data: st.DataObject) -> None:
        """`first`: the run is ended while its step is under way."""
        self.begin_a_run(where, nano)
        run, open_before = self.runs[-1], len(self.open_holds())
        self.request_a_hold(where, max(nano // 2, 1), data.draw(tariffs(run.currency)), part_of=run.hold_id)
        if first:
            self.do("end_run", run)
        else:
            self.request_a_hold(where, nano, data.draw(tariffs(run.currency)), part_of=run.hold_id)
            self.held.pop()
        seen["step outlived its run"] += first and len(self.open_holds()) > open_before
        request, held_nano = self.held[-1]
        answer = self.do("settle", request, held_nano, ending)
        seen["step charged"] += answer.word == "entry" and self.entry_of(request).to_wallet < 0
        epoch = self.reference.purses[where].epoch
        if data.draw(st.booleans()):
            self.do("hold_less", request, epoch, held_nano)  # a message that was delayed
        if data.draw(st.booleans()):
            self.do("place_run", run, epoch)  # another one
        self.do("end_run", run)

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

    @rule(where=st.sampled_from(WALLETS[:3]), nano=holds, ending=endings, data=st.data())
    def a_hold_comes_again_after_its_end(self, where: Any, nano: int, ending: Ending, data: st.DataObject) -> None:
        self.request_a_hold(where, nano, data.draw(tariffs(CURRENCIES[where[1]])), clamps=True)
        request, nano = self.held[-1]
        self.do("settle", request, nano, ending)
        self.do("hold_less", request, self.reference.purses[where].epoch, nano)
        self.sweep(20)

    @rule(where=st.sampled_from(WALLETS[:3]), nano=holds, note=paid_endings(), late=paid_endings(), data=st.data())
    def the_sweeper_is_first(self, where: Any, nano: int, note: Ending, late: Ending, data: st.DataObject) -> None:
        """The gateway was thought dead and was not: it settles, hears that it is too late, and says so."""
        self.request_a_hold(where, nano, data.draw(tariffs(CURRENCIES[where[1]])), clamps=True)
        request, nano = self.held[-1]
        if word := data.draw(st.sampled_from([None, None, None, "keep_outcome", "checkpoint"])):
            self.do(word, request, note)
        self.sweep(20)
        if data.draw(st.booleans()):
            self.spend_all_that_is_available(where)
        if self.do("settle", request, nano, late).word == "already" and (request, nano) in self.ended():
            self.do("settle_late", request, nano, late)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), ending=paid_endings(), word=st.sampled_from(["keep_outcome", "checkpoint"]))
    def leave_a_note_for_the_sweeper(self, data: st.DataObject, ending: Ending, word: str) -> None:
        request, _ = data.draw(st.sampled_from(self.open_holds() or self.held))
        self.do(word, request, ending)

    @rule(
        where=st.sampled_from(WALLETS[:3]), key=st.sampled_from(KEYS), nano=st.none() | st.integers(0, 900), data=st.data()
    )  # fmt: skip
    def limit_a_key(self, where: Any, key: str, nano: int | None, data: st.DataObject) -> None:
        self.do("limit_key", where, key, nano)
        if nano is not None:
            self.request_a_hold(where, nano + 1, data.draw(tariffs(CURRENCIES[where[1]])), key, limited=True)

    @rule(where=st.sampled_from(WALLETS[:3]), nano=amounts, data=st.data())
    def stop_the_keys_of_a_wallet(self, where: Any, nano: int, data: st.DataObject) -> None:
        self.do("raise_epoch", where)
        self.request_a_hold(where, nano, data.draw(tariffs(CURRENCIES[where[1]])), stale=True)

    @precondition(lambda self: len(self.history) > 30)  # for good: a wallet frozen at once would leave little to see
    @rule(where=st.sampled_from(WALLETS[1:3]), nano=amounts, data=st.data())
    def freeze_a_wallet_and_try_to_spend(self, where: Any, nano: int, data: st.DataObject) -> None:
        self.do("freeze", where)
        self.request_a_hold(where, nano, data.draw(tariffs(CURRENCIES[where[1]])))

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def repeat_anything(self, data: st.DataObject) -> None:
        """A retry, a duplicate, a message that was delayed: the same call once more, whatever happened since."""
        seen["repeat"] += 1
        word, arguments = data.draw(st.sampled_from(self.history))
        self.do(word, *arguments)

    @rule(minutes=st.sampled_from([0, 1, 1, 5, 20, 20]))
    def time_passes_and_the_sweeper_comes(self, minutes: int) -> None:
        self.sweep(minutes)


def run(examples: int) -> None:
    """Run the machine, and insist that it met everything it is there for."""
    seen.clear()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(LedgerMachine, settings=chosen)
    print(f"ledger machine: {examples} examples × 50 steps; met: {dict(sorted(seen.items()))}")
    assert TO_BE_SEEN - set(+seen) == set(), "the machine never met these"


@pytest.mark.parametrize("examples", [50, pytest.param(300, marks=pytest.mark.proof)])
def test_any_sequence_of_operations_leaves_the_reference_ledgers_books(examples: int) -> None:
    run(examples)
