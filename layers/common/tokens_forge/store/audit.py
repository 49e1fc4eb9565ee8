"""The audit logs in DynamoDB: one partition for each log and UTC month. Records are put once; nothing here changes one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tokens_forge.admin.audit import AuditRecord, Author, Log, Stage, View
from tokens_forge.store.codec import Item, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of

RECORDS_A_QUERY = 100


class DynamoAuditStore:
    """Implements `admin.audit.AuditStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, record: AuditRecord) -> None:
        """Write a record that is not there yet; a re-sent one changes nothing."""
        try:
            with faults():
                self._client.put_item(**self.put_of(record)["Put"])
        except ConditionFailed:
            pass

    def put_of(self, record: AuditRecord) -> Item:
        """The record as a part of a transaction."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": _item_of(record),
                "ConditionExpression": "attribute_not_exists(record_id)",
            }
        }

    def month_records(self, log: Log, month: str, *, before: str | None) -> Iterator[AuditRecord]:
        """The records of one UTC month, newest first, those before the record id `before` only; read as far as they are taken."""
        condition, values = "#log = :log", {":log": text(f"{log.value}#{month}")}
        if before is not None:
            condition += " AND record_id < :before"
            values[":before"] = text(before)
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=RECORDS_A_QUERY,
        )
        return map(_record_of, found)


def _item_of(record: AuditRecord) -> Item:
    item = {
        "log": text(f"{record.log.value}#{record.month}"),
        "record_id": text(record.record_id),
        "actor": text(record.author.actor),
        "actor_name": text(record.author.name),
        "reason": text(record.author.reason),
        "action": text(record.action),
        "subject": text(record.subject),
        "stage": text(record.stage.value),
    }
    for name, value in (("before", record.before), ("after", record.after)):
        if value is not None:
            item[name] = text(json.dumps(value, ensure_ascii=False))
    if record.begun_by is not None:
        item["begun_by"] = text(record.begun_by)
    return item


def _record_of(item: Item) -> AuditRecord:
    return AuditRecord(
        record_id=item["record_id"]["S"],
        log=Log(item["log"]["S"].partition("#")[0]),
        author=Author(item["actor"]["S"], item["actor_name"]["S"], item["reason"]["S"]),
        action=item["action"]["S"],
        subject=item["subject"]["S"],
        before=_view(item.get("before")),
        after=_view(item.get("after")),
        stage=Stage(item["stage"]["S"]),
        begun_by=item["begun_by"]["S"] if "begun_by" in item else None,
    )


def _view(attribute: Item | None) -> View | None:
    if attribute is None:
        return None
    view: View = json.loads(attribute["S"])
    return view
