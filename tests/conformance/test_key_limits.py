"""Spend limits of keys: they sit in the wallet's item, so they are hard, also while they are changed under an open hold."""

from __future__ import annotations

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, OTHER_KEY, ROUTED, hold_request
from tests.conformance.ledger import Amounts, Ledger
from tokens_forge.store.port import HoldAnswer
from tokens_forge.wallets import HoldRefusal, why_refused


def limit(ledger: Ledger, nano: int | None, key_id: str = KEY) -> None:
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, key_id, nano)


def left(ledger: Ledger) -> dict[str, int]:
    return dict(ledger.wallet().key_spend_left_nano)


def refused(ledger: Ledger, nano: int, key_id: str = KEY) -> None:
    request, before = hold_request(nano, limited_key_id=key_id), ledger.wallet()
    assert ledger.place_hold(request) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, request) is HoldRefusal.KEY_SPEND_LIMIT


@pytest.mark.parametrize(("limit_nano", "nano"), [(1, 1), (500, 500), (500, 499), (2000, 1000)])
def test_a_hold_within_the_limit_uses_it_up(ledger: Ledger, limit_nano: int, nano: int) -> None:
    limit(ledger, limit_nano)
    ledger.held(nano, limited_key_id=KEY)
    assert left(ledger) == {KEY: limit_nano - nano}


@pytest.mark.parametrize(("limit_nano", "nano"), [(0, 1), (499, 500), (999, 1000)])
def test_a_hold_above_the_limit_is_refused_though_the_money_is_there(
    ledger: Ledger, limit_nano: int, nano: int
) -> None:
    limit(ledger, limit_nano)
    refused(ledger, nano)
    assert left(ledger) == {KEY: limit_nano}


def test_within_the_limit_the_wallet_still_has_the_last_word(ledger: Ledger) -> None:
    limit(ledger, 5000)
    before = ledger.wallet()
    assert ledger.place_hold(hold_request(1001, limited_key_id=KEY)) == HoldAnswer(placed=False, before=before)


def test_holds_of_one_key_add_up(ledger: Ledger) -> None:
    limit(ledger, 500)
    ledger.held(300, limited_key_id=KEY)
    refused(ledger, 201)
    ledger.held(200, limited_key_id=KEY)
    refused(ledger, 1)
    assert left(ledger) == {KEY: 0}


def test_a_limited_key_without_a_limit_on_the_wallet_spends_nothing(ledger: Ledger) -> None:
    # Its record says limited, but nobody has said how much: never unlimited by accident.
    refused(ledger, 1)
    limit(ledger, 100, OTHER_KEY)
    refused(ledger, 1)


def test_an_unlimited_key_is_not_touched_by_the_limits_of_others(ledger: Ledger) -> None:
    limit(ledger, 0, OTHER_KEY)
    ledger.held(1000)
    assert left(ledger) == {OTHER_KEY: 0}


def test_each_key_has_its_own_limit(ledger: Ledger) -> None:
    limit(ledger, 100)
    limit(ledger, 200, OTHER_KEY)
    ledger.held(60, limited_key_id=KEY)
    ledger.held(70, limited_key_id=OTHER_KEY)
    assert left(ledger) == {KEY: 40, OTHER_KEY: 130}


def test_each_wallet_has_its_own_limits(ledger: Ledger) -> None:
    limit(ledger, 100)
    assert ledger.wallet(ROUTED).key_spend_left_nano == {}
    request, before = hold_request(1, kind=ROUTED, limited_key_id=KEY), ledger.wallet(ROUTED)
    assert ledger.place_hold(request) == HoldAnswer(placed=False, before=before)


@pytest.mark.parametrize("charge_nano", [0, 1, 299, 300])
def test_what_a_hold_did_not_spend_comes_back_to_its_key(ledger: Ledger, charge_nano: int) -> None:
    limit(ledger, 500)
    hold = ledger.held(300, limited_key_id=KEY)
    assert ledger.close(hold, charge_nano).posted
    assert left(ledger) == {KEY: 500 - charge_nano}
    assert ledger.amounts() == Amounts(1000 - charge_nano, credits=1000, debits=charge_nano)


def test_a_close_that_fails_gives_the_key_nothing_back(ledger: Ledger) -> None:
    limit(ledger, 500)
    hold = ledger.held(300, limited_key_id=KEY)
    assert ledger.close(hold, 100).posted
    assert not ledger.close(hold, 0).posted
    assert left(ledger) == {KEY: 400}


def test_a_release_gives_the_key_its_part_back(ledger: Ledger) -> None:
    limit(ledger, 500)
    hold = ledger.held(300, limited_key_id=KEY)
    assert ledger.close(hold, 300).posted
    ledger.held(200, limited_key_id=KEY, hold_id=hold.hold_id)
    assert left(ledger) == {KEY: 0}
    entry_id = hold.hold_id.removeprefix("req_") + ".request"
    assert ledger.release_hold(entry_id, ACCOUNT, OFFICIAL, ledger.wallet().holds[hold.hold_id])
    assert left(ledger) == {KEY: 200}


@pytest.mark.parametrize("new_nano", [0, 100, 5000])
def test_a_limit_changed_under_an_open_hold_gets_the_unspent_rest_added(ledger: Ledger, new_nano: int) -> None:
    limit(ledger, 500)
    hold = ledger.held(300, limited_key_id=KEY)
    limit(ledger, new_nano)
    assert left(ledger) == {KEY: new_nano}
    assert ledger.close(hold, 120).posted
    assert left(ledger) == {KEY: new_nano + 180}


@pytest.mark.parametrize("charge_nano", [0, 120, 300])
def test_a_hold_closes_though_its_limit_was_taken_off_meanwhile(ledger: Ledger, charge_nano: int) -> None:
    limit(ledger, 500)
    hold = ledger.held(300, limited_key_id=KEY)
    limit(ledger, None)
    assert left(ledger) == {}
    assert ledger.close(hold, charge_nano).posted
    assert ledger.amounts() == Amounts(1000 - charge_nano, credits=1000, debits=charge_nano)


def test_a_limit_put_on_under_an_open_hold_is_not_raised_by_it(ledger: Ledger) -> None:
    hold = ledger.held(300)
    limit(ledger, 50)
    assert ledger.close(hold, 120).posted
    assert left(ledger) == {KEY: 50}


def test_taking_a_limit_off_takes_off_that_one_only(ledger: Ledger) -> None:
    limit(ledger, 100)
    limit(ledger, 200, OTHER_KEY)
    limit(ledger, None)
    assert left(ledger) == {OTHER_KEY: 200}
    limit(ledger, None)
    assert left(ledger) == {OTHER_KEY: 200}, "there is nothing left to take off"


def test_a_limit_set_again_replaces_the_old_one(ledger: Ledger) -> None:
    for nano in (100, 0, 10**24, 7):
        limit(ledger, nano)
        assert left(ledger) == {KEY: nano}


@pytest.mark.parametrize("key_id", ["key with spaces", "a.b.c", "a#b:c", "size", "ключ-鍵-🔑", "x" * 200])
def test_any_key_id_can_have_a_limit(ledger: Ledger, key_id: str) -> None:
    limit(ledger, 100, key_id)
    hold = ledger.held(60, limited_key_id=key_id)
    assert left(ledger) == {key_id: 40}
    assert ledger.close(hold, 10).posted
    assert left(ledger) == {key_id: 90}
