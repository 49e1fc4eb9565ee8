"""Accounts and keys as they are stored: every field comes back, nothing is overwritten, a revocation reaches one key."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.accounts import Account
from tokens_forge.keys import Key, KeyKind, KeyLimits, KeyStatus
from tokens_forge.store.accounts import DynamoAccountStore

ACCOUNT = Account("acc_0123456789ab", "Ada & Söhne", "CNY", NOW_MS)
KEY = Key("key_0123456789abcdefghjk", ACCOUNT.account_id, KeyKind.OFFICIAL, "laptop", "ab" * 32, NOW_MS)
KEYS: dict[str, Any] = {
    "key_id": "key_zzzzzzzzzzzzzzzzzzzz",
    "account_id": "acc_zzzzzzzzzzzz",
    "kind": KeyKind.MANAGE,
    "name": "模型 key",
    "secret_sha256": "cd" * 32,
    "created_at_ms": 0,
    "status": KeyStatus.REVOKED,
    "allowed_models": frozenset({"small", "large/x:1"}),
    "spend_limit_nano": 0,
    "expires_at_ms": NOW_MS + 1,
    "limits": KeyLimits(1, 2, 3),
    "previous_secret_sha256": "ef" * 32,
    "previous_until_ms": NOW_MS + 2,
}


@pytest.fixture
def store(moto: Engine) -> DynamoAccountStore:
    return DynamoAccountStore(
        moto.client(), moto.table_names["FORGE_ACCOUNTS_TABLE"], moto.table_names["FORGE_WALLETS_TABLE"]
    )


def test_an_account_comes_back_as_it_was_and_is_written_once(store: DynamoAccountStore) -> None:
    assert store.read_account(ACCOUNT.account_id) is None
    assert store.put_account(ACCOUNT)
    assert not store.put_account(replace(ACCOUNT, name="another", cash_currency="EUR"))
    assert store.read_account(ACCOUNT.account_id) == ACCOUNT


@pytest.mark.parametrize("name", KEYS)
def test_a_key_comes_back_as_it_was_and_is_written_once(store: DynamoAccountStore, name: str) -> None:
    key = replace(KEY, **{name: KEYS[name]})
    assert key != KEY
    assert store.read_key(key.account_id, key.key_id) is None
    assert store.put_key(key)
    assert not store.put_key(replace(key, name="another", secret_sha256="ef" * 32))
    assert store.read_key(key.account_id, key.key_id) == key


def test_every_field_of_a_key_has_its_turn() -> None:
    assert {field.name for field in fields(Key)} == set(KEYS)


def test_a_key_may_be_allowed_no_model_at_all(store: DynamoAccountStore) -> None:
    assert store.put_key(replace(KEY, allowed_models=frozenset()))
    assert store.read_key(KEY.account_id, KEY.key_id) == replace(KEY, allowed_models=frozenset())


def test_a_revocation_reaches_its_own_key_only(store: DynamoAccountStore) -> None:
    other = replace(KEY, key_id=KEYS["key_id"])
    assert store.put_key(KEY) and store.put_key(other)
    for _ in range(2):
        store.mark_revoked(KEY.account_id, KEY.key_id)
        assert store.read_key(KEY.account_id, KEY.key_id) == replace(KEY, status=KeyStatus.REVOKED)
    assert store.read_key(KEY.account_id, other.key_id) == other


def test_revoking_an_unknown_key_does_not_create_one(store: DynamoAccountStore) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        store.mark_revoked(KEY.account_id, KEY.key_id)
    assert store.read_key(KEY.account_id, KEY.key_id) is None


def test_every_account_is_found_and_no_key_is_taken_for_one(store: DynamoAccountStore) -> None:
    assert list(store.every_account_id()) == []
    accounts = [replace(ACCOUNT, account_id=f"acc_{number:012}") for number in range(5)]
    for account in accounts:
        assert store.put_account(account) and store.put_key(replace(KEY, account_id=account.account_id))
    assert sorted(store.every_account_id()) == [account.account_id for account in accounts]


def test_a_fault_is_not_taken_for_an_account_that_exists(moto: Engine) -> None:
    client = FaultyDynamoDB(moto.client(), [Fault.THROTTLE])
    store = DynamoAccountStore(
        client, moto.table_names["FORGE_ACCOUNTS_TABLE"], moto.table_names["FORGE_WALLETS_TABLE"]
    )
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        store.put_account(ACCOUNT)
    assert store.put_account(ACCOUNT)
