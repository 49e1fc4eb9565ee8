"""What the admin stores do when DynamoDB answers page by page, and when a wallet has the wanted status already."""

from __future__ import annotations

from typing import Any

from tests.support.engines import Engine
from tokens_forge.admin.audit import Audit, Author, Log
from tokens_forge.clock import SystemClock
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.pages import first_items, items_of
from tokens_forge.store.requests_of_wallet import DynamoRequestReader
from tokens_forge.store.tables import Tables
from tokens_forge.store.wallet_status import DynamoWalletStatusStore
from tokens_forge.wallets import Wallet, WalletKind, WalletStatus


class Pages:
    """A client whose query or scan answers in pages, and says which page it was asked for."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self._pages = pages
        self.asked: list[int] = []

    def query(self, **parameters: Any) -> dict[str, Any]:
        number = parameters.get("ExclusiveStartKey", {}).get("page", 0)
        self.asked.append(number)
        more = {"LastEvaluatedKey": {"page": number + 1}} if number + 1 < len(self._pages) else {}
        return {"Items": self._pages[number], **more}

    scan = query


def account(name: str) -> dict[str, Any]:
    return {
        "account_id": {"S": f"acc_{name}"},
        "item": {"S": "account"},
        "name": {"S": name},
        "cash_currency": {"S": "CNY"},
        "created_at_ms": {"N": "1"},
    }


def test_a_page_without_accounts_is_not_the_end() -> None:
    client = Pages([], [account("a")], [account("b")], [account("c")])
    found = DynamoAccountStore(client, "accounts", "wallets").accounts_after(None, 2)
    assert [each.name for each in found] == ["a", "b"] and client.asked == [0, 1, 2], "no page more than needed"
    assert [each.name for each in DynamoAccountStore(client, "accounts", "wallets").accounts_after(None, 9)] == [*"abc"]


def test_a_busy_minute_is_read_to_its_end() -> None:
    client = Pages([], [], [])
    assert DynamoRequestReader(client, "requests").of_minutes(WalletKind.ROUTED, ["2026-11-24T13:48"]) == []
    assert client.asked == [0, 1, 2]


def test_a_status_changes_for_all_named_wallets_or_for_none(moto: Engine) -> None:
    client, tables = moto.client(), Tables.from_environment(moto.environment())
    audit_store = DynamoAuditStore(client, moto.environment()["FORGE_AUDIT_TABLE"])
    audit, ledger = Audit(audit_store, SystemClock()), DynamoLedgerStore(client, tables.ledger)
    statuses = DynamoWalletStatusStore(client, tables.wallets, audit_store)
    for kind in WalletKind:
        ledger.open_wallet(Wallet("acc_a", kind, "USD"))
    ledger.freeze_wallet("acc_a", WalletKind.ROUTED)
    record = audit.record(Log.DEPLOYMENT, Author("a", "a", "a test"), "account.freeze", "acc_a", None, None)
    assert not statuses.change_status("acc_a", list(WalletKind), WalletStatus.FROZEN, record)
    official = ledger.read_wallet("acc_a", WalletKind.OFFICIAL)
    assert official is not None and official.status is WalletStatus.ACTIVE and official.auth_epoch == 0
    assert not list(audit_store.month_records(Log.DEPLOYMENT, record.month, before=None)), "no change, no record"
    assert not statuses.change_status("acc_nobody", [WalletKind.OFFICIAL], WalletStatus.FROZEN, record)


def test_a_short_page_is_followed_up_to_the_limit_and_no_further() -> None:
    client = Pages([account("a")], [], [account("b"), account("c")], [account("d")])
    found = first_items(client.query, 2, TableName="accounts")
    assert [item["name"]["S"] for item in found] == ["a", "b"] and client.asked == [0, 1, 2]
    assert len(first_items(client.query, 9, TableName="accounts")) == 4


def test_a_list_that_begins_in_the_middle_goes_on_from_there() -> None:
    client = Pages([account("a")], [account("b")])
    found = list(items_of(client.scan, TableName="accounts", ExclusiveStartKey={"page": 1}))
    assert [item["name"]["S"] for item in found] == ["b"] and client.asked == [1]
