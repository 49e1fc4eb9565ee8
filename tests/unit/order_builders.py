"""Orders for unit and store tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.builders import NOW_MS
from tokens_forge.checkout.orders import Order, Taking, TakingKind, TakingState
from tokens_forge.ids import new_id
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind

ACCOUNT = "acc_0123456789ab"


def order(at_ms: int = NOW_MS, account: str = ACCOUNT, **changes: Any) -> Order:
    made = Order(
        order_id=new_id("ord", at_ms),
        account_id=account,
        kind=WalletKind.OFFICIAL,
        amount=Money(20 * 10**9, "USD"),
        provider="stripe",
        key_id="key_0123456789abcdefghjk",
        page_token="token",
        created_at_ms=at_ms,
        return_url="https://forge.test/return",
    )
    return replace(made, **changes)


def refund(nano: int = 10**9, letter: str = "0") -> Taking:
    return Taking(f"rfd_{letter * 26}", TakingKind.REFUND, nano, TakingState.REQUESTED, actor="anna", reason="why")
