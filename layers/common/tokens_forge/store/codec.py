"""Stored items of the money tables and the dataclasses they stand for, in DynamoDB's low-level format.

A request's journal item and intent item stay below 1 KB, so that each costs one write unit (two in a transaction):
tests/stack/test_write_units.py holds them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import (
    Attempt,
    Entry,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    book_of,
    posting_order,
)
from tokens_forge.money import Money
from tokens_forge.pricing import Price, PriceTier, UnitPrices, Usage
from tokens_forge.store.port import IntentRecord
from tokens_forge.wallets import OpenHold, Wallet, WalletKind, WalletStatus

Item = dict[str, Any]


def text(value: str) -> Item:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Item:
    """An integer attribute."""
    return {"N": str(value)}


def numbers(values: Mapping[str, int]) -> Item:
    """A map of integers."""
    return {"M": {name: number(value) for name, value in values.items()}}


def _int(attribute: Mapping[str, str]) -> int:
    return int(attribute["N"])


def wallet_key(account_id: str, kind: WalletKind) -> Item:
    """The key of a wallet item."""
    return {"account_id": text(account_id), "kind": text(kind.value)}


def wallet_item(wallet: Wallet) -> Item:
    """The item of a wallet with nothing held."""
    assert not wallet.holds
    return {
        **wallet_key(wallet.account_id, wallet.kind),
        "currency": text(wallet.currency),
        "available": number(wallet.available_nano),
        "held": number(wallet.held_nano),
        "credits_total": number(wallet.credits_total_nano),
        "debits_total": number(wallet.debits_total_nano),
        "debt": number(wallet.debt_nano),
        "status": text(wallet.status.value),
        "auth_epoch": number(wallet.auth_epoch),
        "opened_at_ms": number(wallet.opened_at_ms),
        "open_holds": number(0),
        "holds": {"M": {}},
        "key_spend_left": numbers(wallet.key_spend_left_nano),
    }


def hold_attribute(nano: int, placed_at_ms: int, limited_key_id: str | None, part_of: str | None) -> Item:
    """One open hold inside a wallet item."""
    fields = {"nano": number(nano), "at": number(placed_at_ms)}
    if limited_key_id is not None:
        fields["key"] = text(limited_key_id)
    if part_of is not None:
        fields["part_of"] = text(part_of)
    return {"M": fields}


def wallet_of(item: Item) -> Wallet:
    """The wallet that an item stands for."""
    holds = {
        hold_id: OpenHold(
            hold_id=hold_id,
            nano=_int(attribute["M"]["nano"]),
            placed_at_ms=_int(attribute["M"]["at"]),
            limited_key_id=attribute["M"]["key"]["S"] if "key" in attribute["M"] else None,
            part_of=attribute["M"]["part_of"]["S"] if "part_of" in attribute["M"] else None,
        )
        for hold_id, attribute in item["holds"]["M"].items()
    }
    return Wallet(
        account_id=item["account_id"]["S"],
        kind=WalletKind(item["kind"]["S"]),
        currency=item["currency"]["S"],
        available_nano=_int(item["available"]),
        held_nano=_int(item["held"]),
        credits_total_nano=_int(item["credits_total"]),
        debits_total_nano=_int(item["debits_total"]),
        debt_nano=_int(item["debt"]),
        status=WalletStatus(item["status"]["S"]),
        auth_epoch=_int(item["auth_epoch"]),
        opened_at_ms=_int(item["opened_at_ms"]),
        holds=holds,
        key_spend_left_nano={key_id: _int(left) for key_id, left in item["key_spend_left"]["M"].items()},
    )


def unit_prices_attribute(prices: UnitPrices) -> Item:
    """Nano per 1M tokens, one number for each bucket."""
    return numbers(
        {
            "input": prices.input,
            "cached_input": prices.cached_input,
            "cache_write": prices.cache_write,
            "output": prices.output,
        }
    )


def unit_prices_of(attribute: Item) -> UnitPrices:
    """The unit prices that an attribute stands for."""
    return UnitPrices(**{bucket: _int(price) for bucket, price in attribute["M"].items()})


def price_attribute(price: Price) -> Item:
    """A price version inside another item."""
    fields = {
        "version": text(price.version),
        "currency": text(price.currency),
        "unit_prices": unit_prices_attribute(price.unit_prices),
        "multiplier_ppm": number(price.multiplier_ppm),
        "basis": text(price.basis),
        "effective_at_ms": number(price.effective_at_ms),
    }
    if price.tiers:
        fields["tiers"] = {
            "L": [
                {
                    "M": {
                        "input_tokens_above": number(tier.input_tokens_above),
                        "unit_prices": unit_prices_attribute(tier.unit_prices),
                    }
                }
                for tier in price.tiers
            ]
        }
    return {"M": fields}


def price_of(attribute: Item) -> Price:
    """The price version that an attribute stands for."""
    fields = attribute["M"]
    return Price(
        version=fields["version"]["S"],
        currency=fields["currency"]["S"],
        unit_prices=unit_prices_of(fields["unit_prices"]),
        multiplier_ppm=_int(fields["multiplier_ppm"]),
        basis=fields["basis"]["S"],
        effective_at_ms=_int(fields["effective_at_ms"]),
        tiers=tuple(
            PriceTier(_int(tier["M"]["input_tokens_above"]), unit_prices_of(tier["M"]["unit_prices"]))
            for tier in fields.get("tiers", {"L": []})["L"]
        ),
    )


def intent_key(minute: str, request_id: str) -> Item:
    """The key of an intent item."""
    return {"minute": text(minute), "request_id": text(request_id)}


def intent_item(intent: Intent) -> Item:
    """The item of an intent."""
    return {
        **intent_key(intent.minute, intent.request_id),
        "account_id": text(intent.account_id),
        "kind": text(intent.kind.value),
        "key_id": text(intent.key_id),
        "key_has_spend_limit": {"BOOL": intent.key_has_spend_limit},
        "model": text(intent.model),
        "endpoint": text(intent.endpoint),
        "primary_channel_id": text(intent.primary_channel_id),
        "price": price_attribute(intent.price),
        "hold": number(intent.hold_nano),
        "expires_at": number(intent.expires_at_s),
        **({"repeats": text(intent.repeats)} if intent.repeats is not None else {}),
        **({"part_of": text(intent.part_of)} if intent.part_of is not None else {}),
    }


def outcome_attribute(outcome: Outcome) -> Item:
    """An outcome or a checkpoint inside an intent item."""
    return {
        "M": {
            "reason": text(outcome.reason.value),
            "usage": _usage_attribute(outcome.usage),
            "usage_source": text(outcome.usage_source.value),
            "attempts": _attempts_attribute(outcome.attempts),
        }
    }


def intent_record_of(item: Item) -> IntentRecord:
    """The intent record that an item stands for."""
    intent = Intent(
        request_id=item["request_id"]["S"],
        account_id=item["account_id"]["S"],
        kind=WalletKind(item["kind"]["S"]),
        key_id=item["key_id"]["S"],
        key_has_spend_limit=item["key_has_spend_limit"]["BOOL"],
        model=item["model"]["S"],
        endpoint=item["endpoint"]["S"],
        primary_channel_id=item["primary_channel_id"]["S"],
        price=price_of(item["price"]),
        hold_nano=_int(item["hold"]),
        repeats=item["repeats"]["S"] if "repeats" in item else None,
        part_of=item["part_of"]["S"] if "part_of" in item else None,
    )
    outcome, checkpoint = item.get("outcome"), item.get("checkpoint")
    return IntentRecord(
        intent,
        outcome=_outcome_of(outcome["M"]) if outcome else None,
        checkpoint=_outcome_of(checkpoint["M"]) if checkpoint else None,
    )


def _outcome_of(fields: Mapping[str, Any]) -> Outcome:
    return Outcome(
        reason=SettlementReason(fields["reason"]["S"]),
        usage=_usage_of(fields["usage"]),
        usage_source=UsageSource(fields["usage_source"]["S"]),
        attempts=_attempts_of(fields["attempts"]),
    )


def _usage_attribute(usage: Usage) -> Item:
    return numbers(
        {
            "input": usage.input,
            "cached_input": usage.cached_input,
            "cache_write": usage.cache_write,
            "output": usage.output,
            "reasoning": usage.reasoning,
        }
    )


def _usage_of(attribute: Item) -> Usage:
    return Usage(**{bucket: _int(tokens) for bucket, tokens in attribute["M"].items()})


def _attempts_attribute(attempts: tuple[Attempt, ...]) -> Item:
    return {"L": [{"L": _attempt_values(attempt)} for attempt in attempts]}


def _attempt_values(attempt: Attempt) -> list[Item]:
    values = [text(attempt.channel_id), text(attempt.outcome), number(attempt.duration_ms)]
    return [*values, number(attempt.cost.nano), text(attempt.cost.currency)] if attempt.cost is not None else values


def _attempts_of(attribute: Item) -> tuple[Attempt, ...]:
    return tuple(_attempt_of(*attempt["L"]) for attempt in attribute["L"])


def _attempt_of(channel: Item, outcome: Item, duration: Item, *cost: Item) -> Attempt:
    paid = Money(_int(cost[0]), cost[1]["S"]) if cost else None
    return Attempt(channel["S"], outcome["S"], _int(duration), paid)


def entry_key(account_id: str, kind: WalletKind, entry_id: str) -> Item:
    """The key of a journal item: a function of the entry's identity alone, so it can exist once."""
    return {"book": text(book_of(account_id, kind, entry_id)), "entry_id": text(entry_id)}


def entry_item(entry: Entry) -> Item:
    """The item of an entry. Account and wallet are in its key."""
    item = {
        **entry_key(entry.account_id, entry.kind, entry.entry_id),
        "currency": text(entry.currency),
        "written_at_ms": number(entry.written_at_ms),
        "postings": numbers({posting.book_account: posting.nano for posting in entry.postings}),
    }
    if entry.reference is not None:
        item["reference"] = text(entry.reference)
    if entry.request is not None:
        item["request"] = _request_attribute(entry.request)
    return item


def _request_attribute(facts: RequestFacts) -> Item:
    return {
        "M": {
            "key_id": text(facts.key_id),
            "model": text(facts.model),
            "endpoint": text(facts.endpoint),
            "attempts": _attempts_attribute(facts.attempts),
            "backup_used": {"BOOL": facts.backup_used},
            "price_version": text(facts.price_version),
            "price_basis": text(facts.price_basis),
            "unit_prices": unit_prices_attribute(facts.unit_prices),
            "multiplier_ppm": number(facts.multiplier_ppm),
            "usage": _usage_attribute(facts.usage),
            "usage_source": text(facts.usage_source.value),
            "reason": text(facts.reason.value),
            "hold": number(facts.hold_nano),
            "charge": number(facts.charge_nano),
            "uncharged": number(facts.uncharged_nano),
        }
    }


def entry_of(item: Item) -> Entry:
    """The entry that an item stands for."""
    account_id, kind, _day = item["book"]["S"].split("#")
    return Entry(
        entry_id=item["entry_id"]["S"],
        account_id=account_id,
        kind=WalletKind(kind),
        currency=item["currency"]["S"],
        written_at_ms=_int(item["written_at_ms"]),
        postings=tuple(sorted_postings(item["postings"]["M"])),
        request=_request_of(item["request"]["M"]) if "request" in item else None,
        reference=item["reference"]["S"] if "reference" in item else None,
    )


def sorted_postings(attribute: Mapping[str, Any]) -> list[Posting]:
    """Postings with the wallet first: a stored map has no order of its own."""
    postings = [Posting(name, _int(nano)) for name, nano in attribute.items()]
    return sorted(postings, key=lambda posting: posting_order(posting.book_account))


def _request_of(fields: Mapping[str, Any]) -> RequestFacts:
    return RequestFacts(
        key_id=fields["key_id"]["S"],
        model=fields["model"]["S"],
        endpoint=fields["endpoint"]["S"],
        attempts=_attempts_of(fields["attempts"]),
        backup_used=fields["backup_used"]["BOOL"],
        price_version=fields["price_version"]["S"],
        price_basis=fields["price_basis"]["S"],
        unit_prices=unit_prices_of(fields["unit_prices"]),
        multiplier_ppm=_int(fields["multiplier_ppm"]),
        usage=_usage_of(fields["usage"]),
        usage_source=UsageSource(fields["usage_source"]["S"]),
        reason=SettlementReason(fields["reason"]["S"]),
        hold_nano=_int(fields["hold"]),
        charge_nano=_int(fields["charge"]),
        uncharged_nano=_int(fields["uncharged"]),
    )
