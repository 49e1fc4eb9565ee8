"""Sizes against the Developer Guide, and against the capacity that AWS's own engine reports."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engines import Engine
from tests.support.item_size import item_bytes, number_bytes, value_bytes, write_units


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("27", 2),
        ("-27", 3),
        ("461", 3),
        ("1500000", 3),  # pairs are counted from the decimal point
        ("0.5", 2),
        ("10.5", 3),
        ("1000000", 2),  # trailing zeroes are trimmed
        ("0.0001", 2),  # and leading ones
        ("12345678901234567890123456789012345678", 20),  # 38 digits, the most there are
        ("1E-5", 2),
    ],
)
def test_numbers_take_a_byte_per_two_significant_digits_and_one_more(number: str, size: int) -> None:
    assert number_bytes(number) == size


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "人民币"}, 9),  # UTF-8 bytes, not characters
        ({"B": b"\x00\x01\x02"}, 3),
        ({"B": "AAEC"}, 3),  # base64 as in JSON
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "abc"}, {"N": "1"}]}, 3 + 1 + 3 + 1 + 2),
        ({"M": {"k": {"S": "abc"}}}, 3 + 1 + 1 + 3),
    ],
)
def test_values_have_their_published_sizes(attribute: dict[str, Any], size: int) -> None:
    assert value_bytes(attribute) == size


def test_names_count() -> None:
    assert item_bytes({"account_id": {"S": "a"}, "é": {"S": "b"}}) == 10 + 1 + 2 + 1


def test_the_larger_of_before_and_after_is_charged_in_started_kilobytes() -> None:
    small, large = {"k": {"S": "x" * 1023}}, {"k": {"S": "x" * 1024}}
    assert (write_units(None, small), write_units(None, large)) == (1, 2)
    assert write_units(large, small) == 2
    assert write_units(large, None) == 2
    assert write_units(None, None) == 1
    assert write_units(None, small, transactional=True) == 2
    # The guide's own example: an item of 1.5 KB costs two units, four in a transaction.
    assert write_units(None, {"k": {"S": "x" * 1535}}, transactional=True) == 4


def test_an_unknown_type_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        value_bytes({"X": "1"})


@pytest.mark.engines
@pytest.mark.parametrize(
    "attribute",
    [
        {"S": "é" * 10},
        {"N": "123456789"},
        {"N": "-27"},
        {"N": "1500000"},
        {"BOOL": True},
        {"L": [{"S": "abc"}, {"N": "1"}]},
        {"M": {"hold_1": {"M": {"nano": {"N": "1500000"}, "key": {"S": "k"}}}}},
        {"SS": ["ab", "c"]},
    ],
    ids=str,
)
def test_aws_own_engine_counts_the_same(dynamodb_local: Engine, attribute: dict[str, Any]) -> None:
    """Filled up to a kilobyte, the item costs one unit there; with one byte more it costs two."""
    client, table = dynamodb_local.client(), dynamodb_local.table_names["FORGE_WALLETS_TABLE"]
    item = {"account_id": {"S": "a"}, "kind": {"S": "official"}, "x": attribute, "fill": {"S": ""}}
    filled = {**item, "fill": {"S": "f" * (1024 - item_bytes(item))}}
    assert item_bytes(filled) == 1024

    def engine_units(candidate: dict[str, Any]) -> float:
        answer = client.put_item(TableName=table, Item=candidate, ReturnConsumedCapacity="TOTAL")
        client.delete_item(TableName=table, Key={name: item[name] for name in ("account_id", "kind")})
        return float(answer["ConsumedCapacity"]["CapacityUnits"])

    assert engine_units(filled) == 1
    assert engine_units({**filled, "fill": {"S": filled["fill"]["S"] + "f"}}) == 2
