"""What every engine must do alike, so that a test means the same on each; and what is known to differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.engines import Engine
from tokens_forge.store.dynamodb_faults import passing_over

_THREADS = 16
_KEY = {"account_id": {"S": "a"}, "kind": {"S": "official"}}


def _put(client: Any, table: str, available: int) -> None:
    client.put_item(TableName=table, Item={**_KEY, "available": {"N": str(available)}, "held": {"N": "0"}})


def _available(client: Any, table: str) -> int:
    return int(client.get_item(TableName=table, Key=_KEY, ConsistentRead=True)["Item"]["available"]["N"])


def _debit(client: Any, table: str, amount: int, **more: Any) -> bool:
    answer = None
    with passing_over("ConditionalCheckFailedException"):
        answer = client.update_item(
            TableName=table,
            Key=_KEY,
            UpdateExpression="SET available = available - :n, held = held + :n",
            ConditionExpression="available >= :n",
            ExpressionAttributeValues={":n": {"N": str(amount)}},
            **more,
        )
    return answer is not None


def _transfer(engine: Engine, entry_id: str, amount: int = 1) -> list[dict[str, Any]]:
    entry = {"book": {"S": "a#official#day"}, "entry_id": {"S": entry_id}}
    return [
        {
            "Put": {
                "TableName": engine.table_names["FORGE_JOURNAL_TABLE"],
                "Item": entry,
                "ConditionExpression": "attribute_not_exists(entry_id)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        {
            "Update": {
                "TableName": engine.table_names["FORGE_WALLETS_TABLE"],
                "Key": _KEY,
                "UpdateExpression": "SET available = available - :n",
                "ConditionExpression": "available >= :n",
                "ExpressionAttributeValues": {":n": {"N": str(amount)}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]


def _until_done(client: Any, items: list[dict[str, Any]]) -> bool:
    """Retry conflicts, as settlement does; False when a condition failed."""
    while True:
        try:
            client.transact_write_items(TransactItems=items)
        except ClientError as error:
            response: Any = error.response
            if response["Error"]["Code"] != "TransactionCanceledException":
                raise
            codes = {reason["Code"] for reason in response["CancellationReasons"]}
            if "TransactionConflict" not in codes:
                return False
        else:
            return True


def _in_threads(work: Callable[[int], bool], count: int) -> int:
    """How often it said True, with 16 threads at it that take turns as often as Python lets them."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            return sum(pool.map(work, range(count)))
    finally:
        sys.setswitchinterval(interval_s)


def test_sixteen_threads_never_overdraw_one_item(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 200)
    assert _in_threads(lambda _: _debit(client, table, 1), 320) == 200
    assert _available(client, table) == 0


def test_sixteen_threads_of_transactions_leave_exact_totals(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 150)
    # Each entry id is tried twice: the second attempt must find the first one's entry.
    done = _in_threads(lambda number: _until_done(client, _transfer(every_engine, f"e{number % 100}")), 200)
    assert done == 100
    assert _available(client, table) == 50
    journal = every_engine.table_names["FORGE_JOURNAL_TABLE"]
    assert client.scan(TableName=journal, ConsistentRead=True)["Count"] == 100


def test_a_cancelled_transaction_writes_nothing_and_says_why(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 5)
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=_transfer(every_engine, "e1", amount=6))
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in response["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
    ]
    assert response["CancellationReasons"][1]["Item"]["available"] == {"N": "5"}
    assert _available(client, table) == 5
    assert client.scan(TableName=every_engine.table_names["FORGE_JOURNAL_TABLE"])["Count"] == 0


def test_a_token_is_carried_out_once(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 5)
    blind = _transfer(every_engine, "e1")
    del blind[0]["Put"]["ConditionExpression"]
    for _ in range(3):
        client.transact_write_items(TransactItems=blind, ClientRequestToken="one")
    assert _available(client, table) == 4
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.transact_write_items(TransactItems=_transfer(every_engine, "e2"), ClientRequestToken="one")


def test_a_failed_condition_returns_the_old_item(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 5)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        _refused_update(client, table)
    response: Any = caught.value.response
    if every_engine.name == "dynamodb_local":
        assert "Item" not in response, "the engine of 2020 is older than this parameter of 2023"
    else:
        assert response["Item"]["available"] == {"N": "5"}


def _refused_update(client: Any, table: str) -> None:
    client.update_item(
        TableName=table,
        Key=_KEY,
        UpdateExpression="SET available = :n",
        ConditionExpression="available > :n",
        ExpressionAttributeValues={":n": {"N": "9"}},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def test_a_query_reads_newest_first_page_by_page(every_engine: Engine) -> None:
    client, journal = every_engine.client(), every_engine.table_names["FORGE_JOURNAL_TABLE"]
    for number in range(5):
        client.put_item(TableName=journal, Item={"book": {"S": "b"}, "entry_id": {"S": f"e{number}"}})
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = client.query(
            TableName=journal,
            KeyConditionExpression="book = :b",
            ExpressionAttributeValues={":b": {"S": "b"}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=2,
            **more,
        )
        found += [item["entry_id"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert found == ["e4", "e3", "e2", "e1", "e0"]


def test_tables_start_empty(every_engine: Engine) -> None:
    client = every_engine.client()
    assert all(client.scan(TableName=name)["Count"] == 0 for name in every_engine.table_names.values())


def test_a_value_of_every_kind_comes_back_as_it_was_put(every_engine: Engine) -> None:
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    inside = {"L": [{"N": "-1.5"}, {"BOOL": False}, {"NULL": True}, {"B": b"\x00\xff"}, {"M": {}}, {"L": []}]}
    item = {
        **_KEY,
        "m": {"M": {"x": inside, "S": {"S": "s"}}},
        "ss": {"SS": ["a"]},
        "ns": {"NS": ["7"]},
        "bs": {"BS": [b"x"]},
    }
    client.put_item(TableName=table, Item=item)
    assert client.get_item(TableName=table, Key=_KEY)["Item"] == item
    assert client.scan(TableName=table)["Items"] == [item]
    changed = {"TableName": table, "Key": _KEY, "UpdateExpression": "REMOVE ss", "ReturnValues": "ALL_OLD"}
    assert client.update_item(**changed)["Attributes"] == item


def test_an_empty_string_is_kept_except_by_the_oldest_engine(every_engine: Engine) -> None:
    """DynamoDB has kept them since May 2020; this DynamoDB Local is of January 2020."""
    client, table = every_engine.client(), every_engine.table_names["FORGE_WALLETS_TABLE"]
    item = {**_KEY, "m": {"M": {"s": {"S": ""}}}}
    if every_engine.name == "dynamodb_local":
        with pytest.raises(ClientError, match="may not contain an empty string"):
            client.put_item(TableName=table, Item=item)
    else:
        client.put_item(TableName=table, Item=item)
        assert client.get_item(TableName=table, Key=_KEY)["Item"] == item
