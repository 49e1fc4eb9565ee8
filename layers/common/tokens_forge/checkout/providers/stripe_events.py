"""What a Stripe event says of an order. Nothing in here is believed: it only names the order to look at.

Event shapes: docs.stripe.com/api/events/types.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.checkout.currencies import NotPayable, money_of
from tokens_forge.checkout.port import ProviderEvent
from tokens_forge.checkout.trail import Verdict
from tokens_forge.money import Money

NAME_LETTERS_MAX = 255
# Stripe counts these otherwise than ISO 4217 does (docs.stripe.com/currencies, "Special cases").
DECIMALS_AT_STRIPE = {"ISK": 2, "UGX": 2, "MGA": 0}
# Where an object carries the whole amount of the order; a refund's or dispute's amount may be a part of it.
_AMOUNTS = {"checkout.session": "amount_total", "charge": "amount", "payment_intent": "amount"}


def event_of(values: Any, signature: Verdict) -> ProviderEvent | None:
    """The event that a JSON value is; None when it is none."""
    if not isinstance(values, dict) or values.get("object") != "event":
        return None
    event_id, event_type = _name(values, "id"), _name(values, "type")
    data = values.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    if event_id is None or event_type is None or not isinstance(about, dict):
        return None
    sort = _name(about, "object") or ""
    marks = about.get("metadata")
    marked = _name(marks, "forge_order") if isinstance(marks, dict) else None
    return ProviderEvent(
        event_id=event_id,
        type=event_type,
        signature=signature,
        order_id=marked or _name(about, "client_reference_id"),
        session_id=_name(about, "id") if sort == "checkout.session" else None,
        payment_id=_name(about, "id") if sort == "payment_intent" else _name(about, "payment_intent"),
        amount=_amount(about, sort),
    )


def _amount(about: dict[str, Any], sort: str) -> Money | None:
    amount, currency = about.get(_AMOUNTS.get(sort, "")), _name(about, "currency")
    if type(amount) is not int or currency is None:
        return None
    code = currency.upper()
    try:
        return money_of(amount, code, DECIMALS_AT_STRIPE.get(code))
    except NotPayable:
        return None


def _name(values: dict[str, Any], key: str) -> str | None:
    """A short text, or the id of an object that was put in its place."""
    value = values.get(key)
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and 0 < len(value) <= NAME_LETTERS_MAX else None
