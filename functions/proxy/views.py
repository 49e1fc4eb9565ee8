"""What the public API shows of offers and their routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.health import ChannelModel, Health, route_health
from tokens_forge.ids import iso_of
from tokens_forge.money import NANO_PER_UNIT, decimal
from tokens_forge.policy import Offer
from tokens_forge.views import price_view

__all__ = ["HealthMap", "model_view", "route_health_view", "route_view"]

HealthMap = Mapping[ChannelModel, Health]
_NEVER_SEEN = Health()


def route_view(offer: Offer, known: HealthMap) -> dict[str, Any]:
    """The route of an offer: which channels, and how they are. No provider's address or credential is in it."""
    found = [known.get((channel.channel_id, offer.model.model_id), _NEVER_SEEN) for channel in offer.channels]
    channels = [
        {
            "channel": channel.channel_id,
            "kind": channel.kind.value,
            "label": channel.label,
            "role": "backup" if position else "primary",
            "health": found[position].state.value,
        }
        for position, channel in enumerate(offer.channels)
    ]
    return {"health": route_health([health.state for health in found]).value, "channels": channels}


def route_health_view(offer: Offer, known: HealthMap) -> dict[str, Any]:
    """The route of an offer, with all that was measured."""
    view = route_view(offer, known)
    for channel in view["channels"]:
        channel.update(_measured(known.get((channel["channel"], offer.model.model_id), _NEVER_SEEN)))
    return {
        "object": "route",
        "model": offer.model.model_id,
        "wallet": offer.kind.value,
        "wallet_label": offer.kind.label,
        **view,
    }


def _measured(health: Health) -> dict[str, Any]:
    """Times in UTC, latencies in ms to the first byte; null for what nobody has seen."""
    seen = health.seen
    rate = decimal(seen.successes * NANO_PER_UNIT // seen.samples) if seen is not None else None
    return {
        "since": iso_of(health.since_ms) if health.since_ms else None,
        "last_check": iso_of(health.checked_at_ms) if health.checked_at_ms else None,
        "success_rate": rate,
        "samples": seen.samples if seen is not None else 0,
        "latency_ms": {
            "p50": seen.p50_ms if seen is not None else None,
            "p95": seen.p95_ms if seen is not None else None,
        },
        "source": seen.source.value if seen is not None else None,
    }


def model_view(offer: Offer, known: HealthMap) -> dict[str, Any]:
    """A model in OpenAI's shape, with wallet, price and route."""
    model = offer.model
    return {
        "id": model.model_id,
        "object": "model",
        "created": model.created_at_s,
        "owned_by": model.owned_by,
        "forge": {
            "wallet": offer.kind.value,
            "wallet_label": offer.kind.label,
            "price": price_view(offer.price),
            "route": route_view(offer, known),
            "endpoints": [endpoint.value for endpoint in offer.endpoints],
            "output_tokens_max": model.output_tokens_max,
        },
    }
