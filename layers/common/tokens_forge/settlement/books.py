"""The books: posts entries with their wallet change, and asks again where asking again is harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tokens_forge.clock import Clock
from tokens_forge.journal import Entry
from tokens_forge.repetition import RetryRule
from tokens_forge.store.port import (
    CloseHold,
    Credit,
    LedgerStore,
    WalletChange,
)
from tokens_forge.wallets import HoldRefusal, HoldRequest, Wallet, why_refused

Answer = TypeVar("Answer")


class HoldRefused(Exception):
    """The wallet set nothing aside. `wallet` is how it stood at that moment."""

    def __init__(self, refusal: HoldRefusal, wallet: Wallet | None) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.wallet = wallet


class AlreadySettled(Exception):
    """Another process ended this request first; `entry` is how."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.entry_id)
        self.entry = entry


class HoldLost(Exception):
    """The request has no entry and no open hold. This must not happen: it is an alarm, and nothing was written."""


class NotAvailable(Exception):
    """Less is available than was to be taken; `wallet` is how it stood. Nothing was written."""

    def __init__(self, wallet: Wallet) -> None:
        super().__init__(f"{wallet.available_nano} nano are available")
        self.wallet = wallet


class DebtMoved(Exception):
    """The wallet's debt is another than was thought; `wallet` is how it stood. Nothing was written."""

    def __init__(self, wallet: Wallet) -> None:
        super().__init__(f"{wallet.debt_nano} nano are owed")
        self.wallet = wallet


class Books:
    """The ledger store with settlement's rules of repetition. All of it blocks: call it from a worker thread."""

    def __init__(self, store: LedgerStore, clock: Clock, retry: RetryRule | None = None) -> None:
        self.store = store
        self.clock = clock
        self._retry = retry or RetryRule()

    def hold(self, request: HoldRequest) -> int:
        """Set aside once, and return how many nano the hold has: another number than asked for when an earlier try of the
        same hold arrived after all. Raises HoldRefused; then nothing was set aside.
        """
        answer = self.again(lambda: self.store.place_hold(request))
        if answer.placed:
            return request.nano
        refusal = why_refused(answer.before, request)
        assert refusal is not None, "the store refused a hold that its own item allows"
        if refusal is not HoldRefusal.ALREADY_HELD:
            raise HoldRefused(refusal, answer.before)
        assert answer.before is not None
        return answer.before.holds[request.hold_id].nano

    def post(self, entry: Entry, change: WalletChange) -> Entry:
        """Post an entry once, with its wallet change; an equal entry that is there already is the answer to a re-sent one.

        Raises AlreadySettled, HoldLost, HoldRefused, DebtMoved or NotAvailable; then nothing was written.
        """
        answer = self.again(lambda: self.store.post(entry, change))
        if answer.posted:
            return entry
        if answer.existing is not None:
            if _same_matter(answer.existing, entry):
                return answer.existing
            raise AlreadySettled(answer.existing)
        if isinstance(change, CloseHold):
            raise HoldLost(f"{entry.entry_id} has neither an entry nor an open hold of {change.hold_nano} nano")
        wallet = answer.before
        if wallet is None:
            raise HoldRefused(HoldRefusal.NO_WALLET, None)
        if wallet.currency != entry.currency:
            raise HoldRefused(HoldRefusal.CURRENCY, wallet)
        raise DebtMoved(wallet) if isinstance(change, Credit) else NotAvailable(wallet)

    def again(self, operation: Callable[[], Answer]) -> Answer:
        """Do it until the store answers, at most `tries_max` times; the last fault is raised."""
        return self._retry.again(operation, self.clock)


def _same_matter(existing: Entry, ours: Entry) -> bool:
    """Whether two entries of one id say the same, apart from the moment they were written."""
    return replace(existing, written_at_ms=ours.written_at_ms) == ours
