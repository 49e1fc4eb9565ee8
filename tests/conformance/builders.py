"""Small valid things for the cases to change one detail of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.builders import NOW_MS, PRICE
from tokens_forge.ids import new_id
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import (
    Attempt,
    Entry,
    EntryType,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    entry_id_of,
)
from tokens_forge.pricing import Usage
from tokens_forge.wallets import HoldRequest, WalletKind

ACCOUNT = "acc_0123456789ab"
STRANGER = "acc_zzzzzzzzzzzz"  # has no wallet
KEY = "key_0123456789abcdefghjk"
OTHER_KEY = "key_zzzzzzzzzzzzzzzzzzzz"
OFFICIAL, ROUTED = WalletKind.OFFICIAL, WalletKind.ROUTED
CURRENCY = {OFFICIAL: "USD", ROUTED: "CNY"}
DAY_MS = 24 * 3600 * 1000
ATTEMPTS = (Attempt("first", "http_503", 5), Attempt("second", "ok", 12))
USAGE = Usage(input=11, cached_input=7, cache_write=5, output=3, reasoning=2)


def request_id(at_ms: int = NOW_MS) -> str:
    """A new request's id."""
    return new_id("req", at_ms)


def hold_request(nano: int, **changes: Any) -> HoldRequest:
    """A hold on the official wallet, for a request of its own."""
    made = HoldRequest(
        account_id=ACCOUNT,
        kind=OFFICIAL,
        currency="USD",
        hold_id=request_id(),
        nano=nano,
        auth_epoch=0,
        placed_at_ms=NOW_MS,
    )
    kind = changes.get("kind", OFFICIAL)
    return replace(made, **{"currency": CURRENCY[kind], **changes})


def facts(hold_nano: int, charge_nano: int) -> RequestFacts:
    """What a receipt says beside the money."""
    return RequestFacts(
        key_id=KEY,
        model="small",
        endpoint="chat.completions",
        attempts=ATTEMPTS,
        backup_used=True,
        price_version="p1",
        price_basis="own",
        unit_prices=PRICE.unit_prices,
        multiplier_ppm=1_000_000,
        usage=USAGE,
        usage_source=UsageSource.PROVIDER,
        reason=SettlementReason.COMPLETED,
        hold_nano=hold_nano,
        charge_nano=charge_nano,
    )


def receipt(hold: HoldRequest, charge_nano: int = 0, **changes: Any) -> Entry:
    """The entry that ends the request of a hold."""
    made = Entry(
        entry_id=entry_id_of(hold.hold_id, EntryType.REQUEST),
        account_id=hold.account_id,
        kind=hold.kind,
        currency=hold.currency,
        written_at_ms=NOW_MS + 5,
        postings=moves(-charge_nano, "revenue"),
        request=facts(hold.nano, charge_nano),
    )
    return replace(made, **changes)


def top_up(nano: int, **changes: Any) -> Entry:
    """An entry that brings `nano` to the official wallet, or takes it when negative, for an order of its own."""
    order_id = new_id("ord", NOW_MS)
    made = Entry(
        entry_id=entry_id_of(order_id, EntryType.TOP_UP),
        account_id=ACCOUNT,
        kind=OFFICIAL,
        currency="USD",
        written_at_ms=NOW_MS + 5,
        postings=moves(nano, "clearing:test"),
        reference=order_id,
    )
    kind = changes.get("kind", OFFICIAL)
    return replace(made, **{"currency": CURRENCY[kind], **changes})


def moves(nano: int, other: str) -> tuple[Posting, ...]:
    """Postings that bring `nano` to the wallet from another account; none for zero."""
    return (Posting("wallet", nano), Posting(other, -nano)) if nano else ()


def intent(at_ms: int = NOW_MS, **changes: Any) -> Intent:
    """A request on the official wallet before its hold."""
    made = Intent(
        request_id=request_id(at_ms),
        account_id=ACCOUNT,
        kind=OFFICIAL,
        key_id=KEY,
        key_has_spend_limit=False,
        model="small",
        endpoint="chat.completions",
        primary_channel_id="first",
        price=PRICE,
        hold_nano=500,
    )
    return replace(made, **changes)


def outcome(output: int = 3, **changes: Any) -> Outcome:
    """A request that ended well."""
    made = Outcome(SettlementReason.COMPLETED, Usage(input=11, output=output), UsageSource.PROVIDER, ATTEMPTS)
    return replace(made, **changes)
