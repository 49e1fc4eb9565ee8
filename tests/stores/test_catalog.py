"""The two catalogs as they are stored: what was put comes back, in the catalog of its own wallet only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.support.engines import Engine
from tests.unit.builders import CHANNEL, MODEL, PRICE
from tokens_forge.catalog import Catalog, Route
from tokens_forge.channels import ChannelKind, Costs, PaidProbe, PoolMember, QuotaWindow
from tokens_forge.pricing import PriceTier, UnitPrices
from tokens_forge.store.catalog import DynamoCatalogReader, DynamoCatalogWriter
from tokens_forge.wallets import WalletKind

OFFICIAL, ROUTED = WalletKind.OFFICIAL, WalletKind.ROUTED


class Catalogs:
    """Both ends of the two tables."""

    def __init__(self, engine: Engine) -> None:
        names: Mapping[WalletKind, str] = {
            OFFICIAL: engine.table_names["FORGE_OFFICIAL_CATALOG_TABLE"],
            ROUTED: engine.table_names["FORGE_ROUTED_CATALOG_TABLE"],
        }
        self.write = DynamoCatalogWriter(engine.client(), names)
        self.read = DynamoCatalogReader(engine.client(), names).read_catalog


@pytest.fixture
def catalogs(moto: Engine) -> Catalogs:
    return Catalogs(moto)


def empty(kind: WalletKind) -> Catalog:
    return Catalog(kind, models={}, prices={}, channels={}, routes={})


def test_a_new_catalog_is_empty(catalogs: Catalogs) -> None:
    assert [catalogs.read(kind) for kind in WalletKind] == [empty(kind) for kind in WalletKind]


@pytest.mark.parametrize("kind", WalletKind)
def test_models_come_back_as_they_were_on_their_own_wallet(catalogs: Catalogs, kind: WalletKind) -> None:
    seeing = replace(
        MODEL,
        model_id="seeing",
        owned_by="b",
        typical_output_tokens=7,
        image_tokens_max=1105,
        document_tokens_max=9000,
        enabled=False,
    )
    for model in (MODEL, seeing):
        catalogs.write.put_model(kind, model)
    assert catalogs.read(kind).models == {"small": MODEL, "seeing": seeing}
    other = OFFICIAL if kind is ROUTED else ROUTED
    assert catalogs.read(other) == empty(other)


def test_a_model_has_all_its_price_versions(catalogs: Catalogs) -> None:
    later = replace(
        PRICE,
        version="p2",
        currency="CNY",
        multiplier_ppm=1_800_000,
        basis="official",
        effective_at_ms=5,
        tiers=(PriceTier(200_000, UnitPrices(1, 2, 3, 4)),),
    )
    for price in (PRICE, later):
        catalogs.write.put_price(ROUTED, "small", price)
    catalogs.write.put_price(ROUTED, "large", PRICE)
    assert catalogs.read(ROUTED).prices == {"small": (PRICE, later), "large": (PRICE,)}
    assert catalogs.read(OFFICIAL) == empty(OFFICIAL)


@pytest.mark.parametrize("kind", ChannelKind)
def test_a_channel_gets_into_the_catalog_of_its_class_only(catalogs: Catalogs, kind: ChannelKind) -> None:
    windows = (QuotaWindow(3600, 1000, None), QuotaWindow(7200, None, 9), QuotaWindow(60, 5, 6))
    members = (PoolMember("one", "secret-one", 2, windows), PoolMember("two", "secret-two", 1, enabled=False))
    channel = replace(
        CHANNEL,
        kind=kind,
        models={"small": "s-1", "large": "l/2"},
        output_limit_field="x",
        enabled=False,
        costs=Costs("EUR", {"small": PRICE.unit_prices}),
        members=members if kind is ChannelKind.POOL else (),
        paid_probe=PaidProbe("small", 7),
    )
    catalogs.write.put_channel(channel)
    wallet = OFFICIAL if kind is ChannelKind.OFFICIAL else ROUTED
    assert catalogs.read(wallet).channels == {"first": channel}
    other = OFFICIAL if wallet is ROUTED else ROUTED
    assert catalogs.read(other) == empty(other)


def test_a_channel_of_which_nothing_more_is_known_comes_back_so(catalogs: Catalogs) -> None:
    bare = replace(CHANNEL, costs=None, paid_probe=None)
    catalogs.write.put_channel(bare)
    assert catalogs.read(bare.kind.wallet).channels == {"first": bare}


@pytest.mark.parametrize("kind", WalletKind)
def test_a_route_keeps_its_order(catalogs: Catalogs, kind: WalletKind) -> None:
    route = Route("small", ("z-first", "a-backup", "m-backup"))
    catalogs.write.put_route(kind, route)
    assert catalogs.read(kind).routes == {"small": route}


def test_what_is_put_again_replaces_what_was_there(catalogs: Catalogs) -> None:
    catalogs.write.put_model(OFFICIAL, replace(MODEL, image_tokens_max=5))
    catalogs.write.put_model(OFFICIAL, MODEL)
    assert catalogs.read(OFFICIAL).models == {"small": MODEL}
