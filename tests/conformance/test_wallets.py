"""Opening, reading, freezing: what is not about money, on both wallets and on none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conformance.builders import ACCOUNT, CURRENCY, KEY, OFFICIAL, OTHER_KEY, ROUTED, STRANGER
from tests.conformance.ledger import Amounts, Ledger
from tests.unit.builders import NOW_MS
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import OpenHold, Wallet, WalletKind, WalletStatus

KINDS = [OFFICIAL, ROUTED]


def empty(kind: WalletKind = OFFICIAL, account_id: str = ACCOUNT) -> Wallet:
    return Wallet(account_id, kind, CURRENCY[kind], opened_at_ms=NOW_MS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_opened_wallet_is_empty_and_can_be_read(empty_ledger: Ledger, kind: WalletKind) -> None:
    assert empty_ledger.open_wallet(empty(kind))
    assert empty_ledger.wallet(kind) == empty(kind)
    assert empty_ledger.amounts(kind) == Amounts()


@pytest.mark.parametrize("kind", KINDS)
def test_opening_one_wallet_does_not_open_the_other(empty_ledger: Ledger, kind: WalletKind) -> None:
    assert empty_ledger.open_wallet(empty(kind))
    other = OFFICIAL if kind is ROUTED else ROUTED
    assert empty_ledger.read_wallet(ACCOUNT, other) is None
    assert empty_ledger.open_wallet(empty(other))


def test_a_wallet_is_opened_once_and_keeps_what_is_in_it(ledger: Ledger) -> None:
    hold = ledger.held(400)
    before = ledger.wallet()
    assert not ledger.open_wallet(empty())
    assert not ledger.open_wallet(replace(empty(), currency="EUR", opened_at_ms=1))
    assert ledger.wallet() == before and set(before.holds) == {hold.hold_id}


def test_a_wallet_is_opened_without_holds(empty_ledger: Ledger) -> None:
    hold = OpenHold("req_1", 5, NOW_MS)
    with pytest.raises(AssertionError):
        empty_ledger.open_wallet(replace(empty(), held_nano=5, credits_total_nano=5, holds={"req_1": hold}))
    assert empty_ledger.read_wallet(ACCOUNT, OFFICIAL) is None


def test_every_wallet_finds_every_account_and_kind(empty_ledger: Ledger) -> None:
    assert list(empty_ledger.every_wallet()) == []
    wallets = [empty(kind, f"acc_{number:012}") for number in range(5) for kind in KINDS]
    assert all(empty_ledger.open_wallet(wallet) for wallet in wallets)
    assert list(empty_ledger.every_wallet()) == wallets


def test_every_wallet_reads_past_one_page(empty_ledger: Ledger) -> None:
    # A page of DynamoDB is 1 MB; each of these items has about 300 KB.
    limits = {f"key_{number}_{'x' * 30_000}": 1 for number in range(10)}
    wallets = [replace(empty(account_id=f"acc_{n:012}"), key_spend_left_nano=limits) for n in range(5)]
    assert all(empty_ledger.open_wallet(wallet) for wallet in wallets)
    assert list(empty_ledger.every_wallet()) == wallets


def test_freezing_changes_the_status_and_nothing_else(ledger: Ledger) -> None:
    ledger.held(400)
    before = ledger.wallet()
    for _ in range(2):
        ledger.freeze_wallet(ACCOUNT, OFFICIAL)
        assert ledger.wallet() == replace(before, status=WalletStatus.FROZEN)
    assert ledger.wallet(ROUTED).status is WalletStatus.ACTIVE


def test_an_auth_epoch_rises_by_one_and_nothing_else_changes(ledger: Ledger) -> None:
    ledger.held(400)
    before = ledger.wallet()
    for epoch in (1, 2, 3):
        ledger.raise_auth_epoch(ACCOUNT, OFFICIAL)
        assert ledger.wallet() == replace(before, auth_epoch=epoch)
    assert ledger.wallet(ROUTED).auth_epoch == 0


def test_a_spend_limit_changes_the_limit_and_nothing_else(ledger: Ledger) -> None:
    ledger.held(400)
    before = ledger.wallet()
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, 5)
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, OTHER_KEY, 0)
    assert ledger.wallet() == replace(before, key_spend_left_nano={KEY: 5, OTHER_KEY: 0})
    assert ledger.wallet(ROUTED).key_spend_left_nano == {}


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(lambda ledger, who, kind: ledger.freeze_wallet(who, kind), id="freeze"),
        pytest.param(lambda ledger, who, kind: ledger.raise_auth_epoch(who, kind), id="auth epoch"),
        pytest.param(lambda ledger, who, kind: ledger.set_key_spend_limit(who, kind, KEY, 5), id="limit"),
        pytest.param(lambda ledger, who, kind: ledger.set_key_spend_limit(who, kind, KEY, None), id="no limit"),
    ],
)
@pytest.mark.parametrize(("who", "kind"), [(STRANGER, OFFICIAL), (ACCOUNT, ROUTED)])
def test_an_unknown_wallet_is_a_fault_and_is_not_created(
    empty_ledger: Ledger, operation: Callable[[Ledger, str, WalletKind], None], who: str, kind: WalletKind
) -> None:
    assert empty_ledger.open_wallet(empty())
    with pytest.raises(StoreFault, match="there is no such wallet") as caught:
        operation(empty_ledger, who, kind)
    assert type(caught.value) is StoreFault, "asking again would not help"
    assert empty_ledger.read_wallet(who, kind) is None


def test_what_is_not_there_is_read_as_nothing(empty_ledger: Ledger) -> None:
    assert empty_ledger.read_wallet(STRANGER, OFFICIAL) is None
    assert empty_ledger.read_entry(STRANGER, OFFICIAL, f"{'0' * 26}.request") is None
    assert empty_ledger.read_intent(f"req_{'0' * 26}") is None
    assert empty_ledger.minute_intents("2026-11-24T13:48") == []
    assert empty_ledger.day_entries(STRANGER, OFFICIAL, "2026-11-24", before=None, limit=10) == []
    assert list(empty_ledger.book(STRANGER, OFFICIAL, "2026-11-24")) == []


@pytest.mark.parametrize("what", ["", "req_", "req_short", "req_" + "u" * 26, "req_" + "8" + "0" * 25])
def test_what_is_no_identifier_cannot_be_looked_up(empty_ledger: Ledger, what: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        empty_ledger.read_intent(what)
    with pytest.raises(ValueError, match="not an identifier"):
        empty_ledger.read_entry(ACCOUNT, OFFICIAL, what)
