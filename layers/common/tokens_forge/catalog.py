"""The catalog of one wallet: models, prices by version, channels and routes.

Official and routed catalogs are kept in two tables and loaded as two objects. Nothing here can hold both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tokens_forge.channels import Channel
from tokens_forge.clock import Clock
from tokens_forge.endpoints import Endpoint
from tokens_forge.pricing import Price
from tokens_forge.wallets import WalletKind

CACHED_MS_MAX = 30_000


@dataclass(frozen=True, slots=True)
class Model:
    """A public model name on one wallet, and the endpoints that it is sold on.

    `image_tokens_max` and `document_tokens_max` are the most that one image or one document can count, however it is sent; None
    means: takes none.
    """

    model_id: str
    owned_by: str
    created_at_s: int
    output_tokens_max: int
    default_output_tokens: int
    typical_output_tokens: int = 400
    image_tokens_max: int | None = None
    enabled: bool = True
    endpoints: tuple[Endpoint, ...] = (Endpoint.CHAT,)
    document_tokens_max: int | None = None

    def __post_init__(self) -> None:
        assert 0 < self.default_output_tokens <= self.output_tokens_max


@dataclass(frozen=True, slots=True)
class Route:
    """Channels for one model, primary first."""

    model_id: str
    channel_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A price version of one model. A withdrawn one never took effect and never will: readers pass it over."""

    model_id: str
    price: Price
    withdrawn: bool = False


CatalogThing = Model | PriceVersion | Channel | Route


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything one wallet can buy, as it was read at one moment."""

    kind: WalletKind
    models: Mapping[str, Model]
    prices: Mapping[str, tuple[Price, ...]]
    channels: Mapping[str, Channel]
    routes: Mapping[str, Route]

    def price_in_force(self, model_id: str, currency: str, now_ms: int) -> Price | None:
        """The latest version in this currency that has taken effect; None when the model has no price yet."""
        in_force = [
            price
            for price in self.prices.get(model_id, ())
            if price.currency == currency and price.effective_at_ms <= now_ms
        ]
        return max(in_force, key=lambda price: (price.effective_at_ms, price.version), default=None)

    def route_channels(self, model_id: str) -> tuple[Channel, ...]:
        """Enabled channels of this wallet's class that speak for the model, in route order."""
        route = self.routes.get(model_id)
        found = (self.channels.get(channel_id) for channel_id in (route.channel_ids if route else ()))
        return tuple(
            channel
            for channel in found
            if channel is not None
            and channel.enabled
            and channel.kind.wallet is self.kind
            and model_id in channel.models
        )


class CatalogReader(Protocol):
    """Where catalogs are kept."""

    def read_catalog(self, kind: WalletKind) -> Catalog:
        """The whole catalog of one wallet."""
        ...


class CatalogCache:
    """Catalogs, each read at most every 30 seconds. A price change is never half seen: a receipt names its version."""

    def __init__(self, reader: CatalogReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._cached: dict[WalletKind, tuple[int, Catalog]] = {}

    def fresh(self, kind: WalletKind) -> Catalog | None:
        """The catalog when it is in the cache and fresh. Never blocks."""
        cached = self._cached.get(kind)
        if cached is None or self._clock.now_ms() - cached[0] >= CACHED_MS_MAX:
            return None
        return cached[1]

    def read(self, kind: WalletKind) -> Catalog:
        """The catalog, read from its table. Blocks."""
        read_at_ms = self._clock.now_ms()
        catalog = self._reader.read_catalog(kind)
        self._cached[kind] = (read_at_ms, catalog)
        return catalog
