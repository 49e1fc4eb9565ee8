"""The recorder counts what passed, and only that."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from tests.support.calls import Call, Calls, record
from tests.support.engines import Engine, build_client, shared_session
from tests.support.processes import free_port

_KEY = {"account_id": {"S": "a"}, "kind": {"S": "official"}}


def _put(client: Any, table: str, size: int, **more: Any) -> None:
    client.put_item(TableName=table, Item={**_KEY, "x": {"S": "x" * size}}, **more)


def test_a_write_costs_the_larger_of_before_and_after(moto: Engine) -> None:
    client, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    with record(client, observer=moto.client()) as calls:
        _put(client, table, 10)
        _put(client, table, 2000)
        _put(client, table, 10)
        client.update_item(
            TableName=table,
            Key=_KEY,
            UpdateExpression="SET x = :x",
            ExpressionAttributeValues={":x": {"S": "y" * 1100}},
        )
        client.delete_item(TableName=table, Key=_KEY)
    assert [call.write_units for call in calls.all] == [1, 2, 2, 2, 2]


def test_reads_cost_no_write_units_but_a_round_trip(moto: Engine) -> None:
    client, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    with record(client, observer=moto.client()) as calls:
        client.get_item(TableName=table, Key=_KEY)
    assert (calls.write_units, calls.round_trips, calls.operations) == (0, 1, ["GetItem"])
    assert calls.all[0].tables == [table]


def test_a_failed_condition_costs_what_stood_in_the_way(moto: Engine) -> None:
    client, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    _put(client, table, 1500)
    with record(client, observer=moto.client()) as calls, pytest.raises(client.exceptions.ClientError):
        _put(client, table, 10, ConditionExpression="attribute_not_exists(account_id)")
    assert calls.operations == ["PutItem/ConditionalCheckFailedException"]
    assert calls.write_units == 2


def test_a_transaction_costs_double_also_when_it_is_cancelled(moto: Engine) -> None:
    client, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    put = {"TableName": table, "Item": _KEY, "ConditionExpression": "attribute_not_exists(account_id)"}
    other = {"TableName": table, "Item": {**_KEY, "kind": {"S": "routed"}}}
    with record(client, observer=moto.client()) as calls:
        client.transact_write_items(TransactItems=[{"Put": put}, {"Put": other}])
        with pytest.raises(client.exceptions.TransactionCanceledException):
            client.transact_write_items(TransactItems=[{"Put": put}])
    assert [call.write_units for call in calls.all] == [4, 2]
    assert calls.round_trips == 2


def test_a_refused_request_and_a_lost_connection_cost_nothing(moto: Engine) -> None:
    table = moto.table_names["FORGE_WALLETS_TABLE"]
    client = build_client(shared_session(), f"http://127.0.0.1:{free_port()}")
    with record(client, observer=moto.client()) as calls, pytest.raises(EndpointConnectionError):
        _put(client, table, 10)
    assert calls.operations == ["PutItem/EndpointConnectionError"]
    assert calls.write_units == 0


def test_botocores_own_retries_are_round_trips(moto: Engine) -> None:
    client, table = moto.client(Config(retries={"total_max_attempts": 3, "mode": "standard"})), "any"
    answers = iter([500, 500, 200])

    def answer(request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from moto.core.botocore_stubber import MockRawResponse

        return AWSResponse(request.url, next(answers), {}, MockRawResponse(b"{}"))

    client.meta.events.register_first("before-send.dynamodb.GetItem", answer)
    with record(client, observer=moto.client()) as calls:
        client.get_item(TableName=table, Key=_KEY)
    assert (len(calls.all), calls.round_trips) == (1, 3)


def test_calls_side_by_side_are_one_round_trip() -> None:
    def call(started_s: float, ended_s: float) -> Call:
        return Call("GetItem", {}, started_s, ended_s)

    assert Calls([call(0, 2), call(1, 3)]).round_trips == 1
    assert Calls([call(0, 2), call(1, 3), call(2, 4)]).round_trips == 2
    assert Calls([call(0, 1), call(1, 2), call(2, 3)]).round_trips == 3
    assert Calls([call(0, 9), call(1, 2), call(3, 4)]).round_trips == 2


def test_nothing_is_recorded_after_the_block_or_on_another_client(moto: Engine) -> None:
    client, table = moto.client(), moto.table_names["FORGE_WALLETS_TABLE"]
    with record(client, observer=moto.client()) as calls:
        moto.client().get_item(TableName=table, Key=_KEY)
    client.get_item(TableName=table, Key=_KEY)
    assert calls.all == []
    with pytest.raises(ValueError, match="observer"), record(client, observer=client):
        pass


def test_threads_are_recorded_completely(ministack: Engine) -> None:
    client, table = ministack.client(), ministack.table_names["FORGE_WALLETS_TABLE"]
    with record(client, observer=ministack.client()) as calls:
        threads = [threading.Thread(target=_put, args=(client, table, 10)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(calls.all) == 16
    assert calls.write_units == 16
