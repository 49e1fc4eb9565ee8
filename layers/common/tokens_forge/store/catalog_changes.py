"""Changes of the catalogs in DynamoDB: one transaction of the revision, the thing and its audit record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.admin.audit import AuditRecord
from tokens_forge.admin.catalog_changes import CatalogState, Stored
from tokens_forge.catalog import CatalogThing
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.catalog import DynamoCatalogReader, catalog_item, catalog_of, price_version_of
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import Cancelled, faults
from tokens_forge.wallets import WalletKind

_REVISION = {"section": text("revision"), "item_id": text("catalog")}


class DynamoCatalogChangeStore:
    """Implements `admin.catalog_changes.CatalogChangeStore`."""

    def __init__(self, client: Any, tables: Mapping[WalletKind, str], audit: DynamoAuditStore) -> None:
        self._client = client
        self._tables = tables
        self._reader = DynamoCatalogReader(client, tables)
        self._audit = audit

    def read_state(self, kind: WalletKind) -> CatalogState:
        """A consistent read of everything, the revision first."""
        with faults():
            answer = self._client.get_item(TableName=self._tables[kind], Key=_REVISION, ConsistentRead=True)
        revision = int(answer["Item"]["revision"]["N"]) if "Item" in answer else 0
        sections = self._reader.read_sections(kind, consistent=True)
        catalog = catalog_of(kind, sections)
        versions = {
            (section, item["item_id"]["S"]): int(item["version"]["N"]) if "version" in item else 0
            for section, items in sections.items()
            for item in items
        }

        def stored(section: str, things: Mapping[str, CatalogThing]) -> dict[str, Stored]:
            return {name: Stored(thing, versions[(section, name)]) for name, thing in things.items()}

        prices: dict[str, list[Stored]] = {}
        for item in sections["price"]:
            version = price_version_of(item)
            prices.setdefault(version.model_id, []).append(Stored(version, versions[("price", item["item_id"]["S"])]))
        return CatalogState(
            revision=revision,
            catalog=catalog,
            models=stored("model", catalog.models),
            channels=stored("channel", catalog.channels),
            routes=stored("route", catalog.routes),
            prices={model_id: tuple(found) for model_id, found in prices.items()},
        )

    def write(self, kind: WalletKind, seen: CatalogState, changed: Stored, record: AuditRecord) -> bool:
        """Write one thing and its record, if the catalog still has the revision that was seen; False when it has not.

        The record's id is the request token, so that a re-sent write is the same write.
        """
        table = self._tables[kind]
        is_first = seen.revision == 0
        revision: Item = {
            "TableName": table,
            "Key": _REVISION,
            "UpdateExpression": "SET revision = :next",
            "ConditionExpression": "attribute_not_exists(revision)" if is_first else "revision = :seen",
            "ExpressionAttributeValues": {
                ":next": number(seen.revision + 1),
                **({} if is_first else {":seen": number(seen.revision)}),
            },
        }
        put = {"TableName": table, "Item": {**catalog_item(changed.thing), "version": number(changed.version)}}
        try:
            with faults():
                self._client.transact_write_items(
                    TransactItems=[{"Update": revision}, {"Put": put}, self._audit.put_of(record)],
                    ClientRequestToken=record.record_id,
                )
        except Cancelled:
            return False
        return True
