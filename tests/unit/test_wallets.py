from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokens_forge.wallets import (
    HoldRefusal,
    HoldRequest,
    OpenHold,
    Wallet,
    WalletKind,
    WalletStatus,
    why_refused,
)

WALLET = Wallet("acc_1", WalletKind.OFFICIAL, "USD", available_nano=100, credits_total_nano=100, auth_epoch=3)
REQUEST = HoldRequest("acc_1", WalletKind.OFFICIAL, "USD", "req_1", 100, auth_epoch=3, placed_at_ms=1)
HELD = OpenHold("req_1", 40, 1)


def test_a_wallet_that_has_exactly_enough_holds() -> None:
    assert why_refused(WALLET, REQUEST) is None


@pytest.mark.parametrize(
    ("wallet", "request_", "refusal"),
    [
        (None, REQUEST, HoldRefusal.NO_WALLET),
        (replace(WALLET, holds={"req_1": HELD}), REQUEST, HoldRefusal.ALREADY_HELD),
        (WALLET, replace(REQUEST, currency="CNY"), HoldRefusal.CURRENCY),
        (replace(WALLET, status=WalletStatus.FROZEN), REQUEST, HoldRefusal.FROZEN),
        (WALLET, replace(REQUEST, auth_epoch=2), HoldRefusal.AUTH_EPOCH),
        (WALLET, replace(REQUEST, limited_key_id="key_1"), HoldRefusal.KEY_SPEND_LIMIT),
        (replace(WALLET, key_spend_left_nano={"key_1": 99}), replace(REQUEST, limited_key_id="key_1"), HoldRefusal.KEY_SPEND_LIMIT),
        (WALLET, replace(REQUEST, nano=101), HoldRefusal.INSUFFICIENT),
        (replace(WALLET, holds={"req_0": HELD}), replace(REQUEST, open_holds_max=1), HoldRefusal.TOO_MANY_HOLDS),
    ],
)  # fmt: skip
def test_the_old_item_says_why(wallet: Wallet | None, request_: HoldRequest, refusal: HoldRefusal) -> None:
    assert why_refused(wallet, request_) is refusal


def test_a_hold_sets_something_aside() -> None:
    with pytest.raises(AssertionError):
        replace(REQUEST, nano=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"available_nano": -1, "credits_total_nano": -1},
        {"held_nano": 5},
        {"credits_total_nano": 101},
        {"key_spend_left_nano": {"key_1": -1}},
    ],
)
def test_broken_wallets_do_not_pass_the_check(changes: dict[str, Any]) -> None:
    WALLET.check()
    with pytest.raises(AssertionError):
        replace(WALLET, **changes).check()
