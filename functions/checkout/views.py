"""What checkout shows of orders: the words and labels of receipts and wallets, decimal strings only."""

from __future__ import annotations

from typing import Any

from tokens_forge.checkout.orders import Order, Taking
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.ids import iso_of
from tokens_forge.journal import Entry
from tokens_forge.money import decimal
from tokens_forge.policy import Offer
from tokens_forge.views import price_view


def offer_view(offer: Offer) -> dict[str, Any]:
    """A model that a wallet's balance buys, with its price as `/v1/models` shows it."""
    return {"id": offer.model.model_id, "owned_by": offer.model.owned_by, "price": price_view(offer.price)}


def order_view(order: Order) -> dict[str, Any]:
    """An order. `payment_page` is there while it can be paid, `entry_id` once it is credited."""
    return {
        "object": "order",
        "id": order.order_id,
        "wallet": order.kind.value,
        "wallet_label": order.kind.label,
        "currency": order.amount.currency,
        "amount": str(order.amount),
        "state": order.state.value,
        "created_at": iso_of(order.created_at_ms),
        "provider": order.provider,
        "payment_page": order.page_url if order.is_open else None,
        "key_id": order.key_id,
        "entry_id": order.entry_id if order.is_credited else None,
        "taken_back": decimal(order.amount.nano - order.remaining_nano),
        "takings": [_taking_view(taking) for taking in order.takings],
    }


def _taking_view(taking: Taking) -> dict[str, Any]:
    """A refund or dispute, as the buyer sees it: who of us asked for it stays with us."""
    return {
        "id": taking.taking_id,
        "kind": taking.kind.value,
        "amount": decimal(taking.nano),
        "state": taking.state.value,
        "entry_id": taking.entry_id if taking.nano else None,
    }


HIDDEN_FACTS = frozenset({"actor", "reason"})


def admin_order_view(order: Order) -> dict[str, Any]:
    """An order as an admin sees it: whose it is, its payment, and what is left to refund. No page: that is the buyer's."""
    shown = order_view(order)
    del shown["payment_page"]
    return {
        **shown,
        "account_id": order.account_id,
        "payment": order.payment_id,
        "refundable": decimal(order.remaining_nano if order.is_credited else 0),
    }


def admin_trail_view(lines: list[TrailLine]) -> list[dict[str, Any]]:
    """The trail, oldest first, with who asked for what, and why."""
    return [{"at": iso_of(line.at_ms), "what": line.what, **dict(sorted(line.facts.items()))} for line in lines]


def trail_view(lines: list[TrailLine]) -> list[dict[str, Any]]:
    """The trail, oldest first."""
    return [
        {name: value for name, value in line.items() if name not in HIDDEN_FACTS} for line in admin_trail_view(lines)
    ]


def order_receipt_view(order: Order, entry: Entry) -> dict[str, Any]:
    """The receipt of an order: the entry that credits it, in the words of the receipt of a request."""
    return {
        "object": "order_receipt",
        "id": order.order_id,
        "entry_id": entry.entry_id,
        "wallet": entry.kind.value,
        "wallet_label": entry.kind.label,
        "currency": entry.currency,
        "amount": decimal(entry.wallet_nano),
        "created_at": iso_of(entry.occurred_at_ms),
        "settled_at": iso_of(entry.written_at_ms),
        "key_id": order.key_id,
        "account_id": order.account_id,
        "provider": order.provider,
        "payment": order.payment_id,
        "state": order.state.value,
        "taken_back": decimal(order.amount.nano - order.remaining_nano),
        "takings": [_taking_view(taking) for taking in order.takings],
        "postings": [
            {"book_account": posting.book_account, "amount": decimal(posting.nano)} for posting in entry.postings
        ],
    }
