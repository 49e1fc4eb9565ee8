"""What a deployment sells balance for: the least and the most of one order, in each currency. No limits, no orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokens_forge.checkout.currencies import NotPayable, minor_of
from tokens_forge.errors import RequestError
from tokens_forge.money import Money


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """Least and most of one order."""

    least: Money
    most: Money


def parse_limits(text: str) -> dict[str, OrderLimits]:
    """Limits as a deployment states them: `USD 5 1000, CNY 20 5000`. Raises ValueError."""
    found: dict[str, OrderLimits] = {}
    for part in text.split(","):
        currency, least, most = part.split()
        limits = OrderLimits(Money.parse(least, currency), Money.parse(most, currency))
        if not 0 < minor_of(limits.least) <= minor_of(limits.most):
            raise ValueError(f"these are no limits: {part.strip()!r}")
        found[currency] = limits
    return found


def parse_amount(given: str, currency: str, limits: Mapping[str, OrderLimits]) -> Money:
    """An amount that can be ordered. Raises RequestError."""
    allowed = limits.get(currency)
    if allowed is None:
        raise RequestError(f"This deployment sells nothing in {currency}.", param="wallet")
    try:
        amount = Money.parse(given, currency)
        minor_of(amount)
    except NotPayable as wrong:
        raise RequestError(str(wrong), param="amount") from None
    except ValueError:
        raise RequestError('Send `amount` as a decimal string such as "20.00".', param="amount") from None
    if not allowed.least <= amount <= allowed.most:
        message = f"One order is at least {allowed.least} and at most {allowed.most} {currency}."
        raise RequestError(message, param="amount")
    return amount
