"""What an account's books say, read as its owner reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.http import Api
from tokens_forge.receipts import recompute


@dataclass(frozen=True)
class Statement:
    """A wallet whose entries add up to its balance, and whose receipts recompute."""

    currency: str
    balance: Decimal
    entries: int
    receipts: int


def wallets(api: Api) -> dict[str, dict[str, Any]]:
    """Both wallets by kind."""
    return {wallet["wallet"]: wallet for wallet in api.get("/wallets").json()["data"]}


def available(api: Api, kind: str) -> Decimal:
    """What one wallet can spend."""
    return Decimal(wallets(api)[kind]["available"])


def proven(api: Api, kind: str) -> Statement:
    """The statement of a wallet, added up here and compared to the last nano; every receipt in it recomputed."""
    wallet = wallets(api)[kind]
    lines = list(_all(api, "/ledger", kind))
    balance = Decimal(wallet["balance"])
    assert sum(Decimal(line["amount"]) for line in lines) == balance == Decimal(lines[0]["balance_after"])
    assert (wallet["held"], wallet["open_holds"], wallet["status"]) == ("0.00", 0, "active")
    receipts = {receipt["id"]: receipt for receipt in _all(api, "/receipts", kind)}
    charged = {line["receipt_id"]: -Decimal(line["amount"]) for line in lines if line["receipt_id"]}
    assert charged == {receipt_id: Decimal(receipt["charge"]) for receipt_id, receipt in receipts.items()}
    assert all(recompute(receipt) == receipt["charge"] for receipt in receipts.values())
    return Statement(wallet["currency"], balance, len(lines), len(receipts))


def _all(api: Api, path: str, kind: str) -> Iterator[dict[str, Any]]:
    """Every page of a list of one wallet."""
    cursor: dict[str, str] = {}
    while True:
        page = api.get(path, wallet=kind, limit=50, **cursor).json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}
