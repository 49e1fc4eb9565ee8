"""What the APIs show of prices, wallets and keys: decimal strings, the same words everywhere."""

from __future__ import annotations

from typing import Any

from tokens_forge.ids import iso_of
from tokens_forge.keys import Key
from tokens_forge.money import decimal
from tokens_forge.pricing import BUCKETS, Price
from tokens_forge.wallets import Wallet, WalletKind

_PAYS_FOR = {
    WalletKind.OFFICIAL: "official models, at official prices, through official channels only",
    WalletKind.ROUTED: "lower-cost models through ordinary channels, primary and backup behind one model name",
}


def wallet_view(wallet: Wallet) -> dict[str, Any]:
    """A wallet with its label. All amounts are decimal strings in `currency`."""
    return {
        "object": "wallet",
        "wallet": wallet.kind.value,
        "label": wallet.kind.label,
        "currency": wallet.currency,
        "available": decimal(wallet.available_nano),
        "held": decimal(wallet.held_nano),
        "balance": decimal(wallet.balance_nano),
        "status": wallet.status.value,
        "open_holds": len(wallet.holds),
        "pays_for": _PAYS_FOR[wallet.kind],
    }


def price_view(price: Price) -> dict[str, Any]:
    """A price version: per 1M tokens, and the multiplier when the basis is the official price."""
    prices = price.unit_prices
    view: dict[str, Any] = {
        "version": price.version,
        "currency": price.currency,
        "basis": price.basis,
        "per_1m_tokens": {bucket: decimal(getattr(prices, bucket)) for bucket in BUCKETS},
        "multiplier": decimal(price.multiplier_ppm * 1000),
    }
    if price.tiers:
        view["tiers"] = [
            {
                "input_tokens_above": tier.input_tokens_above,
                "per_1m_tokens": {bucket: decimal(getattr(tier.unit_prices, bucket)) for bucket in BUCKETS},
            }
            for tier in price.tiers
        ]
    return view


def key_view(key: Key, wallet: Wallet | None) -> dict[str, Any]:
    """A key: its one wallet, its limits, what is left of them. Never its secret. `wallet` is needed for a spend limit only."""
    kind = key.kind.wallet
    view: dict[str, Any] = {
        "object": "key",
        "id": key.key_id,
        "name": key.name,
        "kind": key.kind.value,
        "account_id": key.account_id,
        "wallet": kind.value if kind else None,
        "wallet_label": kind.label if kind else None,
        "status": key.status.value,
        "allowed_models": sorted(key.allowed_models) if key.allowed_models is not None else None,
        "created_at": iso_of(key.created_at_ms),
        "expires_at": iso_of(key.expires_at_ms) if key.expires_at_ms is not None else None,
        "previous_secret_until": iso_of(key.previous_until_ms) if key.previous_secret_sha256 is not None else None,
        "requests_per_minute": key.limits.requests_per_minute,
        "tokens_per_minute": key.limits.tokens_per_minute,
        "concurrent_requests": key.limits.concurrent_requests,
        "spend_limit": None,
    }
    if key.spend_limit_nano is not None:
        view["spend_limit"] = {
            "currency": wallet.currency if wallet else None,
            "limit": decimal(key.spend_limit_nano),
            "left": decimal(wallet.key_spend_left_nano.get(key.key_id, 0) if wallet else 0),
        }
    return view
