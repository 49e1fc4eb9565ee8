"""The intent record: what a request is about to do, written before any money is set aside for it.

If everything else is lost, this record and the journal tell how the request must end.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.ids import minute_of, time_ms_of
from tokens_forge.journal import Attempt, SettlementReason, UsageSource
from tokens_forge.pricing import Price, Usage
from tokens_forge.wallets import WalletKind

INTENT_KEPT_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Intent:
    """One request before its hold. `hold_nano` is the largest amount that it may set aside.

    `repeats` names a request that was charged while its answer got lost: this one is its retry, and costs nothing. `part_of` names
    the hold of the run whose step this is: it sets a part of that aside.
    """

    request_id: str
    account_id: str
    kind: WalletKind
    key_id: str
    key_has_spend_limit: bool
    model: str
    endpoint: str
    primary_channel_id: str
    price: Price
    hold_nano: int
    repeats: str | None = None
    part_of: str | None = None

    @property
    def minute(self) -> str:
        """The bucket in which the sweeper finds this record."""
        return minute_of(time_ms_of(self.request_id))

    @property
    def expires_at_s(self) -> int:
        """When the table may forget this record, in seconds since 1970."""
        return time_ms_of(self.request_id) // 1000 + INTENT_KEPT_S


@dataclass(frozen=True, slots=True)
class Held:
    """A request whose hold stands: exactly one entry will end it."""

    intent: Intent
    hold_nano: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended upstream. `usage` counts only what may be charged for."""

    reason: SettlementReason
    usage: Usage
    usage_source: UsageSource
    attempts: tuple[Attempt, ...]
