"""Preview: what recent requests would have cost at a proposed price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokens_forge.ids import iso_of
from tokens_forge.journal import Entry
from tokens_forge.money import decimal
from tokens_forge.pricing import Price, price_usage
from tokens_forge.receipts import receipt_id_of


def preview(entries: Sequence[Entry], price: Price) -> dict[str, Any]:
    """Each request of the price's currency, charged and as it would be charged, and the sums of both."""
    lines, charged_nano, would_nano = [], 0, 0
    for entry in entries:
        facts = entry.request
        if facts is None or entry.currency != price.currency:
            continue
        charge_nano = price_usage(facts.usage, price)
        charged_nano += facts.charge_nano
        would_nano += charge_nano
        lines.append(
            {
                "receipt_id": receipt_id_of(entry),
                "at": iso_of(entry.occurred_at_ms),
                "charged": decimal(facts.charge_nano),
                "price_version": facts.price_version,
                "would_charge": decimal(charge_nano),
                "difference": decimal(charge_nano - facts.charge_nano),
            }
        )
    return {
        "currency": price.currency,
        "requests": len(lines),
        "charged": decimal(charged_nano),
        "would_charge": decimal(would_nano),
        "difference": decimal(would_nano - charged_nano),
        "data": lines,
    }
