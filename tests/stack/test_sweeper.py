"""The sweeper on the real tables: whatever died in between, every request that passed its hold ends in one receipt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clocks import MINUTE_MS, ShiftedClock
from tests.support.deployment import SWEEP_AFTER_S, Deployment
from tests.support.http import Api
from tests.unit.builders import PRICE
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Attempt, EntryType, SettlementReason, UsageSource, entry_id_of
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.settlement import AlreadySettled, Books, Closing, Settlement
from tokens_forge.wallets import WalletKind

USAGE = Usage(input=1000, output=500)
OUTCOME = Outcome(SettlementReason.COMPLETED, USAGE, UsageSource.PROVIDER, (Attempt("openai-official", "ok", 5),))
LATER = ShiftedClock((SWEEP_AFTER_S + 120) * 1000)


@pytest.fixture
def settlement(deployment: Deployment) -> Settlement:
    return Settlement(Books(deployment.ledger, SystemClock()))


def intent(deployment: Deployment) -> Intent:
    return Intent(
        request_id=new_id("req", SystemClock().now_ms()),
        account_id=deployment.account.account_id,
        kind=WalletKind.OFFICIAL,
        key_id="key_0123456789abcdefghjk",
        key_has_spend_limit=False,
        model="gpt-4o-mini",
        endpoint="chat.completions",
        primary_channel_id="openai-official",
        price=PRICE,
        hold_nano=10**9,
    )


def sweep(deployment: Deployment, clock: ShiftedClock = LATER) -> Any:
    return deployment.scheduled(clock).sweeper.run(lambda: True)


def receipt(deployment: Deployment, base_url: str, held: Held) -> dict[str, Any]:
    found: dict[str, Any] = Api(base_url, deployment.key()).get(f"/receipts/{held.intent.request_id}").json()
    return found


def test_a_process_that_died_after_its_hold_costs_the_customer_nothing_and_leaves_a_receipt(
    deployment: Deployment, settlement: Settlement, base_url: str
) -> None:
    before = deployment.wallet().available_nano
    held = settlement.hold(intent(deployment), 0)
    assert sweep(deployment, ShiftedClock()).intents == 0, "a young intent is left alone"
    assert deployment.wallet().held_nano == 10**9
    assert sweep(deployment).closings == {Closing.VOIDED: 1}
    assert deployment.wallet().available_nano == before
    found = receipt(deployment, base_url, held)
    assert (found["settlement_reason"], found["charge"], found["hold"]) == ("abandoned", "0.00", "1.00")


def test_a_recorded_outcome_is_posted_exactly(deployment: Deployment, settlement: Settlement, base_url: str) -> None:
    held = settlement.hold(intent(deployment), 0)
    settlement.checkpoint(held, replace(OUTCOME, usage=Usage(output=1)))
    settlement.keep_outcome(held, OUTCOME)
    settlement.keep_outcome(held, replace(OUTCOME, usage=Usage(output=2)))
    before = deployment.wallet().balance_nano
    assert sweep(deployment).closings == {Closing.SETTLED: 1}
    assert before - deployment.wallet().balance_nano == price_usage(USAGE, PRICE)
    assert receipt(deployment, base_url, held)["settlement_reason"] == "completed"


def test_a_stream_that_died_is_charged_to_its_last_checkpoint(
    deployment: Deployment, settlement: Settlement, base_url: str
) -> None:
    held = settlement.hold(intent(deployment), 0)
    for output in (10, 20):
        progress = Outcome(SettlementReason.ABANDONED, Usage(output=output), UsageSource.ESTIMATED, ())
        settlement.checkpoint(held, progress)
    assert sweep(deployment).closings == {Closing.SETTLED: 1}
    found = receipt(deployment, base_url, held)
    assert (found["settlement_reason"], found["tokens"]["output"]) == ("abandoned", 20)


def test_a_settled_request_is_left_as_it_is_and_seen_once(deployment: Deployment, settlement: Settlement) -> None:
    settlement.settle(settlement.hold(intent(deployment), 0), OUTCOME)
    before = deployment.wallet()
    assert sweep(deployment).closings == {Closing.WAS_ENDED: 1}
    assert deployment.wallet() == before
    assert sweep(deployment).intents == 0, "the cursor has moved on"


def test_a_hold_that_was_never_placed_leaves_a_stone_that_a_delayed_settle_stumbles_over(
    deployment: Deployment, settlement: Settlement, base_url: str
) -> None:
    made = intent(deployment)
    deployment.ledger.put_intent(made)
    assert sweep(deployment).closings == {Closing.NOT_HELD: 1}
    held = settlement.hold_less(made, 0, made.hold_nano)  # the delayed message arrives after all
    with pytest.raises(AlreadySettled):
        settlement.settle(held, OUTCOME)
    assert deployment.wallet().held_nano == made.hold_nano
    deployment.scheduled(LATER).reconciliation.run()
    assert deployment.wallet().held_nano == 0, "and the reconciliation gives the stray hold back"
    api = Api(base_url, deployment.key())
    assert api.get("/receipts").json()["data"] == [], "nothing happened, so nothing is listed"
    assert [line["type"] for line in api.get("/ledger").json()["data"]] == ["top_up"]


def test_a_hold_that_a_delayed_message_placed_again_is_released(deployment: Deployment, settlement: Settlement) -> None:
    made = intent(deployment)
    settlement.settle(settlement.hold(made, 0), OUTCOME)
    after = deployment.wallet()
    settlement.hold_less(made, 0, made.hold_nano)
    assert sweep(deployment).closings == {Closing.RELEASED: 1}
    assert deployment.wallet() == after


def test_an_answer_that_comes_after_the_void_is_charged_once_in_an_entry_of_its_own(
    deployment: Deployment, settlement: Settlement
) -> None:
    before = deployment.wallet().balance_nano
    held = settlement.hold(intent(deployment), 0)
    sweep(deployment)
    with pytest.raises(AlreadySettled) as already:
        settlement.settle(held, OUTCOME)
    late = settlement.settle_late(held, OUTCOME, already.value.entry)
    again = settlement.settle_late(held, OUTCOME, already.value.entry)
    assert late.type is EntryType.LATE and again == late
    assert before - deployment.wallet().balance_nano == price_usage(USAGE, PRICE)


def test_a_late_answer_that_the_wallet_cannot_pay_is_the_operators_loss(
    deployment: Deployment, settlement: Settlement
) -> None:
    poor = deployment.other_account()
    poor.fund(WalletKind.OFFICIAL, "1")
    held = settlement.hold(intent(poor), 0)
    sweep(poor)
    rest = settlement.hold(intent(poor), 0)
    void = poor.ledger.read_entry(
        poor.account.account_id, WalletKind.OFFICIAL, entry_id_of(held.intent.request_id, EntryType.REQUEST)
    )
    assert void is not None
    late = settlement.settle_late(held, OUTCOME, void)
    assert late.request is not None
    assert (late.wallet_nano, late.request.uncharged_nano) == (0, price_usage(USAGE, PRICE))
    assert poor.wallet().held_nano == rest.hold_nano and poor.wallet().debits_total_nano == 0


def test_two_sweepers_at_once_are_harmless(deployment: Deployment, settlement: Settlement) -> None:
    before = deployment.wallet().balance_nano
    for _ in range(8):
        settlement.hold(intent(deployment), 0)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: sweep(deployment), range(2)))
    assert deployment.wallet().holds == {} and deployment.wallet().balance_nano == before
    assert deployment.scheduled(LATER).reconciliation.run().findings == []


def test_a_run_that_has_no_time_left_is_continued_by_the_next(deployment: Deployment, settlement: Settlement) -> None:
    settlement.hold(intent(deployment), 0)
    assert deployment.scheduled(LATER).sweeper.run(lambda: False).minutes == 0
    far = ShiftedClock(LATER.shift_ms + 5 * MINUTE_MS)
    turns = iter([True, True, False])
    assert deployment.scheduled(far).sweeper.run(lambda: next(turns)).minutes == 2
    assert sweep(deployment, far).closings == {Closing.VOIDED: 1}
