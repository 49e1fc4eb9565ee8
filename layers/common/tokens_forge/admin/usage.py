"""Usage and margin of one wallet's business: what was asked, charged and paid to providers, by model and channel.

Revenue belongs to the channel that served; cost belongs to each channel that was called, failed attempts too. A provider's cost is
known only where an admin entered what the channel charges: where it is not, that is said, and no margin is made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tokens_forge.journal import Entry, EntryType, RequestFacts
from tokens_forge.money import decimal
from tokens_forge.pricing import BUCKETS
from tokens_forge.receipts import serving_channel


@dataclass(slots=True)
class Line:
    """Sums for one model on one channel in one currency. `channel` None: no channel was called. Amounts are nano."""

    model: str
    channel: str | None
    currency: str
    requests: int = 0
    charge_nano: int = 0
    uncharged_nano: int = 0
    unknown_costs: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    costs_nano: Counter[str] = field(default_factory=Counter)

    def usage_view(self) -> dict[str, Any]:
        """What customers used."""
        return {
            **self._subject(),
            "requests": self.requests,
            "charge": decimal(self.charge_nano),
            "uncharged": decimal(self.uncharged_nano),
            "tokens": {bucket: self.tokens[bucket] for bucket in BUCKETS},
            "settlement_reasons": dict(sorted(self.endings.items())),
        }

    def margin_view(self) -> dict[str, Any]:
        """Revenue against provider cost; `margin` is null where it is not known, and `unknown` says why."""
        unknown = None
        if self.unknown_costs:
            unknown = (
                f"The provider cost of {self.unknown_costs} of {self.requests} requests is unknown:"
                f" enter the costs of {self.model} on the channel {self.channel}."
            )
        elif set(self.costs_nano) - {self.currency}:
            unknown = f"The provider charges in {', '.join(sorted(self.costs_nano))}: no exchange rate is kept here."
        cost_nano = self.costs_nano[self.currency]
        return {
            **self._subject(),
            "requests": self.requests,
            "revenue": decimal(self.charge_nano),
            "provider_costs": {currency: decimal(nano) for currency, nano in sorted(self.costs_nano.items())},
            "requests_of_unknown_cost": self.unknown_costs,
            "margin": decimal(self.charge_nano - cost_nano) if unknown is None else None,
            "unknown": unknown,
        }

    def _subject(self) -> dict[str, Any]:
        return {"model": self.model, "channel": self.channel, "currency": self.currency}


def fold(entries: Iterable[Entry]) -> list[Line]:
    """The sums of these entries, by model and channel."""
    lines: dict[tuple[str, str | None, str], Line] = {}

    def line(facts: RequestFacts, channel: str | None, currency: str) -> Line:
        return lines.setdefault((facts.model, channel, currency), Line(facts.model, channel, currency))

    for entry in entries:
        facts = entry.request
        if facts is None:
            continue
        served = line(facts, serving_channel(facts), entry.currency)
        served.requests += entry.type is EntryType.REQUEST
        served.endings[facts.reason.value] += 1
        served.charge_nano += facts.charge_nano
        served.uncharged_nano += facts.uncharged_nano
        served.tokens.update({bucket: getattr(facts.usage, bucket) for bucket in BUCKETS})
        served.unknown_costs += _cost_is_unknown(facts)
        for attempt in facts.attempts:
            if attempt.cost is not None:
                line(facts, attempt.channel_id, entry.currency).costs_nano[attempt.cost.currency] += attempt.cost.nano
    return sorted(lines.values(), key=lambda found: (found.model, found.channel or "", found.currency))


def _cost_is_unknown(facts: RequestFacts) -> bool:
    """Whether the provider has used tokens for which nobody entered a cost."""
    has_used = facts.usage.input_side + facts.usage.output > 0
    return has_used and bool(facts.attempts) and facts.attempts[-1].cost is None
