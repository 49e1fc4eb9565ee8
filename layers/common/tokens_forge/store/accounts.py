"""Accounts and keys in DynamoDB. One partition an account: its record and one item a key."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from tokens_forge.accounts import Account, SpentMore
from tokens_forge.keys import Key, KeyKind, KeyLimits, KeyStatus
from tokens_forge.store.codec import Item, number, text, wallet_key
from tokens_forge.store.dynamodb_faults import faults
from tokens_forge.store.pages import items_of


class DynamoAccountStore:
    """Implements `identity.KeyReader` and `accounts.AccountStore`."""

    def __init__(self, client: Any, table: str, wallets_table: str) -> None:
        self._client = client
        self._table = table
        self._wallets = wallets_table

    def put_account(self, account: Account) -> bool:
        """Create the account's record; False when it exists."""
        return self._put_if_absent(
            {
                "account_id": text(account.account_id),
                "item": text("account"),
                "name": text(account.name),
                "cash_currency": text(account.cash_currency),
                "created_at_ms": number(account.created_at_ms),
            }
        )

    def read_account(self, account_id: str) -> Account | None:
        """A consistent read."""
        item = self._read(account_id, "account")
        return _account_of(item) if item is not None else None

    def accounts_after(self, account_id: str | None, limit: int) -> list[Account]:
        """Up to `limit` accounts beyond this one, in the table's own order. Reads the table."""
        start = {"account_id": text(account_id), "item": text("account")} if account_id is not None else None
        found = self._accounts(**({"ExclusiveStartKey": start} if start is not None else {}))
        return [_account_of(item) for item in islice(found, limit)]

    def put_key(self, key: Key) -> bool:
        """Write a new key's record; False when its id is taken."""
        return self._put_if_absent(_key_item(key, version=1))

    def change_key(self, key: Key, before: Key) -> bool:
        """Write a key's record over the one it was made from, with everything that its wallet knows of it, in one transaction."""
        found = self._read(key.account_id, f"key#{key.key_id}")
        if found is None or _key_of(found) != before:
            return False
        version = int(found["version"]["N"])
        put = {
            "TableName": self._table,
            "Item": _key_item(key, version=version + 1),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": number(version)},
        }
        writes: list[Item] = [{"Put": put}]
        if key.kind.wallet is not None:
            update = _bind(before.spend_limit_nano, key.spend_limit_nano, key.key_id)
            wallet = {"TableName": self._wallets, "Key": wallet_key(key.account_id, key.kind.wallet)}
            writes.append({"Update": {**wallet, **update}})
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            response: dict[str, Any] = dict(error.response)
            codes = [reason.get("Code") for reason in response.get("CancellationReasons", [])]
            if codes[:1] == ["ConditionalCheckFailed"]:
                return False
            if codes[1:] == ["ConditionalCheckFailed"]:
                raise SpentMore(key.key_id) from None
            raise
        return True

    def account_keys(self, account_id: str) -> list[Key]:
        """All keys of an account, revoked ones too, by id."""
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="account_id = :account AND begins_with(#item, :key)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":account": text(account_id), ":key": text("key#")},
            ConsistentRead=True,
        )
        return [_key_of(item) for item in found]

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        """A consistent read."""
        item = self._read(account_id, f"key#{key_id}")
        return _key_of(item) if item is not None else None

    def mark_revoked(self, account_id: str, key_id: str) -> None:
        """Revoke the key in its record. `accounts.revoke_key` makes it immediate by raising the wallet's auth epoch."""
        self._client.update_item(
            TableName=self._table,
            Key={"account_id": text(account_id), "item": text(f"key#{key_id}")},
            UpdateExpression="SET #status = :revoked, version = version + :one",
            ConditionExpression="attribute_exists(account_id)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":revoked": text(KeyStatus.REVOKED.value), ":one": number(1)},
        )

    def every_account_id(self) -> Iterator[str]:
        """The ids of all accounts. Reads the whole table: for the reconciliation only."""
        for item in self._accounts(ConsistentRead=True):
            yield item["account_id"]["S"]

    def _accounts(self, **parameters: Any) -> Iterator[Item]:
        return items_of(
            self._client.scan,
            TableName=self._table,
            FilterExpression="#item = :account",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":account": text("account")},
            **parameters,
        )

    def _read(self, account_id: str, item_name: str) -> Item | None:
        with faults():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"account_id": text(account_id), "item": text(item_name)},
                ConsistentRead=True,
            )
        found: Item | None = answer.get("Item")
        return found

    def _put_if_absent(self, item: Item) -> bool:
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(account_id)"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _bind(had_nano: int | None, has_nano: int | None, key_id: str) -> Item:
    """The wallet's part of a change: every cached copy of the key is read again, and its spend limit moves by the difference."""
    values: Item = {":one": number(1)}
    names: dict[str, str] = {}
    update = "SET auth_epoch = auth_epoch + :one"
    condition = "attribute_exists(account_id)"
    if had_nano != has_nano:
        names["#key"] = key_id
        if has_nano is None:
            update += " REMOVE key_spend_left.#key"
        elif had_nano is None:
            update += ", key_spend_left.#key = :nano"
            values[":nano"] = number(has_nano)
        else:
            update += ", key_spend_left.#key = key_spend_left.#key + :nano"
            condition = "key_spend_left.#key >= :least"
            values |= {":nano": number(has_nano - had_nano), ":least": number(had_nano - has_nano)}
    return {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **({"ExpressionAttributeNames": names} if names else {}),
    }


_LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")


def _account_of(item: Item) -> Account:
    return Account(
        account_id=item["account_id"]["S"],
        name=item["name"]["S"],
        cash_currency=item["cash_currency"]["S"],
        created_at_ms=int(item["created_at_ms"]["N"]),
    )


def _key_item(key: Key, *, version: int) -> Item:
    item: Item = {
        "account_id": text(key.account_id),
        "item": text(f"key#{key.key_id}"),
        "kind": text(key.kind.value),
        "name": text(key.name),
        "secret_sha256": text(key.secret_sha256),
        "created_at_ms": number(key.created_at_ms),
        "status": text(key.status.value),
        "version": number(version),
    }
    if key.allowed_models is not None:
        item["allowed_models"] = {"L": [text(model) for model in sorted(key.allowed_models)]}
    if key.spend_limit_nano is not None:
        item["spend_limit"] = number(key.spend_limit_nano)
    if key.expires_at_ms is not None:
        item["expires_at_ms"] = number(key.expires_at_ms)
    if key.previous_secret_sha256 is not None:
        item["previous_secret_sha256"] = text(key.previous_secret_sha256)
    if key.previous_until_ms:
        item["previous_until_ms"] = number(key.previous_until_ms)
    limits = {name: getattr(key.limits, name) for name in _LIMITS}
    return item | {name: number(limit) for name, limit in limits.items() if limit is not None}


def _key_of(item: Item) -> Key:
    allowed = item.get("allowed_models")
    return Key(
        key_id=item["item"]["S"].removeprefix("key#"),
        account_id=item["account_id"]["S"],
        kind=KeyKind(item["kind"]["S"]),
        name=item["name"]["S"],
        secret_sha256=item["secret_sha256"]["S"],
        created_at_ms=int(item["created_at_ms"]["N"]),
        status=KeyStatus(item["status"]["S"]),
        allowed_models=frozenset(model["S"] for model in allowed["L"]) if allowed is not None else None,
        spend_limit_nano=int(item["spend_limit"]["N"]) if "spend_limit" in item else None,
        expires_at_ms=int(item["expires_at_ms"]["N"]) if "expires_at_ms" in item else None,
        limits=KeyLimits(**{name: int(item[name]["N"]) for name in _LIMITS if name in item}),
        previous_secret_sha256=item["previous_secret_sha256"]["S"] if "previous_secret_sha256" in item else None,
        previous_until_ms=int(item["previous_until_ms"]["N"]) if "previous_until_ms" in item else 0,
    )
