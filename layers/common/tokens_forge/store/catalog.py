"""The two catalogs in DynamoDB: one table for official things, another for routed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.catalog import Catalog, Model, Route
from tokens_forge.channels import Channel
from tokens_forge.endpoints import Endpoint
from tokens_forge.pricing import Price
from tokens_forge.store.channel_codec import channel_fields, channel_of
from tokens_forge.store.codec import Item, number, price_attribute, price_of, text
from tokens_forge.store.dynamodb_faults import faults
from tokens_forge.wallets import WalletKind


class DynamoCatalogReader:
    """Implements `catalog.CatalogReader`."""

    def __init__(self, client: Any, tables: Mapping[WalletKind, str]) -> None:
        self._client = client
        self._tables = tables

    def read_catalog(self, kind: WalletKind) -> Catalog:
        """The whole catalog of one wallet."""
        prices: dict[str, list[Price]] = {}
        for item in self._section(kind, "price"):
            prices.setdefault(item["model_id"]["S"], []).append(price_of(item["price"]))
        models = [_model_of(item) for item in self._section(kind, "model")]
        channels = [channel_of(item) for item in self._section(kind, "channel")]
        routes = [_route_of(item) for item in self._section(kind, "route")]
        return Catalog(
            kind=kind,
            models={model.model_id: model for model in models},
            prices={model_id: tuple(versions) for model_id, versions in prices.items()},
            channels={channel.channel_id: channel for channel in channels},
            routes={route.model_id: route for route in routes},
        )

    def _section(self, kind: WalletKind, section: str) -> list[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables[kind],
            KeyConditionExpression="#section = :section",
            ExpressionAttributeNames={"#section": "section"},
            ExpressionAttributeValues={":section": text(section)},
        )
        with faults():
            return [item for page in pages for item in page["Items"]]


class DynamoCatalogWriter:
    """Writes catalog items. Only administration and set-up use it: the proxy's role may not."""

    def __init__(self, client: Any, tables: Mapping[WalletKind, str]) -> None:
        self._client = client
        self._tables = tables

    def put_model(self, kind: WalletKind, model: Model) -> None:
        """Write a model."""
        item = {
            "owned_by": text(model.owned_by),
            "created_at_s": number(model.created_at_s),
            "output_tokens_max": number(model.output_tokens_max),
            "default_output_tokens": number(model.default_output_tokens),
            "typical_output_tokens": number(model.typical_output_tokens),
            "enabled": {"BOOL": model.enabled},
            "endpoints": {"L": [text(endpoint) for endpoint in model.endpoints]},
        }
        if model.image_tokens_max is not None:
            item["image_tokens_max"] = number(model.image_tokens_max)
        if model.document_tokens_max is not None:
            item["document_tokens_max"] = number(model.document_tokens_max)
        self._put(kind, "model", model.model_id, item)

    def put_price(self, kind: WalletKind, model_id: str, price: Price) -> None:
        """Write a price version of a model."""
        item = {"model_id": text(model_id), "price": price_attribute(price)}
        self._put(kind, "price", f"{model_id}#{price.version}", item)

    def put_channel(self, channel: Channel) -> None:
        """Write a channel into the catalog of its class: it cannot get into the other one."""
        self._put(channel.kind.wallet, "channel", channel.channel_id, channel_fields(channel))

    def put_route(self, kind: WalletKind, route: Route) -> None:
        """Write the route of a model."""
        item = {"channel_ids": {"L": [text(channel_id) for channel_id in route.channel_ids]}}
        self._put(kind, "route", route.model_id, item)

    def _put(self, kind: WalletKind, section: str, item_id: str, item: Item) -> None:
        self._client.put_item(
            TableName=self._tables[kind], Item={"section": text(section), "item_id": text(item_id), **item}
        )


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
