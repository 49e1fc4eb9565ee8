"""What settlement asks of a hold, and what it makes of the store's answer."""

from __future__ import annotations

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import DOLLAR, Bench, intent
from tokens_forge.ids import new_id
from tokens_forge.settlement import HoldRefused
from tokens_forge.store.port import HoldAnswer
from tokens_forge.wallets import OpenHold


@pytest.mark.parametrize("nano", [0, -1, 1001])
def test_the_intent_is_the_most_that_may_be_held(bench: Bench, nano: int) -> None:
    with pytest.raises(AssertionError, match=r"^the intent is the most that may be held$"):
        bench.settlement.hold_less(intent(1000), 0, nano)
    assert bench.wallet().holds == {}


def test_a_hold_has_the_time_of_its_request_whenever_it_arrives(bench: Bench) -> None:
    made = intent(request_id=new_id("req", NOW_MS - 5))
    bench.settlement.hold(made, auth_epoch=0)
    assert bench.wallet().holds == {made.request_id: OpenHold(made.request_id, made.hold_nano, NOW_MS - 5)}


def test_a_refused_hold_shows_the_wallet_that_refused(bench: Bench) -> None:
    with pytest.raises(HoldRefused, match=r"^insufficient$") as refused:
        bench.settlement.hold(intent(2 * DOLLAR), auth_epoch=0)
    assert refused.value.wallet == bench.wallet()


def test_the_hold_that_stands_is_the_hold_whatever_was_asked_for(bench: Bench) -> None:
    made = intent(1000)
    bench.settlement.hold_less(made, 0, 400)
    assert [bench.settlement.hold_less(made, 0, nano).hold_nano for nano in (500, 400, 300)] == [400, 400, 400]
    assert bench.wallet().held_nano == 400


def test_a_store_that_refuses_without_a_reason_is_not_believed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = HoldAnswer(placed=False, before=bench.wallet())
    monkeypatch.setattr(bench.store, "place_hold", lambda request: answer)
    with pytest.raises(AssertionError, match=r"^the store refused a hold that its own item allows$"):
        bench.settlement.hold(intent(), auth_epoch=0)
