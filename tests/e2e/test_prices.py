"""An admin's new price reaches the wallet it is for, and no other."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from tests.e2e.calls import KEYS, plain_by_openai
from tests.e2e.local_stack import NEW_PRICE, LocalStack, NewPrice

pytestmark = pytest.mark.e2e

STARTS_WITHIN_S = 90  # a version starts 60 s ahead; the doors read it again within ten


def test_a_routed_price_changes_routed_receipts_only(stack: LocalStack, new_price: NewPrice) -> None:
    official, routed = (stack.api(key, deployed=True) for key in KEYS.values())
    until = time.monotonic() + STARTS_WITHIN_S
    while (charged := routed.explained(plain_by_openai(routed)))["price_version"] != new_price.version:
        assert time.monotonic() < until, "the new price has not started"
        time.sleep(2)
    prices, tokens = charged["prices"]["per_1m_tokens"], charged["tokens"]
    assert {name: prices[name] for name in NEW_PRICE} == NEW_PRICE
    cost = sum(tokens[name] * Decimal(amount) for name, amount in NEW_PRICE.items()) / 1_000_000
    assert Decimal(charged["charge"]) == cost
    assert stack.admin("prices", "official") == new_price.official_prices_before
    after, before = official.explained(plain_by_openai(official)), new_price.official_receipt_before
    assert [after[part] for part in ("prices", "tokens", "charge")] == [
        before[part] for part in ("prices", "tokens", "charge")
    ]
    print(f"routed {new_price.version}: {charged['arithmetic']}")
    print(f"official {after['price_version']}, as before: {after['arithmetic']}")
