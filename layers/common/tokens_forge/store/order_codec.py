"""Stored items of the orders table and the dataclasses they stand for."""

from __future__ import annotations

import hashlib

from tokens_forge.checkout.orders import Order, OrderState, Taking, TakingKind, TakingState
from tokens_forge.checkout.port import Repeat
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.ids import day_of, time_ms_of
from tokens_forge.money import Money
from tokens_forge.store.codec import Item, number, text
from tokens_forge.wallets import WalletKind

TRAIL = "trail#"


def key(scope: str, item: str) -> Item:
    """The key of any item."""
    return {"scope": text(scope), "item": text(item)}


def order_key(order_id: str) -> Item:
    """The key of an order, beside which its trail lies."""
    return key(f"order#{order_id}", "order")


def account_key(account_id: str, order_id: str) -> Item:
    """Lists the orders of an account."""
    return key(f"account#{account_id}", order_id)


def day_key(kind: WalletKind, order_id: str) -> Item:
    """Lists the orders of one wallet's business on a UTC day."""
    return key(f"day#{kind.value}#{day_of(time_ms_of(order_id))}", order_id)


def payment_key(provider: str, payment_id: str) -> Item:
    """Finds the order that a payment pays; there can be only one."""
    return key(f"payment#{provider}#{payment_id}", "order")


def refund_key(refund_id: str) -> Item:
    """Finds the order that a refund of ours is of."""
    return key(f"refund#{refund_id}", "order")


def repeat_key(repeat: Repeat) -> Item:
    """Finds the order that an Idempotency-Key of an account made."""
    return key(f"repeat#{repeat.account_id}", hashlib.sha256(repeat.key.encode()).hexdigest())


def order_item(order: Order) -> Item:
    """The item of an order."""
    item = {
        **order_key(order.order_id),
        "order_id": text(order.order_id),
        "account_id": text(order.account_id),
        "kind": text(order.kind.value),
        "currency": text(order.amount.currency),
        "amount": number(order.amount.nano),
        "provider": text(order.provider),
        "key_id": text(order.key_id),
        "page_token": text(order.page_token),
        "created_at_ms": number(order.created_at_ms),
        "return_url": text(order.return_url),
        "state": text(order.state.value),
        "version": number(order.version),
        "takings": {"L": [{"M": _taking_fields(taking)} for taking in order.takings]},
    }
    for name in ("session_id", "page_url", "payment_id"):
        value = getattr(order, name)
        if value is not None:
            item[name] = text(value)
    return item


def _taking_fields(taking: Taking) -> Item:
    fields: Item = {
        "id": text(taking.taking_id),
        "kind": text(taking.kind.value),
        "nano": number(taking.nano),
        "state": text(taking.state.value),
        "closed": {"BOOL": taking.closed},
    }
    for name in ("provider_id", "actor", "reason"):
        value = getattr(taking, name)
        if value is not None:
            fields[name] = text(value)
    return fields


def order_of(item: Item) -> Order:
    """The order that an item stands for."""
    return Order(
        order_id=item["order_id"]["S"],
        account_id=item["account_id"]["S"],
        kind=WalletKind(item["kind"]["S"]),
        amount=Money(int(item["amount"]["N"]), item["currency"]["S"]),
        provider=item["provider"]["S"],
        key_id=item["key_id"]["S"],
        page_token=item["page_token"]["S"],
        created_at_ms=int(item["created_at_ms"]["N"]),
        return_url=item["return_url"]["S"],
        state=OrderState(item["state"]["S"]),
        version=int(item["version"]["N"]),
        session_id=_text_or_none(item, "session_id"),
        page_url=_text_or_none(item, "page_url"),
        payment_id=_text_or_none(item, "payment_id"),
        takings=tuple(_taking_of(taking["M"]) for taking in item["takings"]["L"]),
    )


def _taking_of(fields: Item) -> Taking:
    return Taking(
        taking_id=fields["id"]["S"],
        kind=TakingKind(fields["kind"]["S"]),
        nano=int(fields["nano"]["N"]),
        state=TakingState(fields["state"]["S"]),
        provider_id=_text_or_none(fields, "provider_id"),
        actor=_text_or_none(fields, "actor"),
        reason=_text_or_none(fields, "reason"),
        closed=fields["closed"]["BOOL"],
    )


def line_item(order_id: str, line: TrailLine) -> Item:
    """The item of a line of an order's trail."""
    return {
        **key(f"order#{order_id}", f"{TRAIL}{line.line_id}"),
        "at_ms": number(line.at_ms),
        "what": text(line.what),
        "facts": {"M": {name: text(value) for name, value in line.facts.items()}},
    }


def line_of(item: Item) -> TrailLine:
    """The line that an item stands for."""
    return TrailLine(
        line_id=item["item"]["S"].removeprefix(TRAIL),
        at_ms=int(item["at_ms"]["N"]),
        what=item["what"]["S"],
        facts={name: value["S"] for name, value in item["facts"]["M"].items()},
    )


def _text_or_none(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None
