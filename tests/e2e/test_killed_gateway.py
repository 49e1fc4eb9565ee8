"""A gateway is killed between hold and settle, and nobody helps: the scheduled sweeper closes its requests, to the last nano."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest

from tests.e2e.books import wallets
from tests.e2e.local_stack import CHUNK_DELAY_S, LocalStack
from tests.support.http import Api, chat_body
from tokens_forge.receipts import recompute

pytestmark = pytest.mark.e2e

# The sandbox repeats these words, one after the other: both streams go on for longer than the test needs.
LONG = " ".join(["word"] * 40)
CHECKPOINT_AFTER_S = 5.0
SWEPT_WITHIN_S = 240  # abandoned after one minute, then the rest of its minute, then the sweeper's next minute


def test_what_a_killed_gateway_held_is_closed_by_the_sweeper(stack: LocalStack) -> None:
    funds = wallets(stack.api("FORGE_OFFICIAL_KEY"))
    with httpx.Client(timeout=60) as client:
        long, began = opened(client, stack.api("FORGE_ROUTED_KEY")), time.monotonic()
        read_until(long, began + CHECKPOINT_AFTER_S + 2 * CHUNK_DELAY_S)
        short = opened(client, stack.api("FORGE_OFFICIAL_KEY"))
        holding = wallets(stack.api("FORGE_OFFICIAL_KEY"))
        assert all(wallet["open_holds"] == 1 and Decimal(wallet["held"]) > 0 for wallet in holding.values())
        stack.kill("api")
        with pytest.raises(httpx.HTTPError):
            read_until(short, time.monotonic() + 30)
    assert not answers(stack.api("FORGE_OFFICIAL_KEY")), "the gateway is dead"

    nothing = receipt(stack, "FORGE_OFFICIAL_KEY", short.headers["x-forge-receipt-id"])
    assert (nothing["settlement_reason"], nothing["charge"], nothing["usage_source"]) == ("abandoned", "0.00", "none")
    part = receipt(stack, "FORGE_ROUTED_KEY", long.headers["x-forge-receipt-id"])
    assert (part["settlement_reason"], part["usage_source"]) == ("abandoned", "estimated")
    assert Decimal(0) < Decimal(part["charge"]) <= Decimal(part["hold"])
    assert recompute(part) == part["charge"] and part["tokens"]["output"] > 0

    after = wallets(stack.api("FORGE_OFFICIAL_KEY", deployed=True))
    for kind, closed in (("official", nothing), ("routed", part)):
        assert Decimal(after[kind]["available"]) == Decimal(funds[kind]["available"]) - Decimal(closed["charge"])
        assert (after[kind]["held"], after[kind]["open_holds"], after[kind]["status"]) == ("0.00", 0, "active")
    reconciled = stack.invoke("Reconciliation")
    assert reconciled["findings"] == 0 and reconciled["wallets"] == 2, reconciled
    print(f"closed {time.monotonic() - began:.0f} s after the first request; reconciliation: {reconciled}")


def opened(client: httpx.Client, api: Api) -> httpx.Response:
    """A stream whose head has arrived: its hold stands, and the provider is answering."""
    body = chat_body(stream=True, messages=[{"role": "user", "content": LONG}])
    request = client.build_request("POST", f"{api.base_url}/chat/completions", headers=api.headers(), json=body)
    response = client.send(request, stream=True)
    assert response.status_code == 200
    return response


def read_until(response: httpx.Response, moment: float) -> None:
    """Take pieces of the stream until this moment of the monotonic clock."""
    for _ in response.iter_raw():
        if time.monotonic() >= moment:
            return
    pytest.fail("the stream ended before its gateway was killed")


def receipt(stack: LocalStack, key: str, receipt_id: str) -> dict[str, Any]:
    """The receipt, as soon as the sweeper has written it; asked for behind the local API Gateway, where nothing was killed."""
    until = time.monotonic() + SWEPT_WITHIN_S
    while time.monotonic() < until:
        answer = stack.api(key, deployed=True).get(f"/receipts/{receipt_id}")
        if answer.status_code == 200:
            found: dict[str, Any] = answer.json()
            return found
        assert answer.status_code == 404, answer.text
        time.sleep(2)
    pytest.fail(f"{receipt_id} was not closed within {SWEPT_WITHIN_S} s")


def answers(api: Api) -> bool:
    """Whether anybody listens there."""
    try:
        return api.get("/wallets").status_code == 200
    except httpx.HTTPError:
        return False
