"""moto behind a lock: DynamoDB in this process, correct under threads.

moto 5.2 alone loses updates when threads share a table and ignores ClientRequestToken. Every DynamoDB call of this
process, whoever made the client, therefore passes one lock; transactions are answered once per token; and a
transaction saves only the items it touches (moto copies whole tables, which makes a test with a long journal slow).
"""

from __future__ import annotations

import copy
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from boto3.session import Session
from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from tests.support.engines import Engine, new_tables
from tests.support.moto_speed import quick_moto
from tests.support.template import REGION

_TRANSACTION = "DynamoDB_20120810.TransactWriteItems"
Answer = tuple[int, dict[str, str], Any]


@contextmanager
def moto_engine() -> Iterator[Engine]:
    """The template's tables in a moto of their own. One at a time: moto's state is global."""
    with mock_aws(), _serialised(), quick_moto():
        yield Engine("moto", None, new_tables(_create), _session())


def _create(TableName: str, KeySchema: Any, AttributeDefinitions: Any, BillingMode: str, **others: Any) -> None:
    """What moto does for CreateTable, without the request: thousands of tests begin with it."""
    assert others.keys() <= {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"}, "moto is to be told of this, too"
    dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].create_table(
        name=TableName,
        schema=KeySchema,
        attr=AttributeDefinitions,
        billing_mode=BillingMode,
        global_indexes=others.get("GlobalSecondaryIndexes"),
        indexes=others.get("LocalSecondaryIndexes"),
        throughput=None,
        streams=None,
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )


@cache
def _session() -> Session:
    # Made once: reading botocore's models takes 0.3 s. After `import moto`, whose handlers every later session has.
    return Session()


@contextmanager
def _serialised() -> Iterator[None]:
    """The one place of moto's that every botocore call passes; set on its instance and taken off again."""
    gate = _Gate()
    ordinary_copy = Table.__dict__.get("__deepcopy__")
    botocore_stubber.process_request = gate.process  # type: ignore[method-assign]
    Table.__deepcopy__ = lambda table, memo: gate.copy_table(table, memo)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del botocore_stubber.process_request
        del Table.__deepcopy__  # type: ignore[attr-defined]
        assert ordinary_copy is None, "this moto copies its tables itself: the gate must be adapted"


class _Gate:
    """One DynamoDB call at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process = type(botocore_stubber).process_request
        self._done: dict[str, tuple[Any, Answer]] = {}
        self._touched: list[dict[str, Any]] | None = None

    def process(self, request: AWSPreparedRequest) -> Any:
        # botocore signs with either kind of header value.
        header: Any = request.headers.get("X-Amz-Target", "")
        target: str = header.decode() if isinstance(header, bytes) else header
        if not target.startswith("DynamoDB_"):
            return self._process(botocore_stubber, request)
        with self._lock:
            if target != _TRANSACTION:
                return self._process(botocore_stubber, request)
            return self._transaction(request)

    def _transaction(self, request: AWSPreparedRequest) -> Any:
        body: Any = request.body
        wanted = json.loads(body)
        token = wanted.pop("ClientRequestToken", None)
        if token in self._done:
            before, answer = self._done[token]
            return answer if before == wanted else _MISMATCH
        self._touched = [next(iter(item.values())) for item in wanted["TransactItems"]]
        try:
            fresh: Any = self._process(botocore_stubber, request)
        finally:
            self._touched = None
        # DynamoDB forgets a token after ten minutes; no test lasts that long. A failed transaction may be tried again.
        if token is not None and fresh is not None and fresh[0] == 200:
            self._done[token] = (wanted, fresh)
        return fresh

    def copy_table(self, table: Any, memo: dict[int, Any]) -> Any:
        """Stands for `copy.deepcopy(table)`, which moto calls before a transaction to be able to take it back."""
        saved: Any = Table.__new__(Table)
        if self._touched is None or table.stream_shard is not None:
            saved.__dict__.update(copy.deepcopy(table.__dict__, memo))
            return saved
        saved.__dict__.update(table.__dict__)
        # An update changes an Item in place, so the touched ones are copied; all others are only pointed at.
        saved.items = defaultdict(dict)
        for partition, rows in table.items.items():
            saved.items[partition] = dict(rows) if table.range_key_attr else rows
        for operation in self._touched:
            if operation["TableName"] == table.name:
                _copy_item(saved, operation.get("Item") or operation["Key"])
        return saved


def _copy_item(table: Any, attributes: dict[str, Any]) -> None:
    partition = DynamoType(attributes[table.hash_key_attr])
    if partition not in table.items:
        return
    if table.range_key_attr is None:
        table.items[partition] = copy.deepcopy(table.items[partition])
        return
    row = DynamoType(attributes[table.range_key_attr])
    if row in table.items[partition]:
        table.items[partition][row] = copy.deepcopy(table.items[partition][row])


_MISMATCH: Answer = (
    400,
    {"content-type": "application/x-amz-json-1.0"},
    json.dumps(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
            "Message": "The request uses the same client token as a previous, but non-identical request.",
        }
    ),
)
