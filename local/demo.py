"""The demo data: what the sandbox sells on each wallet, and an account with both wallets funded.

Prices are round figures for trying things out, not any provider's price list.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.catalog import Model, Route
from tokens_forge.channels import Channel, ChannelKind, PoolMember, QuotaWindow
from tokens_forge.endpoints import ANTHROPIC, OPENAI, Endpoint
from tokens_forge.money import Money
from tokens_forge.pricing import Price, UnitPrices
from tokens_forge.wallets import WalletKind

CREATED_AT_S = 1_764_000_000
SANDBOX_CREDENTIAL = "sandbox-upstream"  # names of secrets, not secrets
PROVIDER_CREDENTIAL = "openai"
POOL_ID = "routed-pool"
POOL_MODEL = "gpt-4o"
POOL_MEMBERS = ("account-a", "account-b", "account-c")
DEMO_FUNDS = {WalletKind.OFFICIAL: "25.00", WalletKind.ROUTED: "100.00"}


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a demo channel sends its calls; `credential` is the name of a secret."""

    base_url: str
    credential: str
    label: str


def _nano(amount: str) -> int:
    return Money.parse(amount, "USD").nano


def unit_prices(input_price: str, cached_price: str, output_price: str, write_price: str | None = None) -> UnitPrices:
    """Prices per 1M tokens as decimal strings. Writing to a cache costs as much as input, unless it has a price."""
    return UnitPrices(_nano(input_price), _nano(cached_price), _nano(write_price or input_price), _nano(output_price))


OFFICIAL_PRICES = {
    "gpt-4o-mini": unit_prices("0.15", "0.075", "0.60"),
    "gpt-4o": unit_prices("2.50", "1.25", "10.00"),
    "gpt-3.5-turbo-instruct": unit_prices("1.50", "1.50", "2.00"),
    "text-embedding-3-small": unit_prices("0.02", "0.02", "0"),
    "claude-haiku-4-5": unit_prices("1.00", "0.10", "5.00", "1.25"),
}
_CHAT = (Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES)
_CLAUDE = "claude-haiku-4-5"
# The routed price is the official one times a multiplier that also carries the exchange rate: 1.80 CNY for an official dollar.
ROUTED_MULTIPLIER_PPM = 1_800_000


def models() -> list[Model]:
    """The models that both wallets sell in the demo, under the same names."""
    return [
        Model("gpt-4o-mini", "openai", CREATED_AT_S, 16_384, 1_024, image_tokens_max=40_000, endpoints=_CHAT),
        Model("gpt-4o", "openai", CREATED_AT_S, 16_384, 1_024, image_tokens_max=2_000, endpoints=_CHAT),
        Model("gpt-3.5-turbo-instruct", "openai", CREATED_AT_S, 4_096, 1_024, endpoints=(Endpoint.COMPLETIONS,)),
        Model("text-embedding-3-small", "openai", CREATED_AT_S, 1, 1, endpoints=(Endpoint.EMBEDDINGS,)),
        Model(
            _CLAUDE,
            "anthropic",
            CREATED_AT_S,
            64_000,
            1_024,
            image_tokens_max=5_000,
            endpoints=(Endpoint.MESSAGES, Endpoint.CHAT),
        ),
    ]


def channels(official: Upstream, ordinary: Upstream, backup: Upstream) -> list[Channel]:
    """One official channel, an ordinary primary with an ordinary backup, and for each wallet one that speaks Anthropic's protocol.

    Only the first may be the real provider: the others are always sandboxes.
    """
    names = {model.model_id: model.model_id for model in models() if model.model_id != _CLAUDE}
    claude = {_CLAUDE: _CLAUDE}
    return [
        Channel(
            "openai-official",
            ChannelKind.OFFICIAL,
            official.label,
            OPENAI,
            official.base_url,
            official.credential,
            names,
        ),
        Channel(
            "routed-primary",
            ChannelKind.STANDARD,
            ordinary.label,
            OPENAI,
            ordinary.base_url,
            ordinary.credential,
            names,
        ),
        Channel(
            "routed-backup",
            ChannelKind.COMPATIBLE,
            backup.label,
            OPENAI,
            backup.base_url,
            backup.credential,
            names,
        ),
        *(
            Channel(name, kind, backup.label, ANTHROPIC, backup.base_url, backup.credential, claude)
            for name, kind in (("claude-official", ChannelKind.OFFICIAL), ("claude-routed", ChannelKind.STANDARD))
        ),
    ]


def pool(base_url: str, credential_prefix: str) -> Channel:
    """Three subscription accounts behind one channel: two calls at once on each, within five hours and within a week."""
    windows = (QuotaWindow(5 * 3600, tokens_max=2_000_000, requests_max=500), QuotaWindow(7 * 24 * 3600, 20_000_000))
    members = tuple(
        PoolMember(member_id, credential_prefix + pool_credential(member_id), 2, windows) for member_id in POOL_MEMBERS
    )
    label = "sandbox accounts (no real provider)"
    models = {POOL_MODEL: POOL_MODEL}
    return Channel(POOL_ID, ChannelKind.POOL, label, "openai", base_url, "", models, members=members)


def pool_credential(member_id: str) -> str:
    """The name of a member's secret."""
    return f"sandbox-{member_id}"


def prices(kind: WalletKind, routed_currency: str) -> dict[str, Price]:
    """The price version of each model on one wallet."""
    if kind is WalletKind.OFFICIAL:
        return {model: Price("demo-1", "USD", unit) for model, unit in OFFICIAL_PRICES.items()}
    return {
        model: Price("demo-1", routed_currency, unit, ROUTED_MULTIPLIER_PPM, "official")
        for model, unit in OFFICIAL_PRICES.items()
    }


def routes(kind: WalletKind) -> list[Route]:
    """The route of each model on one wallet, primary first. One routed model has the pool as its last backup."""
    is_official = kind is WalletKind.OFFICIAL
    usual = ("openai-official",) if is_official else ("routed-primary", "routed-backup")
    claude = ("claude-official",) if is_official else ("claude-routed",)
    last = {} if is_official else {POOL_MODEL: (POOL_ID,)}
    return [
        Route(model.model_id, (claude if model.model_id == _CLAUDE else usual) + last.get(model.model_id, ()))
        for model in models()
    ]
