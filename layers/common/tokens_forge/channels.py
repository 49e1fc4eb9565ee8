"""Channels: upstreams of one wallet's class, where they are, what they cost us, and the members of a pool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from tokens_forge.pricing import UnitPrices, Usage, charge_nano
from tokens_forge.wallets import WalletKind

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # never a `#`: that parts the keys of the state table


class ChannelKind(StrEnum):
    """An official channel, or one of the three ordinary kinds."""

    OFFICIAL = "official"
    STANDARD = "standard"
    COMPATIBLE = "compatible"
    POOL = "pool"

    @property
    def wallet(self) -> WalletKind:
        """The only wallet whose requests may use this channel."""
        return WalletKind.OFFICIAL if self is ChannelKind.OFFICIAL else WalletKind.ROUTED


@dataclass(frozen=True, slots=True)
class QuotaWindow:
    """What a subscription account may do within any `length_s` seconds; None means that it is not limited."""

    length_s: int
    tokens_max: int | None = None
    requests_max: int | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.tokens_max, self.requests_max) if limit is not None]
        if not 60 <= self.length_s <= 31 * 24 * 3600:
            raise ValueError(f"a window lasts from a minute to a month, not {self.length_s} s")
        if not limits or any(limit <= 0 for limit in limits):
            raise ValueError("a window limits tokens or requests, to a positive number")


@dataclass(frozen=True, slots=True)
class PoolMember:
    """One subscription account of a pool. `credential` names a secret; at most `slots` requests run on it at once."""

    member_id: str
    credential: str
    slots: int
    windows: tuple[QuotaWindow, ...] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        _require_id(self.member_id)
        if not 1 <= self.slots <= 100:
            raise ValueError(f"a member has 1 to 100 slots, not {self.slots}")
        if len({window.length_s for window in self.windows}) != len(self.windows):
            raise ValueError("a member has one window of each length")


@dataclass(frozen=True, slots=True)
class Costs:
    """What the provider charges us, in nano of `currency` per 1M tokens for each public model name."""

    currency: str
    unit_prices: Mapping[str, UnitPrices] = field(default_factory=dict)

    def of(self, model_id: str, usage: Usage) -> int | None:
        """The cost of a usage in nano of `currency`; None when nobody entered this model's cost."""
        prices = self.unit_prices.get(model_id)
        return charge_nano(usage, prices, 1_000_000) if prices is not None else None


@dataclass(frozen=True, slots=True)
class PaidProbe:
    """Permission to find out by a real, paid call whether an idle channel works; at most `daily_cap_nano` of its cost a day."""

    model_id: str
    daily_cap_nano: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One upstream. `credential` names a secret, never holds one; `models` maps public model names to the upstream's.

    A pool has `members`, each with a credential of its own; its own `credential` is not used.
    """

    channel_id: str
    kind: ChannelKind
    label: str
    protocol: str
    base_url: str
    credential: str
    models: Mapping[str, str]
    output_limit_field: str = "max_completion_tokens"
    enabled: bool = True
    costs: Costs | None = None
    members: tuple[PoolMember, ...] = ()
    paid_probe: PaidProbe | None = None

    def __post_init__(self) -> None:
        _require_id(self.channel_id)
        if (self.kind is ChannelKind.POOL) != bool(self.members):
            raise ValueError("a pool has members, and nothing else has")
        if len({member.member_id for member in self.members}) != len(self.members):
            raise ValueError("a pool names each member once")


def _require_id(identifier: str) -> None:
    if not _ID.fullmatch(identifier):
        raise ValueError(f"an id is up to 64 letters, digits, dots, dashes and underscores, not {identifier!r}")


def require_safe_url(base_url: str, *, loopback_allowed: bool) -> None:
    """Raises ValueError unless credentials may be sent there: https, or http to this machine in the local stage only."""
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL holds no credential")
    if parts.query or parts.fragment or not parts.hostname:
        raise ValueError("a base URL is a host and a path")
    if parts.scheme == "https" or (parts.scheme == "http" and loopback_allowed and _is_loopback(parts.hostname)):
        return
    raise ValueError("a base URL begins with https://")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
