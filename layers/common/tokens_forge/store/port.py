"""The store as settlement sees it: a few operations, each one atomic call to the database.

Every operation may also raise one of the three faults below. Conditions that fail are answers, not faults: they come back as
values, with the item as it stood, so that the caller can say why without a second read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tokens_forge.intents import Intent
from tokens_forge.journal import Entry
from tokens_forge.wallets import HoldRequest, Wallet, WalletKind


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
    """End an open hold of `hold_nano`: `charge_nano` of it is spent, the rest is available again."""

    hold_id: str
    hold_nano: int
    charge_nano: int
    limited_key_id: str | None

    def __post_init__(self) -> None:
        assert 0 <= self.charge_nano <= self.hold_nano, "capture never exceeds the hold"


@dataclass(frozen=True, slots=True)
class Credit:
    """Add to the wallet: bought or granted balance."""

    nano: int

    def __post_init__(self) -> None:
        assert self.nano > 0, "a credit adds something"


WalletChange = CloseHold | Credit


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

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        """Set aside in one conditional update: see `wallets.why_refused` for the conditions."""
        ...

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        """One transaction: put the entry if absent, and change the entry's wallet if its condition holds."""
        ...

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        """A consistent read."""
        ...

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        """Up to `limit` entries of one UTC day, newest first, those before entry id `before` only."""
        ...

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        """Make every cached key of this wallet read its record again before the next hold."""
        ...

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        """Give a key this much left to spend on this wallet; None removes the limit."""
        ...
