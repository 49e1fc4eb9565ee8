"""Settlement on the simulated store: the promises of design §2 that are about money, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import NOW_MS, PRICE
from tests.unit.settlement_bench import ACCOUNT, ATTEMPTS, DOLLAR, Bench, fund, intent, outcome
from tokens_forge.ids import new_id
from tokens_forge.journal import (
    Attempt,
    Entry,
    EntryType,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    entry_id_of,
)
from tokens_forge.money import Money
from tokens_forge.pricing import PriceTier, UnitPrices, Usage, price_usage
from tokens_forge.settlement import AlreadySettled, HoldLost, HoldRefused
from tokens_forge.store.port import StoreConflict, StoreFault, StoreSilent, StoreThrottled
from tokens_forge.wallets import HoldRefusal, WalletKind


def test_a_request_pays_what_it_used_and_gets_the_rest_of_its_hold_back(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    assert (bench.wallet().available_nano, bench.wallet().held_nano) == (DOLLAR // 2, DOLLAR // 2)
    usage = Usage(input=1000, output=500)
    entry = bench.settlement.settle(held, outcome(usage))
    charge = price_usage(usage, PRICE)
    assert entry.request is not None and entry.request.charge_nano == charge
    assert [(posting.book_account, posting.nano) for posting in entry.postings] == [
        ("wallet", -charge),
        ("revenue", charge),
    ]
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.held_nano, wallet.holds) == (DOLLAR - charge, 0, {})
    assert wallet.debits_total_nano == charge


def test_nothing_crosses_to_the_other_wallet(bench: Bench) -> None:
    routed = bench.wallet(WalletKind.ROUTED)
    held = bench.settlement.hold(intent(DOLLAR), auth_epoch=0)
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.hold(intent(1), auth_epoch=0)
    assert refused.value.refusal is HoldRefusal.INSUFFICIENT
    bench.settlement.settle(held, outcome(Usage(output=10**9)))
    assert bench.wallet().balance_nano == 0
    assert bench.wallet(WalletKind.ROUTED) == routed


def test_a_price_in_another_currency_never_charges_a_wallet(bench: Bench) -> None:
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.hold(intent(1, price=replace(PRICE, currency="CNY")), auth_epoch=0)
    assert refused.value.refusal is HoldRefusal.CURRENCY


def test_usage_above_the_hold_is_the_operators_loss(bench: Bench) -> None:
    held = bench.settlement.hold(intent(1000), auth_epoch=0)
    usage = Usage(output=1_000_000)
    entry = bench.settlement.settle(held, outcome(usage))
    assert entry.request is not None
    assert (entry.request.charge_nano, entry.request.uncharged_nano) == (
        1000,
        price_usage(usage, PRICE) - 1000,
    )
    assert bench.wallet().available_nano == DOLLAR - 1000


def test_a_void_writes_a_receipt_and_charges_nothing(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    entry = bench.settlement.void(held, SettlementReason.UPSTREAM_FAILED, ATTEMPTS)
    assert entry.postings == () and entry.request is not None and entry.request.reason == "upstream_failed"
    assert entry.request.attempts == ATTEMPTS
    assert bench.wallet().available_nano == DOLLAR and not bench.wallet().holds


def test_an_ending_that_is_free_cannot_be_charged(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    with pytest.raises(AssertionError):
        bench.settlement.settle(held, outcome(Usage(output=1), SettlementReason.NO_OUTPUT))
    with pytest.raises(AssertionError, match=r"^a void is for endings that cost nothing$"):
        bench.settlement.void(held, SettlementReason.COMPLETED, ATTEMPTS)


def test_a_settle_sent_again_is_the_same_settle(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    first = bench.settlement.settle(held, outcome(Usage(output=500)))
    after = bench.wallet()
    assert bench.settlement.settle(held, outcome(Usage(output=500))) == first
    assert bench.wallet() == after


def test_a_request_is_ended_only_once(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    first = bench.settlement.void(held, SettlementReason.GATEWAY_FAILED, ())
    with pytest.raises(AlreadySettled) as already:
        bench.settlement.settle(held, outcome(Usage(output=500)))
    assert already.value.entry == first
    assert bench.wallet().available_nano == DOLLAR


def test_a_settle_without_a_hold_writes_nothing(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    lost = f"^{entry_id_of(held.intent.request_id, EntryType.REQUEST)} has neither an entry nor an open hold of"
    with pytest.raises(HoldLost, match=f"{lost} {held.hold_nano - 1} nano$"):
        bench.settlement.settle(replace(held, hold_nano=held.hold_nano - 1), outcome(Usage(output=5)))
    entry_id = entry_id_of(held.intent.request_id, EntryType.REQUEST)
    assert bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, entry_id) is None
    assert held.intent.request_id in bench.wallet().holds


def test_the_intent_is_written_before_the_hold(bench: Bench) -> None:
    made = intent(2 * DOLLAR)
    with pytest.raises(HoldRefused):
        bench.settlement.hold(made, auth_epoch=0)
    record = bench.store.read_intent(made.request_id)
    assert record is not None and record.intent == made


@pytest.mark.parametrize("fault", [StoreConflict("x"), StoreThrottled("x"), StoreSilent("x")])
def test_a_fault_before_or_after_the_write_changes_nothing_but_the_time_it_takes(
    bench: Bench, fault: StoreFault
) -> None:
    bench.store.before = [fault, fault]
    held = bench.settlement.hold(intent(), auth_epoch=0)
    bench.store.before = [fault]
    bench.settlement.settle(held, outcome(Usage(output=500)))
    assert bench.wallet().available_nano == DOLLAR - price_usage(Usage(output=500), PRICE)
    assert bench.clock.slept_ms == [2.0, 4.0, 2.0]


def test_a_lost_reply_is_answered_by_asking_again(bench: Bench) -> None:
    bench.store.after = [StoreSilent("lost")]
    held = bench.settlement.hold(intent(), auth_epoch=0)
    assert bench.wallet().held_nano == DOLLAR // 2
    bench.store.after = [StoreSilent("lost")]
    entry = bench.settlement.settle(held, outcome(Usage(output=500)))
    assert bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, entry.entry_id) == entry
    assert bench.wallet().debits_total_nano == price_usage(Usage(output=500), PRICE)


def test_faults_that_do_not_end_are_raised_after_a_bound(bench: Bench) -> None:
    bench.store.before = [StoreThrottled("x")] * 100
    with pytest.raises(StoreThrottled):
        bench.settlement.hold_less(intent(), 0, 1)
    assert len(bench.store.before) == 100 - 8
    assert bench.clock.slept_ms == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]


def test_another_fault_is_not_retried(bench: Bench) -> None:
    bench.store.before = [StoreFault("denied")] * 2
    with pytest.raises(StoreFault):
        bench.settlement.hold_less(intent(), 0, 1)
    assert len(bench.store.before) == 1


def test_an_order_is_credited_once(bench: Bench) -> None:
    order_id = fund(bench, WalletKind.OFFICIAL, Money(5, "USD"))
    again = bench.balances.top_up(ACCOUNT, WalletKind.OFFICIAL, Money(5, "USD"), order_id=order_id, source="test")
    assert bench.wallet().available_nano == DOLLAR + 5
    assert [(posting.book_account, posting.nano) for posting in again.postings] == [
        ("wallet", 5),
        ("clearing:test", -5),
    ]
    with pytest.raises(AlreadySettled):
        bench.balances.top_up(ACCOUNT, WalletKind.OFFICIAL, Money(6, "USD"), order_id=order_id, source="test")


def test_a_wallet_takes_no_other_currency_and_no_other_account_money(bench: Bench) -> None:
    for account, amount, refusal in (
        (ACCOUNT, Money(5, "CNY"), HoldRefusal.CURRENCY),
        ("acc_zzzzzzzzzzzz", Money(5, "USD"), HoldRefusal.NO_WALLET),
    ):
        with pytest.raises(HoldRefused) as refused:
            bench.balances.top_up(account, WalletKind.OFFICIAL, amount, order_id=new_id("ord", NOW_MS), source="test")
        assert refused.value.refusal is refusal


def test_a_keys_spend_limit_is_hard_and_unspent_holds_come_back_to_it(bench: Bench) -> None:
    limited = intent(600, key_has_spend_limit=True)
    bench.store.set_key_spend_limit(ACCOUNT, WalletKind.OFFICIAL, limited.key_id, 1000)
    held = bench.settlement.hold(limited, auth_epoch=0)
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.hold(intent(600, key_has_spend_limit=True), auth_epoch=0)
    assert refused.value.refusal is HoldRefusal.KEY_SPEND_LIMIT
    entry = bench.settlement.settle(held, outcome(Usage(output=1)))
    assert entry.request is not None and entry.request.charge_nano == 600  # 600 nano of output are capped at the hold
    assert bench.wallet().key_spend_left_nano == {limited.key_id: 400}


def test_a_raised_auth_epoch_stops_the_next_hold(bench: Bench) -> None:
    bench.store.raise_auth_epoch(ACCOUNT, WalletKind.OFFICIAL)
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.hold(intent(), auth_epoch=0)
    assert refused.value.refusal is HoldRefusal.AUTH_EPOCH


@pytest.mark.parametrize("limited", [True, False])
def test_only_a_limited_key_gets_its_unspent_part_back(bench: Bench, limited: bool) -> None:
    made = intent(600_000, key_has_spend_limit=limited)
    if limited:
        bench.store.set_key_spend_limit(ACCOUNT, WalletKind.OFFICIAL, made.key_id, 1_000_000)
    held = bench.settlement.hold(made, auth_epoch=0)
    charge = price_usage(Usage(output=1), PRICE)
    assert charge < 600_000
    bench.settlement.settle(held, outcome(Usage(output=1)))
    assert bench.wallet().key_spend_left_nano == ({made.key_id: 1_000_000 - charge} if limited else {})


@pytest.mark.parametrize("attempts", [(), ("first",), ("first", "second"), ("second", "first")])
def test_a_receipt_says_everything_about_its_request(bench: Bench, attempts: tuple[str, ...]) -> None:
    tier = PriceTier(100, UnitPrices(1_000_000, 2_000_000, 3_000_000, 4_000_000))
    price = replace(PRICE, version="p7", basis="official", multiplier_ppm=1_800_000, tiers=(tier,))
    made = intent(price=price)
    held = bench.settlement.hold(made, auth_epoch=0)
    usage = Usage(input=50, cached_input=40, cache_write=11, output=5, reasoning=4)
    tried = tuple(Attempt(channel, "ok", 5) for channel in attempts)
    entry = bench.settlement.settle(held, replace(outcome(usage), attempts=tried))
    charge = -(-(50 + 2 * 40 + 3 * 11 + 4 * 5) * 18 // 10)
    assert entry == Entry(
        entry_id=entry_id_of(made.request_id, EntryType.REQUEST),
        account_id=ACCOUNT,
        kind=WalletKind.OFFICIAL,
        currency="USD",
        written_at_ms=NOW_MS,
        postings=(Posting("wallet", -charge), Posting("revenue", charge)),
        request=RequestFacts(
            key_id=made.key_id,
            model="small",
            endpoint="chat.completions",
            attempts=tried,
            backup_used=attempts[-1:] == ("second",),
            price_version="p7",
            price_basis="official",
            unit_prices=tier.unit_prices,
            multiplier_ppm=1_800_000,
            usage=usage,
            usage_source=UsageSource.PROVIDER,
            reason=SettlementReason.COMPLETED,
            hold_nano=held.hold_nano,
            charge_nano=charge,
            uncharged_nano=0,
        ),
    )


def test_a_settle_sent_again_later_is_the_same_settle(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    entry = bench.settlement.settle(held, outcome(Usage(output=500)))
    bench.store.journal = {key: replace(there, written_at_ms=1) for key, there in bench.store.journal.items()}
    assert bench.settlement.settle(held, outcome(Usage(output=500))) == replace(entry, written_at_ms=1)
