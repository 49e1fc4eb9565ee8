"""Each fault raises what botocore raises, and leaves behind what it says."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from tests.support.dynamodb_faults import Crash, Fault, FaultyDynamoDB
from tests.support.engines import Engine

_KEY = {"account_id": {"S": "a"}, "kind": {"S": "official"}}


def _add_one(client: Any, table: str) -> Any:
    return client.update_item(
        TableName=table,
        Key=_KEY,
        UpdateExpression="ADD x :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


@pytest.mark.parametrize(
    ("fault", "raised", "written"),
    [
        (Fault.THROTTLE, "ProvisionedThroughputExceededException", 0),
        (Fault.CONFLICT, "TransactionConflictException", 0),
        (Fault.NO_CONNECTION, EndpointConnectionError, 0),
        (Fault.CONNECT_TIMEOUT, ConnectTimeoutError, 0),
        (Fault.CRASH_BEFORE, Crash, 0),
        (Fault.REPLY_LOST, ReadTimeoutError, 1),
        (Fault.CRASH_AFTER, Crash, 1),
        (Fault.TWICE, None, 2),
        (None, None, 1),
    ],
)
def test_a_fault_raises_and_leaves_what_it_says(
    moto: Engine, fault: Fault | None, raised: str | type[BaseException] | None, written: int
) -> None:
    plain, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    client = FaultyDynamoDB(plain, [fault])
    kind = getattr(client.exceptions, raised) if isinstance(raised, str) else raised
    if kind is None:
        _add_one(client, table)
    else:
        with pytest.raises(kind):
            _add_one(client, table)
    item = plain.get_item(TableName=table, Key=_KEY).get("Item", {"x": {"N": "0"}})
    assert int(item["x"]["N"]) == written
    assert client.left == 0
    assert [(seen.operation, seen.fault) for seen in client.seen] == [("update_item", fault)]


def test_a_conflicting_transaction_names_the_contended_item(moto: Engine) -> None:
    client = FaultyDynamoDB(moto.client(), [Fault.CONFLICT])
    put = {"Put": {"TableName": moto.table_names["FORGE_WALLETS_TABLE"], "Item": _KEY}}
    other = {
        "Put": {
            "TableName": moto.table_names["FORGE_WALLETS_TABLE"],
            "Item": {**_KEY, "kind": {"S": "routed"}},
        }
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[put, other])
    response: Any = caught.value.response
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["None", "TransactionConflict"]


def test_a_fault_can_wait_for_its_operation(moto: Engine) -> None:
    table = moto.table_names["FORGE_WALLETS_TABLE"]
    client = FaultyDynamoDB(moto.client())
    client.then(Fault.THROTTLE, on="get_item")
    _add_one(client, table)
    assert client.left == 1
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.get_item(TableName=table, Key=_KEY)
    assert client.get_item(TableName=table, Key=_KEY)["Item"]["x"] == {"N": "1"}


def test_a_refusal_behind_a_lost_reply_is_lost_too(moto: Engine) -> None:
    client = FaultyDynamoDB(moto.client(), [Fault.REPLY_LOST])
    with pytest.raises(ReadTimeoutError):
        client.put_item(
            TableName=moto.table_names["FORGE_WALLETS_TABLE"],
            Item=_KEY,
            ConditionExpression="attribute_exists(account_id)",
        )


def test_a_misspelt_operation_is_an_error(moto: Engine) -> None:
    with pytest.raises(AttributeError):
        FaultyDynamoDB(moto.client()).get_itme(TableName="t")
