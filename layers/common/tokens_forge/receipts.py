"""A receipt: the journal entry of one request, as its user reads it, and the published way to recompute its charge."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

from tokens_forge.ids import iso_of
from tokens_forge.journal import Entry, RequestFacts
from tokens_forge.money import NANO_PER_UNIT, decimal
from tokens_forge.pricing import BUCKETS

FORMULA = "charge = min(hold, round_up_to_9_decimals(sum(tokens[i] * per_1m_tokens[i]) * multiplier / 1000000))"


def receipt_id_of(entry: Entry) -> str:
    """The id of the request that the entry settles."""
    return "req_" + entry.entry_id.partition(".")[0]


def summary(entry: Entry) -> dict[str, Any]:
    """The few lines that travel inside an answer as `forge_receipt`."""
    facts = _facts(entry)
    return {
        "id": receipt_id_of(entry),
        "entry_id": entry.entry_id,
        "wallet": entry.kind.value,
        "wallet_label": entry.kind.label,
        "currency": entry.currency,
        "charge": decimal(facts.charge_nano),
        "hold": decimal(facts.hold_nano),
        "price_version": facts.price_version,
        "route": serving_channel(facts),
        "backup_used": facts.backup_used,
        "settlement_reason": facts.reason.value,
        "usage_source": facts.usage_source.value,
    }


def receipt(entry: Entry) -> dict[str, Any]:
    """The whole receipt. Every number that the charge depends on is in it."""
    facts = _facts(entry)
    prices, usage = facts.unit_prices, facts.usage
    return {
        "object": "receipt",
        **summary(entry),
        "created_at": iso_of(entry.occurred_at_ms),
        "settled_at": iso_of(entry.written_at_ms),
        "key_id": facts.key_id,
        "model": facts.model,
        "endpoint": facts.endpoint,
        "attempts": [
            {"channel": attempt.channel_id, "outcome": attempt.outcome, "duration_ms": attempt.duration_ms}
            for attempt in facts.attempts
        ],
        "tokens": {
            **{bucket: getattr(usage, bucket) for bucket in BUCKETS},
            "reasoning_within_output": usage.reasoning,
        },
        "prices": {
            "version": facts.price_version,
            "basis": facts.price_basis,
            "per_1m_tokens": {bucket: decimal(getattr(prices, bucket)) for bucket in BUCKETS},
            "multiplier": decimal(facts.multiplier_ppm * 1000),
        },
        "uncharged": decimal(facts.uncharged_nano),
        **({"repeats": entry.reference} if entry.reference is not None else {}),
        "arithmetic": _arithmetic(entry, facts),
        "formula": FORMULA,
        "postings": [
            {"book_account": posting.book_account, "amount": decimal(posting.nano)} for posting in entry.postings
        ],
    }


def recompute(view: dict[str, Any]) -> str:
    """The charge, from the receipt as published and nothing else, by exact fractions."""
    weighted = sum(
        (view["tokens"][bucket] * Fraction(view["prices"]["per_1m_tokens"][bucket]) for bucket in BUCKETS), Fraction(0)
    )
    exact = weighted * Fraction(view["prices"]["multiplier"]) / 1_000_000
    return decimal(min(ceil(exact * NANO_PER_UNIT), int(Fraction(view["hold"]) * NANO_PER_UNIT)))


def serving_channel(facts: RequestFacts) -> str | None:
    """The channel of the last attempt: the one that answered, when one did."""
    return facts.attempts[-1].channel_id if facts.attempts else None


def _arithmetic(entry: Entry, facts: RequestFacts) -> str:
    terms = [
        f"{getattr(facts.usage, bucket)} {bucket} × {decimal(getattr(facts.unit_prices, bucket))}"
        for bucket in BUCKETS
        if getattr(facts.usage, bucket)
    ]
    if not terms:
        return f"nothing is charged: {facts.reason.value}"
    times = f" × {decimal(facts.multiplier_ppm * 1000)}" if facts.price_basis == "official" else ""
    cap = f", capped at the hold of {decimal(facts.hold_nano)}" if facts.uncharged_nano else ""
    return f"({' + '.join(terms)}){times} / 1,000,000 = {decimal(facts.charge_nano)} {entry.currency}{cap}"


def _facts(entry: Entry) -> RequestFacts:
    assert entry.request is not None, "only a request's entry is a receipt"
    return entry.request
