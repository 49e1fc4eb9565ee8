"""Requests that are spoken to settlement itself, without a gateway: the same request in every world."""

from __future__ import annotations

from tests.faults.world import OFFICIAL, ulid
from tests.unit.builders import PRICE
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Attempt, SettlementReason, UsageSource
from tokens_forge.pricing import Usage

OUTPUT_NANO = PRICE.unit_prices.output // 10**6  # what one token of output costs
ATTEMPTS = (Attempt("first", "ok", 12),)


def intent(letter: str, *, hold_nano: int) -> Intent:
    """A request whose id is this letter, again and again."""
    return Intent(
        request_id=f"req_{ulid(letter)}",
        account_id=OFFICIAL[0],
        kind=OFFICIAL[1],
        key_id="key_0123456789abcdefghjk",
        key_has_spend_limit=False,
        model="small",
        endpoint="chat.completions",
        primary_channel_id="first",
        price=PRICE,
        hold_nano=hold_nano,
    )


def outcome(charge_nano: int, reason: SettlementReason = SettlementReason.COMPLETED) -> Outcome:
    """An outcome that costs this much, rounded up to whole tokens."""
    return Outcome(reason, Usage(output=-(-charge_nano // OUTPUT_NANO)), UsageSource.PROVIDER, ATTEMPTS)
