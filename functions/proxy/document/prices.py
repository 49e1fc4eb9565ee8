"""Answers about models, prices and routes, as types."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from functions.web.shapes import Amount, Count, Currency, Moment
from tokens_forge.channels import ChannelKind
from tokens_forge.endpoints import Endpoint
from tokens_forge.health import HealthState, Source
from tokens_forge.wallets import WalletKind


class TokenPrices(TypedDict):
    """Prices of 1,000,000 tokens."""

    input: Amount
    cached_input: Amount
    cache_write: Amount
    output: Amount


class PriceTier(TypedDict):
    """Prices of a whole request that sends more tokens than this."""

    input_tokens_above: Count
    per_1m_tokens: TokenPrices


class Price(TypedDict):
    """A price version. With the basis `official` the multiplier turns the official price into the wallet's currency."""

    version: str
    currency: Currency
    basis: str
    per_1m_tokens: TokenPrices
    multiplier: Amount
    tiers: NotRequired[list[PriceTier]]


class RouteChannel(TypedDict):
    """A channel of a route."""

    channel: str
    kind: ChannelKind
    label: str
    role: Literal["primary", "backup"]
    health: HealthState


class Route(TypedDict):
    """Which channels serve, and how they are: primary first."""

    health: HealthState
    channels: list[RouteChannel]


class Latency(TypedDict):
    """To the first byte, in milliseconds, of the calls that worked."""

    p50: Count | None
    p95: Count | None


class MeasuredChannel(RouteChannel):
    """A channel with all that was measured; null for what nobody has seen."""

    since: Moment | None
    last_check: Moment | None
    success_rate: Amount | None
    samples: Count
    latency_ms: Latency
    source: Source | None


class MeasuredRoute(TypedDict):
    """The route of a model, with the health of each of its channels."""

    object: Literal["route"]
    model: str
    wallet: WalletKind
    wallet_label: str
    health: HealthState
    channels: list[MeasuredChannel]


class RouteList(TypedDict):
    """One route for each model that the key can call."""

    object: Literal["list"]
    data: list[MeasuredRoute]


class ModelTerms(TypedDict):
    """On which wallet and at which price this key can call the model, on which endpoints, and by which route."""

    wallet: WalletKind
    wallet_label: str
    price: Price
    route: Route
    endpoints: list[Endpoint]
    output_tokens_max: Count


class Model(TypedDict):
    """A model in OpenAI's shape."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    forge: ModelTerms


class ModelList(TypedDict):
    """Every model that the key can call."""

    object: Literal["list"]
    data: list[Model]
