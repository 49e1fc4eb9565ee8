"""Answers about models, channels, pools, routes and prices, as types. `item_version` is what If-Match names."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from typing_extensions import TypedDict

from functions.proxy.document.prices import Price, TokenPrices
from functions.web.shapes import Amount, Count, Currency, Moment
from tokens_forge.channels import ChannelKind
from tokens_forge.endpoints import Endpoint
from tokens_forge.pool_members import Measure
from tokens_forge.wallets import WalletKind

Thing = TypeVar("Thing")


class Page(TypedDict, Generic[Thing]):
    """Part of a list. `next_cursor` is the `cursor` of the next part."""

    object: Literal["list"]
    data: list[Thing]
    has_more: bool
    next_cursor: str | None


class Model(TypedDict):
    """All settings of a model on this wallet."""

    object: Literal["model"]
    id: str
    owned_by: str
    enabled: bool
    endpoints: list[Endpoint]
    output_tokens_max: Count
    default_output_tokens: Count
    typical_output_tokens: Count
    image_tokens_max: Count | None
    document_tokens_max: Count | None
    created: Count
    item_version: Count


class ChannelCosts(TypedDict):
    """What the provider charges us, by public model name."""

    currency: Currency
    per_1m_tokens: dict[str, TokenPrices]


class PaidProbe(TypedDict):
    """Leave to probe for money, up to a daily cap."""

    model: str
    daily_cap: Amount


class Upstream(TypedDict):
    """What a channel and a pool have in common. `models` maps public names to the upstream's."""

    id: str
    kind: ChannelKind
    label: str
    protocol: str
    base_url: str
    models: dict[str, str]
    output_limit_field: str
    enabled: bool
    costs: ChannelCosts | None
    paid_probe: PaidProbe | None
    item_version: Count


class Channel(Upstream):
    """A channel. `credential` is the name of a secret; no answer holds the secret."""

    object: Literal["channel"]
    credential: str


class Window(TypedDict):
    """What a member may do within any `length_s` seconds."""

    length_s: Count
    tokens_max: Count | None
    requests_max: Count | None


class Member(TypedDict):
    """One subscription account of a pool. `credential` is the name of a secret."""

    id: str
    credential: str
    slots: Count
    enabled: bool
    windows: list[Window]


class Pool(Upstream):
    """A pool of subscription accounts."""

    object: Literal["pool"]
    members: list[Member]


class WindowUse(TypedDict):
    """How much of a window is used."""

    measure: Measure
    length_s: Count
    used: Count
    max: Count


class MemberStatus(TypedDict):
    """How a member stands now."""

    id: str
    enabled: bool
    slots: Count
    slots_used: Count
    cooling_until: Moment | None
    windows: list[WindowUse]


class PoolWithStatus(Pool):
    """A pool, and how each member stands now."""

    status: list[MemberStatus]


class Route(TypedDict):
    """Which channels serve a model, primary first."""

    object: Literal["route"]
    model: str
    channels: list[str]
    item_version: Count


class PriceVersion(Price):
    """A price version, and from when on it counts."""

    object: Literal["price"]
    model: str
    starts_at: Moment
    withdrawn: bool
    item_version: Count


class ListedPrice(PriceVersion):
    """A price version in a list: `standing` says whether it counts now."""

    id: str
    standing: Literal["past", "in_force", "scheduled", "withdrawn"]


class NewPrice(PriceVersion):
    """A new price version. `effect` says in words whose settlement it changes."""

    effect: str


class PreviewedRequest(TypedDict):
    """A request, charged and as it would be charged."""

    receipt_id: str
    at: Moment
    charged: Amount
    price_version: str
    would_charge: Amount
    difference: Amount


class Preview(TypedDict):
    """What recent requests would have cost, and the sums."""

    object: Literal["price_preview"]
    model: str
    wallet: WalletKind
    price: Price
    effect: str
    currency: Currency
    requests: Count
    charged: Amount
    would_charge: Amount
    difference: Amount
    data: list[PreviewedRequest]


class Gone(TypedDict):
    """A model that the provider offers no more."""

    model: str
    upstream_name: str


class Discovery(TypedDict):
    """What a channel offers against what is sold. `offered` is null when it gave no list; then nothing is called gone."""

    object: Literal["discovery"]
    channel: str
    wallet: WalletKind
    outcome: str
    offered: list[str] | None
    offered_not_mapped: list[str] | None
    sold: list[str]
    missing_price: list[str]
    not_on_the_route: list[str]
    gone_upstream: list[Gone]
