"""What the admin API and its audit log show of catalog things: decimal strings for money, and secrets by their names only."""

from __future__ import annotations

from typing import Any

from tokens_forge.catalog import CatalogThing, Model, PriceVersion
from tokens_forge.channels import Channel, Costs, PoolMember
from tokens_forge.ids import iso_of
from tokens_forge.money import decimal
from tokens_forge.pricing import BUCKETS, UnitPrices
from tokens_forge.views import price_view


def thing_view(thing: CatalogThing) -> dict[str, Any]:
    """A model, price version, channel or route."""
    if isinstance(thing, Model):
        return model_view(thing)
    if isinstance(thing, PriceVersion):
        return price_version_view(thing)
    if isinstance(thing, Channel):
        return channel_view(thing)
    return {"object": "route", "model": thing.model_id, "channels": list(thing.channel_ids)}


def model_view(model: Model) -> dict[str, Any]:
    """All settings of a model."""
    return {
        "object": "model",
        "id": model.model_id,
        "owned_by": model.owned_by,
        "enabled": model.enabled,
        "endpoints": [endpoint.value for endpoint in model.endpoints],
        "output_tokens_max": model.output_tokens_max,
        "default_output_tokens": model.default_output_tokens,
        "typical_output_tokens": model.typical_output_tokens,
        "image_tokens_max": model.image_tokens_max,
        "document_tokens_max": model.document_tokens_max,
        "created": model.created_at_s,
    }


def price_version_view(version: PriceVersion) -> dict[str, Any]:
    """A price version, and since or from when it counts."""
    return {
        "object": "price",
        "model": version.model_id,
        **price_view(version.price),
        "starts_at": iso_of(version.price.effective_at_ms),
        "withdrawn": version.withdrawn,
    }


def channel_view(channel: Channel) -> dict[str, Any]:
    """All settings of a channel. `credential` is the name of a secret."""
    view: dict[str, Any] = {
        "object": "pool" if channel.members else "channel",
        "id": channel.channel_id,
        "kind": channel.kind.value,
        "label": channel.label,
        "protocol": channel.protocol,
        "base_url": channel.base_url,
        "models": dict(channel.models),
        "output_limit_field": channel.output_limit_field,
        "enabled": channel.enabled,
        "costs": _costs_view(channel.costs) if channel.costs is not None else None,
        "paid_probe": None,
    }
    if channel.paid_probe is not None:
        probe = channel.paid_probe
        view["paid_probe"] = {"model": probe.model_id, "daily_cap": decimal(probe.daily_cap_nano)}
    if channel.members:
        view["members"] = [_member_view(member) for member in channel.members]
    else:
        view["credential"] = channel.credential
    return view


def unit_prices_view(prices: UnitPrices) -> dict[str, str]:
    """Per 1M tokens."""
    return {bucket: decimal(getattr(prices, bucket)) for bucket in BUCKETS}


def _costs_view(costs: Costs) -> dict[str, Any]:
    by_model = {model_id: unit_prices_view(prices) for model_id, prices in costs.unit_prices.items()}
    return {"currency": costs.currency, "per_1m_tokens": by_model}


def _member_view(member: PoolMember) -> dict[str, Any]:
    return {
        "id": member.member_id,
        "credential": member.credential,
        "slots": member.slots,
        "enabled": member.enabled,
        "windows": [
            {
                "length_s": window.length_s,
                "tokens_max": window.tokens_max,
                "requests_max": window.requests_max,
            }
            for window in member.windows
        ],
    }
