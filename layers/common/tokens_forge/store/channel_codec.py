"""Channel items of the two catalogs, and the dataclasses they stand for."""

from __future__ import annotations

from typing import Any

from tokens_forge.channels import Channel, ChannelKind, Costs, PaidProbe, PoolMember, QuotaWindow
from tokens_forge.store.codec import Item, number, text, unit_prices_attribute, unit_prices_of


def channel_fields(channel: Channel) -> Item:
    """The fields of a channel's item, without its key."""
    fields: Item = {
        "kind": text(channel.kind.value),
        "label": text(channel.label),
        "protocol": text(channel.protocol),
        "base_url": text(channel.base_url),
        "credential": text(channel.credential),
        "models": {"M": {public: text(upstream) for public, upstream in channel.models.items()}},
        "output_limit_field": text(channel.output_limit_field),
        "enabled": {"BOOL": channel.enabled},
    }
    if channel.costs is not None:
        prices = channel.costs.unit_prices
        by_model = {"M": {model: unit_prices_attribute(price) for model, price in prices.items()}}
        fields["costs"] = {"M": {"currency": text(channel.costs.currency), "unit_prices": by_model}}
    if channel.members:
        fields["members"] = {"L": [_member_attribute(member) for member in channel.members]}
    if channel.paid_probe is not None:
        probe = channel.paid_probe
        fields["paid_probe"] = {"M": {"model_id": text(probe.model_id), "daily_cap": number(probe.daily_cap_nano)}}
    return fields


def channel_of(item: Item) -> Channel:
    """The channel that an item stands for."""
    return Channel(
        channel_id=item["item_id"]["S"],
        kind=ChannelKind(item["kind"]["S"]),
        label=item["label"]["S"],
        protocol=item["protocol"]["S"],
        base_url=item["base_url"]["S"],
        credential=item["credential"]["S"],
        models={public: upstream["S"] for public, upstream in item["models"]["M"].items()},
        output_limit_field=item["output_limit_field"]["S"],
        enabled=item["enabled"]["BOOL"],
        costs=_costs_of(item["costs"]["M"]) if "costs" in item else None,
        members=tuple(_member_of(member["M"]) for member in item["members"]["L"]) if "members" in item else (),
        paid_probe=_paid_probe_of(item["paid_probe"]["M"]) if "paid_probe" in item else None,
    )


def _member_attribute(member: PoolMember) -> Item:
    return {
        "M": {
            "member_id": text(member.member_id),
            "credential": text(member.credential),
            "slots": number(member.slots),
            "windows": {"L": [_window_attribute(window) for window in member.windows]},
            "enabled": {"BOOL": member.enabled},
        }
    }


def _window_attribute(window: QuotaWindow) -> Item:
    fields = {"length_s": number(window.length_s)}
    if window.tokens_max is not None:
        fields["tokens_max"] = number(window.tokens_max)
    if window.requests_max is not None:
        fields["requests_max"] = number(window.requests_max)
    return {"M": fields}


def _costs_of(fields: dict[str, Any]) -> Costs:
    by_model = fields["unit_prices"]["M"]
    return Costs(fields["currency"]["S"], {model: unit_prices_of(price) for model, price in by_model.items()})


def _member_of(fields: dict[str, Any]) -> PoolMember:
    return PoolMember(
        member_id=fields["member_id"]["S"],
        credential=fields["credential"]["S"],
        slots=int(fields["slots"]["N"]),
        windows=tuple(_window_of(window["M"]) for window in fields["windows"]["L"]),
        enabled=fields["enabled"]["BOOL"],
    )


def _window_of(fields: dict[str, Any]) -> QuotaWindow:
    return QuotaWindow(
        length_s=int(fields["length_s"]["N"]),
        tokens_max=int(fields["tokens_max"]["N"]) if "tokens_max" in fields else None,
        requests_max=int(fields["requests_max"]["N"]) if "requests_max" in fields else None,
    )


def _paid_probe_of(fields: dict[str, Any]) -> PaidProbe:
    return PaidProbe(fields["model_id"]["S"], int(fields["daily_cap"]["N"]))
