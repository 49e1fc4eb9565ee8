"""A key's record and what its wallet knows of it change together, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.accounts import SpentMore
from tokens_forge.keys import Key, KeyKind
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.dynamodb import DynamoLedgerStore, LedgerTables
from tokens_forge.wallets import Wallet, WalletKind

KEY = Key("key_0123456789abcdefghjk", "acc_0123456789ab", KeyKind.OFFICIAL, "laptop", "ab" * 32, NOW_MS)


class Books:
    """An account store and the ledger beside it, with one key in both."""

    def __init__(self, engine: Engine, key: Key, client: Any = None) -> None:
        names = engine.table_names
        tables = LedgerTables(names["FORGE_WALLETS_TABLE"], names["FORGE_JOURNAL_TABLE"], names["FORGE_REQUESTS_TABLE"])
        self.ledger = DynamoLedgerStore(engine.client(), tables)
        self.store = DynamoAccountStore(client or engine.client(), names["FORGE_ACCOUNTS_TABLE"], tables.wallets)
        self.ledger.open_wallet(Wallet(key.account_id, WalletKind.OFFICIAL, "USD"))
        assert self.store.put_key(key)
        if key.spend_limit_nano is not None:
            self.ledger.set_key_spend_limit(key.account_id, WalletKind.OFFICIAL, key.key_id, key.spend_limit_nano)

    def state(self) -> tuple[Key | None, int | None, int]:
        """The record, what is left to spend, and the wallet's auth epoch."""
        wallet = self.ledger.read_wallet(KEY.account_id, WalletKind.OFFICIAL)
        assert wallet is not None
        return (
            self.store.read_key(KEY.account_id, KEY.key_id),
            wallet.key_spend_left_nano.get(KEY.key_id),
            wallet.auth_epoch,
        )


@pytest.mark.parametrize(("had", "has"), [(None, None), (None, 7), (5, 7), (7, 5), (5, 0), (5, None)])
def test_a_change_moves_the_limit_by_the_difference_and_raises_the_epoch(
    moto: Engine, had: int | None, has: int | None
) -> None:
    before = replace(KEY, spend_limit_nano=had)
    books = Books(moto, before)
    after = replace(before, name="phone", spend_limit_nano=has)
    assert books.store.change_key(after, before)
    assert books.state() == (after, has, 1)


def test_a_limit_below_what_was_spent_changes_nothing(moto: Engine) -> None:
    before = replace(KEY, spend_limit_nano=5)
    books = Books(moto, before)
    books.ledger.set_key_spend_limit(KEY.account_id, WalletKind.OFFICIAL, KEY.key_id, 2)  # three are spent
    with pytest.raises(SpentMore):
        books.store.change_key(replace(before, spend_limit_nano=2), before)
    assert books.state() == (before, 2, 0)
    assert books.store.change_key(replace(before, spend_limit_nano=3), before)


def test_a_record_that_was_changed_meanwhile_is_not_overwritten(moto: Engine) -> None:
    books = Books(moto, KEY)
    first = replace(KEY, name="first")
    assert books.store.change_key(first, KEY)
    assert not books.store.change_key(replace(KEY, name="second", spend_limit_nano=9), KEY)
    assert books.state() == (first, None, 1)
    assert not books.store.change_key(replace(KEY, key_id="key_zzzzzzzzzzzzzzzzzzzz"), KEY)


def test_a_message_that_arrives_twice_changes_once(moto: Engine) -> None:
    before = replace(KEY, spend_limit_nano=5)
    client = FaultyDynamoDB(moto.client())
    books = Books(moto, before, client)
    after = replace(before, spend_limit_nano=7)
    client.then(Fault.TWICE, on="transact_write_items")
    assert not books.store.change_key(after, before), "the second answer is seen: somebody changed it, and it was us"
    assert books.state() == (after, 7, 1)


def test_a_management_key_has_no_wallet_to_tell(moto: Engine) -> None:
    key = replace(KEY, kind=KeyKind.MANAGE)
    books = Books(moto, key)
    after = replace(key, name="new")
    assert books.store.change_key(after, key) and books.state() == (after, None, 0)


def test_a_fault_is_not_taken_for_an_answer(moto: Engine) -> None:
    client = FaultyDynamoDB(moto.client())
    books = Books(moto, KEY, client)
    client.then(Fault.CONFLICT, on="transact_write_items")
    with pytest.raises(ClientError):
        books.store.change_key(replace(KEY, name="new"), KEY)


def test_all_keys_of_an_account_are_listed_and_nobody_elses(moto: Engine) -> None:
    books = Books(moto, KEY)
    other = replace(KEY, key_id="key_0123456789abzzzzzzzz")
    stranger = replace(KEY, account_id="acc_zzzzzzzzzzzz", key_id="key_zzzzzzzzzzzzzzzzzzzz")
    for key in (other, stranger):
        assert books.store.put_key(key)
    assert books.store.account_keys(KEY.account_id) == [KEY, other]
