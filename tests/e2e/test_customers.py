"""A fresh deployment by `sam build && sam deploy`, and what its customers do with it.

The local AWS does not stream: streams are answered by the same application as a process, whole answers by that process or by
the deployed functions behind the local API Gateway. Pages, workflow, admin API and schedules are the deployed ones.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.e2e.books import available, proven, wallets
from tests.e2e.calls import HELLO, KEYS, MODEL, plain_by_openai
from tests.e2e.local_stack import LocalStack
from tests.support.http import Api

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("new_price")]

CLAUDE = "claude-haiku-4-5"


@pytest.mark.parametrize("kind", KEYS)
def test_the_public_clients_are_billed_on_the_wallet_of_their_key(stack: LocalStack, kind: str) -> None:
    api, deployed = stack.api(KEYS[kind]), stack.api(KEYS[kind], deployed=True)
    other = next(name for name in KEYS if name != kind)
    before = wallets(api)
    summaries = [*by_openai(api), plain_by_openai(deployed), by_anthropic(api)]
    receipts = [api.explained(summary) for summary in summaries]
    assert {receipt["wallet"] for receipt in receipts} == {kind}
    after = wallets(api)
    charged = sum(Decimal(receipt["charge"]) for receipt in receipts)
    assert Decimal(before[kind]["available"]) - Decimal(after[kind]["available"]) == charged > 0
    assert after[other] == before[other], "nothing crosses over"
    print(f"{kind}: {len(receipts)} calls, {charged} {after[kind]['currency']}: {[one['charge'] for one in receipts]}")


def test_an_order_paid_on_its_page_is_credited_once(stack: LocalStack) -> None:
    api = stack.api("FORGE_OFFICIAL_KEY")
    before = available(api, "official")
    order = api.post("/checkout/orders", {"wallet": "official", "amount": "20.00"}).json()
    page = order["payment_page"]
    assert "Sandbox, no real money" in httpx.get(page).text
    assert httpx.post(page, data={"action": "pay"}).status_code == 303
    paid = settled(api, order["id"])
    [event] = [line["event"] for line in paid["trail"] if line["what"] == "provider_event"]
    assert httpx.post(page, data={"action": "again", "event": event}).status_code == 303
    assert api.post(f"/checkout/orders/{order['id']}/check", {}).json()["state"] == "credited"
    assert available(api, "official") == before + 20
    [line] = [each for each in api.get("/ledger", limit=5).json()["data"] if each["entry_id"] == paid["entry_id"]]
    assert (line["type"], line["amount"]) == ("top_up", "20.00")
    assert stack.invoke("Comparison")["findings"] == 0
    print(f"order: {[line['what'] for line in paid['trail']]}; {before} → {before + 20} USD")


def test_a_research_run_comes_to_its_report_within_its_estimate(stack: LocalStack) -> None:
    api = stack.api("FORGE_OFFICIAL_KEY", deployed=True)
    before = available(api, "official")
    asked = {"symbol": "DEMO", "preset": "brief"}
    estimate = api.post("/research/estimates", asked).json()
    run = api.post("/research/runs", {**asked, "max_charge": estimate["highest"]}).json()
    until = time.monotonic() + 60
    while run["state"] in ("queued", "in_progress") and time.monotonic() < until:
        time.sleep(0.5)
        run = api.get(f"/research/runs/{run['id']}").json()
    assert run["state"] == "completed", run
    receipts = [api.get(f"/receipts/{stage['receipt_id']}").json() for stage in run["stages"] if stage["receipt_id"]]
    charged = sum(Decimal(receipt["charge"]) for receipt in receipts)
    assert Decimal(0) < charged == Decimal(run["charged"]) <= Decimal(estimate["highest"])
    assert available(api, "official") == before - charged
    report = api.get(f"/research/runs/{run['id']}/report.html").text
    assert "not financial advice" in report and "<svg" in report
    print(
        f"research: {len(receipts)} steps, {charged} USD of at most {estimate['highest']}, report of {len(report)} bytes"
    )


def test_the_books_of_both_wallets_fit(stack: LocalStack) -> None:
    for kind in KEYS:
        print(proven(stack.api("FORGE_MANAGEMENT_KEY"), kind))
    assert stack.invoke("Reconciliation")["findings"] == 0


def by_openai(api: Api) -> list[dict[str, Any]]:
    """The receipts in a whole answer and in a streamed one."""
    with OpenAI(base_url=api.base_url, api_key=api.token) as client:
        chunks: list[Any] = list(
            client.chat.completions.create(
                model=MODEL, messages=HELLO, max_tokens=6, stream=True, stream_options={"include_usage": True}
            )
        )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return [plain_by_openai(api), chunks[-1].forge_receipt]


def by_anthropic(api: Api) -> dict[str, Any]:
    """The receipt in a message."""
    with Anthropic(base_url=api.base_url.removesuffix("/v1"), api_key=api.token) as client:
        answer: Any = client.messages.create(model=CLAUDE, max_tokens=50, messages=HELLO)
    summary: dict[str, Any] = answer.forge_receipt
    return summary


def settled(api: Api, order_id: str) -> dict[str, Any]:
    """The order, once the sandbox's webhook has credited it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        order: dict[str, Any] = api.get(f"/checkout/orders/{order_id}").json()
        if order["state"] == "credited":
            return order
        time.sleep(0.1)
    pytest.fail(f"{order_id} was not credited: {order}")
