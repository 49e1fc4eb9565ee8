"""The store as settlement sees it: a few operations, each one atomic call to the database.

Every operation may also raise one of the three faults below. Conditions that fail are answers, not faults: they come back as
values, with the item as it stood, so that the caller can say why without a second read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind


class StoreFault(Exception):
    """The store did not do what was asked, or did not say whether it did."""


class StoreConflict(StoreFault):
    """Another transaction touched the item at the same time. Nothing was written; try again."""


class StoreThrottled(StoreFault):
    """Too many requests. Nothing was written; try again later."""


class StoreSilent(StoreFault):
    """No answer came: the write may or may not have happened, and may still happen."""


@dataclass(frozen=True, slots=True)
class CloseHold:
    """End an open hold of `hold_nano`: `charge_nano` of it is spent, the rest is available again.

    With `back_to` the rest goes back into that hold, out of which this one was taken. Condition: it is still open.
    """

    hold_id: str
    hold_nano: int
    charge_nano: int
    limited_key_id: str | None
    back_to: str | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.charge_nano <= self.hold_nano, "capture never exceeds the hold"


@dataclass(frozen=True, slots=True)
class Credit:
    """Add `nano` to what the wallet owns. A debt is paid first: `pays_debt_nano` is the part that does.

    Condition: the currency is the entry's, and the debt is exactly what this pays, or at least `nano` when all of it goes there.
    """

    nano: int
    pays_debt_nano: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.pays_debt_nano <= self.nano and self.nano > 0, "a credit adds something"


@dataclass(frozen=True, slots=True)
class Take:
    """Take `nano` from what the wallet owns. What is not available any more becomes a debt: `becomes_debt_nano`.

    Condition: the currency is the entry's, and at least `nano` is available, or, with a debt, exactly the rest.
    """

    nano: int
    becomes_debt_nano: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.becomes_debt_nano <= self.nano and self.nano > 0, "a take removes something"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Leave the wallet as it is: an entry that only says how something ended."""


WalletChange = CloseHold | Credit | Take | Unchanged


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """An intent as it is stored: with the outcome, if settling failed, and with the last checkpoint of a long stream."""

    intent: Intent
    outcome: Outcome | None = None
    checkpoint: Outcome | None = None


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """`placed` says whether the hold stands now because of this call; `before` is the wallet that refused."""

    placed: bool
    before: Wallet | None = None


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """`posted` is true when entry and wallet change were written together. Else what stood in the way:
    `existing` is the entry that was there already, `before` the wallet whose condition failed."""

    posted: bool
    existing: Entry | None = None
    before: Wallet | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored item that is no valid entry: somebody changed it."""

    entry_id: str
    reason: str


class EntryName(NamedTuple):
    """All that it takes to find one journal entry."""

    account_id: str
    kind: WalletKind
    entry_id: str


class LedgerStore(Protocol):
    """Wallets, journal and intents. No other module writes them."""

    def open_wallet(self, wallet: Wallet) -> bool:
        """Create a wallet with nothing in it; False when it exists."""
        ...

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        """A consistent read."""
        ...

    def put_intent(self, intent: Intent) -> None:
        """Write the intent if no record has its id."""
        ...

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        """Keep the outcome of a request that could not be settled; the first one stays."""
        ...

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        """Keep how far a long stream has got; the latest one stays."""
        ...

    def read_intent(self, request_id: str) -> IntentRecord | None:
        """A consistent read."""
        ...

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        """Every intent record of one UTC minute such as `2026-11-24T13:48`. A consistent read."""
        ...

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        """Set aside in one conditional update: see `wallets.why_refused` for the conditions.

        A part of a run's hold is taken out of that hold: what is available, and what the key has left to spend, stay as they are.
        """
        ...

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        """One transaction: put the entry if absent, and change the entry's wallet if its condition holds.

        With Unchanged it is one conditional put, and the wallet is not touched.
        """
        ...

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        """Give back a hold whose request is ended already: one transaction that checks that the entry exists and that the hold
        is open, and the one it was taken out of too, if `part_of` names one. False when any of it is not so."""
        ...

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        """Let the wallet take no new hold."""
        ...

    def every_wallet(self) -> Iterator[Wallet]:
        """All wallets, each as some moment of the reading saw it."""
        ...

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        """A consistent read."""
        ...

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        """Those of the named entries that are there, in any order, each once. One written just now may be missing."""
        ...

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        """Up to `limit` entries of one UTC day, newest first, those before entry id `before` only."""
        ...

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        """Every entry of one wallet on one UTC day, also those that cannot be read as an entry any more."""
        ...

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        """Make every cached key of this wallet read its record again before the next hold."""
        ...

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        """Give a key this much left to spend on this wallet; None removes the limit."""
        ...
