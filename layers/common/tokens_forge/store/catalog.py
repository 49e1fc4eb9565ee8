"""The two catalogs in DynamoDB: one table for official things, another for routed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.catalog import Catalog, CatalogThing, Model, PriceVersion, Route
from tokens_forge.channels import Channel
from tokens_forge.endpoints import Endpoint
from tokens_forge.pricing import Price
from tokens_forge.store.channel_codec import channel_fields, channel_of
from tokens_forge.store.codec import Item, number, price_attribute, price_of, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of
from tokens_forge.wallets import WalletKind

SECTIONS = ("price", "model", "channel", "route")
ItemName = tuple[str, str]  # section and item id
Sections = Mapping[str, list[Item]]


class DynamoCatalogReader:
    """Implements `catalog.CatalogReader`."""

    def __init__(self, client: Any, tables: Mapping[WalletKind, str]) -> None:
        self._client = client
        self._tables = tables

    def read_catalog(self, kind: WalletKind) -> Catalog:
        """The whole catalog of one wallet. Eventually consistent."""
        return catalog_of(kind, self.read_sections(kind))

    def read_sections(self, kind: WalletKind, *, consistent: bool = False) -> Sections:
        """The items of each section."""
        return {section: self._section(kind, section, consistent=consistent) for section in SECTIONS}

    def _section(self, kind: WalletKind, section: str, *, consistent: bool) -> list[Item]:
        found = items_of(
            self._client.query,
            TableName=self._tables[kind],
            KeyConditionExpression="#section = :section",
            ExpressionAttributeNames={"#section": "section"},
            ExpressionAttributeValues={":section": text(section)},
            ConsistentRead=consistent,
        )
        return list(found)


class DynamoCatalogWriter:
    """Sets a catalog up. What an admin has changed stays as the admin left it: such items have a version."""

    def __init__(self, client: Any, tables: Mapping[WalletKind, str]) -> None:
        self._client = client
        self._tables = tables

    def put_model(self, kind: WalletKind, model: Model) -> None:
        """Write a model."""
        self._put(kind, model)

    def put_price(self, kind: WalletKind, model_id: str, price: Price) -> None:
        """Write a price version of a model."""
        self._put(kind, PriceVersion(model_id, price))

    def put_channel(self, channel: Channel) -> None:
        """Write a channel into the catalog of its class: it cannot get into the other one."""
        self._put(channel.kind.wallet, channel)

    def put_route(self, kind: WalletKind, route: Route) -> None:
        """Write the route of a model."""
        self._put(kind, route)

    def _put(self, kind: WalletKind, thing: CatalogThing) -> None:
        try:
            with faults():
                self._client.put_item(
                    TableName=self._tables[kind],
                    Item=catalog_item(thing),
                    ConditionExpression="attribute_not_exists(version)",
                )
        except ConditionFailed:
            pass  # an admin's


def catalog_of(kind: WalletKind, sections: Sections) -> Catalog:
    """The catalog that these items are."""
    prices: dict[str, list[Price]] = {}
    for version in map(price_version_of, sections["price"]):
        if not version.withdrawn:
            prices.setdefault(version.model_id, []).append(version.price)
    models = [_model_of(item) for item in sections["model"]]
    channels = [channel_of(item) for item in sections["channel"]]
    routes = [_route_of(item) for item in sections["route"]]
    return Catalog(
        kind=kind,
        models={model.model_id: model for model in models},
        prices={model_id: tuple(versions) for model_id, versions in prices.items()},
        channels={channel.channel_id: channel for channel in channels},
        routes={route.model_id: route for route in routes},
    )


def name_of(thing: CatalogThing) -> ItemName:
    """Section and item id of a thing."""
    if isinstance(thing, Model):
        return "model", thing.model_id
    if isinstance(thing, PriceVersion):
        return "price", f"{thing.model_id}#{thing.price.version}"
    if isinstance(thing, Channel):
        return "channel", thing.channel_id
    return "route", thing.model_id


def catalog_item(thing: CatalogThing) -> Item:
    """The item that stands for a thing."""
    section, item_id = name_of(thing)
    key = {"section": text(section), "item_id": text(item_id)}
    if isinstance(thing, Model):
        return {**key, **_model_fields(thing)}
    if isinstance(thing, PriceVersion):
        withdrawn = {"withdrawn": {"BOOL": True}} if thing.withdrawn else {}
        return {**key, "model_id": text(thing.model_id), "price": price_attribute(thing.price), **withdrawn}
    if isinstance(thing, Channel):
        return {**key, **channel_fields(thing)}
    return {**key, "channel_ids": {"L": [text(channel_id) for channel_id in thing.channel_ids]}}


def price_version_of(item: Item) -> PriceVersion:
    """The price version that an item stands for."""
    return PriceVersion(item["model_id"]["S"], price_of(item["price"]), withdrawn="withdrawn" in item)


def _model_fields(model: Model) -> Item:
    fields = {
        "owned_by": text(model.owned_by),
        "created_at_s": number(model.created_at_s),
        "output_tokens_max": number(model.output_tokens_max),
        "default_output_tokens": number(model.default_output_tokens),
        "typical_output_tokens": number(model.typical_output_tokens),
        "enabled": {"BOOL": model.enabled},
        "endpoints": {"L": [text(endpoint) for endpoint in model.endpoints]},
    }
    if model.image_tokens_max is not None:
        fields["image_tokens_max"] = number(model.image_tokens_max)
    if model.document_tokens_max is not None:
        fields["document_tokens_max"] = number(model.document_tokens_max)
    return fields


def _model_of(item: Item) -> Model:
    named = [endpoint["S"] for endpoint in item["endpoints"]["L"]] if "endpoints" in item else [Endpoint.CHAT]
    return Model(
        model_id=item["item_id"]["S"],
        owned_by=item["owned_by"]["S"],
        created_at_s=int(item["created_at_s"]["N"]),
        output_tokens_max=int(item["output_tokens_max"]["N"]),
        default_output_tokens=int(item["default_output_tokens"]["N"]),
        typical_output_tokens=int(item["typical_output_tokens"]["N"]),
        image_tokens_max=int(item["image_tokens_max"]["N"]) if "image_tokens_max" in item else None,
        enabled=item["enabled"]["BOOL"],
        # A name that only a newer version of this code knows must not break the whole catalog.
        endpoints=tuple(Endpoint(name) for name in named if name in set(Endpoint)),
        document_tokens_max=int(item["document_tokens_max"]["N"]) if "document_tokens_max" in item else None,
    )


def _route_of(item: Item) -> Route:
    return Route(item["item_id"]["S"], tuple(channel["S"] for channel in item["channel_ids"]["L"]))
