"""Small valid things for unit tests to change one detail of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokens_forge.catalog import Catalog, Model, Route
from tokens_forge.channels import Channel, ChannelKind
from tokens_forge.keys import Key, KeyKind, mint
from tokens_forge.pricing import Price, UnitPrices
from tokens_forge.wallets import WalletKind

NOW_MS = 1_790_000_000_000
MODEL = Model("small", "acme", 1_700_000_000, output_tokens_max=8_000, default_output_tokens=1_000)
PRICE = Price("p1", "USD", UnitPrices(150_000_000, 75_000_000, 150_000_000, 600_000_000))
CHANNEL = Channel(
    "first",
    ChannelKind.OFFICIAL,
    "First",
    "openai",
    "https://upstream.invalid/v1",
    "secret-name",
    {"small": "small-x"},
)


def catalog(**changes: Any) -> Catalog:
    """One official model with a price, a channel and a route."""
    whole = Catalog(
        WalletKind.OFFICIAL,
        models={"small": MODEL},
        prices={"small": (PRICE,)},
        channels={"first": CHANNEL},
        routes={"small": Route("small", ("first",))},
    )
    return replace(whole, **changes)


def key(**changes: Any) -> Key:
    """An official key that may call everything."""
    made = mint("acc_0123456789ab", KeyKind.OFFICIAL, "test", now_ms=NOW_MS).key
    return replace(made, **changes)
