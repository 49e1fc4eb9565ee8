"""What is written comes back as it was: every field of every dataclass, each in turn unlike its neighbours."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, OTHER_KEY, ROUTED, hold_request, intent, outcome, receipt
from tests.conformance.ledger import Ledger
from tests.unit.builders import NOW_MS, PRICE
from tokens_forge.journal import Attempt, Entry, Posting, RequestFacts, SettlementReason, UsageSource
from tokens_forge.pricing import TOKENS_MAX, PriceTier, UnitPrices, Usage
from tokens_forge.store.port import IntentRecord, PostAnswer, Unchanged
from tokens_forge.wallets import Wallet, WalletStatus

TIERS = (PriceTier(128_000, UnitPrices(1, 2, 3, 4)), PriceTier(0, UnitPrices(10**24, 0, 7, 5)))
PRICES: dict[str, Any] = {
    "version": {"version": "p2 – «neu»"},
    "currency": {"currency": "CNY"},
    "unit_prices": {"unit_prices": UnitPrices(1, 2, 3, 4)},
    "multiplier_ppm": {"multiplier_ppm": 123_456, "basis": "official"},
    "basis": {"basis": "official"},
    "tiers": {"tiers": TIERS},
    "effective_at_ms": {"effective_at_ms": NOW_MS},
}
INTENTS: dict[str, Any] = {
    "request_id": {"request_id": f"req_{'7' + 'z' * 25}".replace("7z", "0z")},
    "account_id": {"account_id": "acc_zzzzzzzzzzzz"},
    "kind": {"kind": ROUTED},
    "key_id": {"key_id": OTHER_KEY},
    "key_has_spend_limit": {"key_has_spend_limit": True},
    "model": {"model": "gpt-test"},
    "endpoint": {"endpoint": "embeddings"},
    "primary_channel_id": {"primary_channel_id": "second"},
    "price": {"price": replace(PRICE, version="p2")},
    "hold_nano": {"hold_nano": 10**24},
    "repeats": {"repeats": "req_01m86yeefshgvfsxn5v0zx9a26"},
    "part_of": {"part_of": "hold_01m86yeefshgvfsxn5v0zx9a26"},
}
MANY = tuple(Attempt(f"channel-{number}", "timeout", number) for number in range(50))
OUTCOMES: dict[str, Any] = {
    "reason": {"reason": SettlementReason.DEADLINE},
    "usage": {"usage": Usage(1, 2, 3, 5, 4)},
    "usage of nothing": {"usage": Usage()},
    "usage of the most": {"usage": Usage(TOKENS_MAX, TOKENS_MAX, TOKENS_MAX, TOKENS_MAX, TOKENS_MAX)},
    "usage_source": {"usage_source": UsageSource.ESTIMATED},
    "attempts": {"attempts": (Attempt("a", "ok", 0), Attempt("b", "ok", 10**12))},
    "attempts, none": {"attempts": ()},
    "attempts, many": {"attempts": MANY},
}
FACTS: dict[str, Any] = {
    "key_id": {"key_id": OTHER_KEY},
    "model": {"model": "gpt-test"},
    "endpoint": {"endpoint": "embeddings"},
    "attempts": {"attempts": (Attempt("x", "http_429", 7),)},
    "attempts, none": {"attempts": ()},
    "backup_used": {"backup_used": False},
    "price_version": {"price_version": "p2"},
    "price_basis": {"price_basis": "official"},
    "unit_prices": {"unit_prices": UnitPrices(1, 2, 3, 4)},
    "multiplier_ppm": {"multiplier_ppm": 7},
    "usage": {"usage": Usage(1, 2, 3, 5, 4)},
    "usage_source": {"usage_source": UsageSource.NONE},
    "reason": {"reason": SettlementReason.ABANDONED},
    "hold_nano": {"hold_nano": 10**24},
    "charge_nano": {"charge_nano": 0},
    "uncharged_nano": {"uncharged_nano": 10**24},
}
ENTRIES: dict[str, Any] = {
    "entry_id": {"entry_id": f"{'0' * 26}.top_up"},
    "account_id": {"account_id": "acc_zzzzzzzzzzzz"},
    "kind": {"kind": ROUTED},
    "currency": {"currency": "CNY"},
    "written_at_ms": {"written_at_ms": 0},
    "postings": {"postings": (Posting("wallet", -(10**24)), Posting("clearing:stripe", 10**24))},
    "postings, none": {"postings": ()},
    "postings, many": {"postings": (Posting("wallet", 3), Posting("a", -4), Posting("operator", -1), Posting("z", 2))},
    "reference": {"reference": "ord_1: paid “twice”"},
    "reference, none": {"reference": None},
}
WALLETS: dict[str, Any] = {
    "account_id": {"account_id": "acc_zzzzzzzzzzzz"},
    "kind": {"kind": ROUTED},
    "currency": {"currency": "EUR"},
    "available_nano": {"available_nano": 3, "credits_total_nano": 3},
    "credits_total_nano": {"credits_total_nano": 10**24, "available_nano": 10**24},
    "debits_total_nano": {"debits_total_nano": 8, "credits_total_nano": 8},
    "debt_nano": {"debt_nano": 5, "debits_total_nano": 5},
    "status": {"status": WalletStatus.FROZEN},
    "auth_epoch": {"auth_epoch": 2**40},
    "opened_at_ms": {"opened_at_ms": 0},
    "key_spend_left_nano": {"key_spend_left_nano": {KEY: 0, OTHER_KEY: 10**24}},
}
UNUSUAL_NAMES = [
    "模型/γλῶσσα-🦊:latest",
    "é is not é",
    "\u202eright to left",
    "\ufeff\u200b\u00a0",
    "\uffff\U0010ffff",
    "a\x00b\x1f\x7f",
    ' quotes " \\ and\nlines\t ',
    "#name :value ${x} [0].b",
    "null",
    "0100",
    "m" * 2_000,
]


def put_receipt(ledger: Ledger, facts: RequestFacts) -> Entry:
    """An entry with these facts, written and read again."""
    plain = receipt(hold_request(facts.hold_nano))
    nano = facts.charge_nano
    postings = (Posting("wallet", -nano), Posting("revenue", nano)) if nano else ()
    return put(ledger, replace(plain, request=facts, postings=postings))


def put(ledger: Ledger, entry: Entry) -> Entry:
    assert ledger.post(entry, Unchanged()) == PostAnswer(posted=True)
    found = ledger.read_entry(entry.account_id, entry.kind, entry.entry_id)
    assert found is not None
    return found


def a_top_up() -> Entry:
    postings = (Posting("wallet", 5), Posting("clearing:test", -5))
    return Entry(f"{'1' * 26}.top_up", ACCOUNT, OFFICIAL, "USD", NOW_MS, postings, reference="ord_1")


@pytest.mark.parametrize("name", INTENTS)
def test_an_intent_comes_back_as_it_was(empty_ledger: Ledger, name: str) -> None:
    made = intent(**INTENTS[name])
    assert made != replace(intent(), request_id=made.request_id) or name == "request_id"
    empty_ledger.put_intent(made)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


@pytest.mark.parametrize("name", PRICES)
def test_the_price_of_an_intent_comes_back_as_it_was(empty_ledger: Ledger, name: str) -> None:
    made = intent(price=replace(PRICE, **PRICES[name]))
    assert made.price != PRICE
    empty_ledger.put_intent(made)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("what", ["outcome", "checkpoint"])
def test_an_outcome_comes_back_as_it_was(empty_ledger: Ledger, name: str, what: str) -> None:
    made, ended = intent(), outcome(**OUTCOMES[name])
    assert ended != outcome()
    empty_ledger.put_intent(made)
    if what == "outcome":
        empty_ledger.record_outcome(made, ended)
        assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, outcome=ended)
    else:
        empty_ledger.record_checkpoint(made, ended)
        assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, checkpoint=ended)


@pytest.mark.parametrize("reason", SettlementReason)
def test_every_reason_comes_back(empty_ledger: Ledger, reason: SettlementReason) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    empty_ledger.record_outcome(made, outcome(reason=reason))
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, outcome(reason=reason))
    facts = replace(base_facts(), reason=reason)
    assert put_receipt(empty_ledger, facts).request == facts


def base_facts() -> RequestFacts:
    facts = receipt(hold_request(400), 100).request
    assert facts is not None
    return facts


@pytest.mark.parametrize("name", FACTS)
def test_a_receipt_comes_back_as_it_was(empty_ledger: Ledger, name: str) -> None:
    facts = replace(base_facts(), **FACTS[name])
    assert facts != base_facts()
    assert put_receipt(empty_ledger, facts).request == facts


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_comes_back_as_it_was(empty_ledger: Ledger, name: str) -> None:
    entry = replace(a_top_up(), **ENTRIES[name])
    assert entry != a_top_up()
    assert put(empty_ledger, entry) == entry


@pytest.mark.parametrize("name", WALLETS)
def test_a_wallet_comes_back_as_it_was(empty_ledger: Ledger, name: str) -> None:
    wallet = replace(Wallet(ACCOUNT, OFFICIAL, "USD", opened_at_ms=NOW_MS), **WALLETS[name])
    assert empty_ledger.open_wallet(wallet)
    assert empty_ledger.read_wallet(wallet.account_id, wallet.kind) == wallet


@pytest.mark.parametrize("name", UNUSUAL_NAMES)
def test_unusual_names_come_back_letter_by_letter(empty_ledger: Ledger, name: str) -> None:
    made = intent(model=name, endpoint=name, primary_channel_id=name, key_id=name)
    ended = outcome(attempts=(Attempt(name, name, 1),))
    empty_ledger.put_intent(made)
    empty_ledger.record_outcome(made, ended)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, ended)
    facts = replace(base_facts(), model=name, attempts=(Attempt(name, name, 1),), price_version=name)
    assert put_receipt(empty_ledger, facts).request == facts
    assert put(empty_ledger, replace(a_top_up(), reference=name)).reference == name


@pytest.mark.parametrize(
    ("kind", "table", "elsewhere"),
    [
        (type(intent()), INTENTS, set()),
        (type(PRICE), PRICES, set()),
        (type(outcome()), OUTCOMES, set()),
        (RequestFacts, FACTS, set()),
        (Entry, ENTRIES, {"request"}),  # FACTS
        (Wallet, WALLETS, {"held_nano", "holds"}),  # test_holds.py: a wallet is opened without
    ],
)
def test_every_field_has_its_turn(kind: Any, table: dict[str, Any], elsewhere: set[str]) -> None:
    assert {field.name for field in fields(kind)} - elsewhere <= set(table)
