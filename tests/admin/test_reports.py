"""Usage, margin, errors, health, circuits and discovery: what is known is shown, what is not known is called so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from tests.admin.conftest import Admin, AdminDeployment
from tests.support.behaviour import error
from tests.support.deployment import MODEL, demo_channel
from tests.support.http import Api
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.admin.history import History
from tokens_forge.channels import Costs
from tokens_forge.clock import SystemClock
from tokens_forge.error_counts import ErrorCounts, ErrorSubject
from tokens_forge.errors import ErrorClass, InvalidKey, NoHealthyRoute, RateLimited
from tokens_forge.ids import iso_of
from tokens_forge.keys import KeyKind
from tokens_forge.money import Money
from tokens_forge.pricing import UnitPrices
from tokens_forge.store.error_counts import DynamoErrorCounts
from tokens_forge.store.port import StoreSilent
from tokens_forge.wallets import WalletKind

COSTS = Costs("USD", {MODEL: UnitPrices(100_000_000, 50_000_000, 100_000_000, 400_000_000)})


def nano(amount: str) -> int:
    return Money.parse(amount, "USD").nano


def test_usage_and_margin_add_up_to_the_receipts(
    admin: Admin, administration: AdminDeployment, upstream: Upstream
) -> None:
    product = administration.product
    product.route(replace(demo_channel(upstream.base_url, "priced"), costs=COSTS))
    with serve(product.app, lifespan="on") as url:
        api = Api(url + "/v1", product.key())
        receipts = [api.chat().json()["forge_receipt"] for _ in range(2)]
        upstream.script(error(503))
        assert api.chat().status_code == 503
        Api(url + "/v1", product.key(KeyKind.ROUTED)).chat()
    charged = sum(nano(receipt["charge"]) for receipt in receipts)
    [line] = admin.get("/official/usage")["data"]
    assert (line["model"], line["channel"], line["requests"]) == (MODEL, "priced", 3)
    assert nano(line["charge"]) == charged
    assert line["settlement_reasons"] == {"completed": 2, "upstream_failed": 1}
    [line] = admin.get("/official/margin")["data"]
    now_ms = SystemClock().now_ms()
    entries = administration.services.history.window(WalletKind.OFFICIAL, now_ms - 120_000, now_ms + 60_000).entries
    costs = sum(a.cost.nano for entry in entries if entry.request for a in entry.request.attempts if a.cost)
    assert costs > 0 and nano(line["provider_costs"]["USD"]) == costs
    assert nano(line["margin"]) == charged - costs and line["unknown"] is None
    [routed] = admin.get("/routed/margin")["data"]
    assert (
        routed["margin"] is None and routed["requests_of_unknown_cost"] == 1 and "enter the costs" in routed["unknown"]
    )
    assert admin.get("/official/usage", model="gpt-99")["data"] == []


def test_a_cost_in_another_currency_is_shown_and_no_margin_made_up(
    admin: Admin, administration: AdminDeployment, upstream: Upstream
) -> None:
    product = administration.product
    channel = demo_channel(upstream.base_url, "abroad", kind=WalletKind.ROUTED)
    product.route(replace(channel, costs=COSTS), kind=WalletKind.ROUTED)
    with serve(product.app, lifespan="on") as url:
        assert Api(url + "/v1", product.key(KeyKind.ROUTED)).chat().status_code == 200
    [line] = admin.get("/routed/margin")["data"]
    assert line["currency"] == "CNY" and nano(line["provider_costs"]["USD"]) > 0
    assert line["margin"] is None and "exchange rate" in line["unknown"]


def test_a_long_window_comes_page_by_page_and_no_request_twice(
    admin: Admin, administration: AdminDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens_forge.admin.history.MINUTES_PER_PAGE", 60)
    with serve(administration.product.app, lifespan="on") as url:
        Api(url + "/v1", administration.product.key()).chat()
    clock_ms = SystemClock().now_ms()
    span = {"from": iso_of(clock_ms - 100 * 60_000), "to": iso_of(clock_ms + 60_000)}
    first = admin.get("/official/usage", **span)
    second = admin.get("/official/usage", cursor=first["next_cursor"])
    assert first["to"] == second["from"] and second["next_cursor"] is None
    assert [line["requests"] for page in (first, second) for line in page["data"]] == [1]


@pytest.mark.parametrize("cursor", ["!", "bm9uc2Vuc2U=", "Mnwx"])
def test_a_cursor_of_something_else_is_refused(admin: Admin, cursor: str) -> None:
    assert admin.send("GET", "/official/usage", cursor=cursor).status_code == 400


def test_spans_that_are_none_are_refused(admin: Admin) -> None:
    spans: tuple[dict[str, Any], ...] = (
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "yesterday"},
    )
    for span in spans:
        for path in ("/official/usage", "/official/errors", "/errors"):
            assert admin.send("GET", path, **span).status_code == 400


def test_errors_are_counted_by_class_for_the_wallet_and_model_that_met_them(
    admin: Admin, administration: AdminDeployment
) -> None:
    product = administration.product
    product.services.error_counts._flushed_at_ms = -10_000
    with serve(product.app, lifespan="on") as url:
        official = Api(url + "/v1", product.key(allowed_models=frozenset({"gpt-4o"})))
        assert official.chat(model="gpt-4o").status_code == 200
        assert official.chat().status_code == 403
        product.services.error_counts._flushed_at_ms = -10_000
        assert official.chat(model="made/up").status_code == 404
        product.services.error_counts._flushed_at_ms = -10_000
        assert Api(url + "/v1", None).chat().status_code == 401
    found = admin.get("/official/errors")
    assert found["by_class"] == {"key_permission": 1, "model_availability": 1}
    assert {(line["class"], line["code"], line["model"], line["count"]) for line in found["data"]} == {
        ("key_permission", "model_not_allowed", MODEL, 1),
        ("model_availability", "model_not_found", "-", 1),
    }, "a name that strangers made up is not kept"
    assert admin.get("/routed/errors")["by_class"] == {}
    assert admin.get("/errors")["by_class"] == {"key_permission": 1}
    assert admin.get("/official/errors", **{"class": "key_permission"})["by_class"] == {"key_permission": 1}
    assert admin.get("/official/errors", model=MODEL, step="hour")["data"][0]["at"].endswith(":00:00Z")


class Kept:
    """A store that keeps what it is told, or is silent."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, str, dict[ErrorSubject, int]]] = []
        self.silent = False

    def add(self, kind: WalletKind | None, minute: str, counts: Any) -> None:
        if self.silent:
            raise StoreSilent("no answer")
        self.told.append((kind, minute, dict(counts)))


class At:
    """A clock that stands."""

    now = 0

    def now_ms(self) -> int:
        return self.now

    def sleep_ms(self, duration_ms: float) -> None:
        raise AssertionError("nothing waits")


async def _note(counts: ErrorCounts, times: int, model: str = MODEL) -> None:
    for _ in range(times):
        await counts.note(WalletKind.OFFICIAL, model, NoHealthyRoute("down"))


def test_an_error_storm_costs_one_write_in_ten_seconds() -> None:
    store, clock = Kept(), At()
    counts = ErrorCounts(store, lambda kind, model: True, clock)
    anyio.run(_note, counts, 500)
    assert len(store.told) == 1, "the first is written at once"
    clock.now += 10_000
    anyio.run(_note, counts, 1)
    [(kind, _, first), (_, _, second)] = store.told
    assert kind is WalletKind.OFFICIAL and sum(first.values()) == 1 and sum(second.values()) == 500


def test_what_strangers_send_fills_no_table_and_a_silent_store_breaks_no_answer() -> None:
    store, clock = Kept(), At()
    counts = ErrorCounts(store, lambda kind, model: True, clock)

    async def many() -> None:
        for number in range(300):
            await counts.note(WalletKind.ROUTED, f"model-{number}", RateLimited("slow", headers={}, limit="x"))
        clock.now += 10_000
        await counts.note(None, "model", InvalidKey("none"))

    anyio.run(many)
    largest = max(len(told) for _, _, told in store.told)
    assert largest <= 101 and sum(sum(told.values()) for _, _, told in store.told) == 301
    clock.now += 10_000
    store.silent = True
    anyio.run(_note, counts, 1)


def test_error_counts_add_up_over_processes_and_come_back_as_they_were(administration: AdminDeployment) -> None:
    store = DynamoErrorCounts(administration.product.client, administration.settings.tables.state)
    subject = ErrorSubject(ErrorClass.PROVIDER_HEALTH, "no_healthy_route", "a|strange|model")
    for kind in (WalletKind.OFFICIAL, None):
        store.add(kind, "2026-11-24T13:48", {subject: 2})
        store.add(kind, "2026-11-24T13:48", {subject: 3, ErrorSubject(ErrorClass.GATEWAY, "gateway_error", "-"): 1})
    found = store.read(WalletKind.OFFICIAL, "2026-11-24T13:00", "2026-11-24T14:00")
    assert found["2026-11-24T13:48"][subject] == 5 and found == store.read(None, "2026-11-24T13:48", "2026-11-24T13:48")
    assert store.read(WalletKind.ROUTED, "2026-11-24T13:00", "2026-11-24T14:00") == {}


def test_health_circuits_and_reconciliation_are_shown(admin: Admin, administration: AdminDeployment) -> None:
    product = administration.product
    gone = "http://127.0.0.1:9/v1"
    product.route(demo_channel(gone, "gone"))
    product.route(demo_channel(gone, "gone-too", kind=WalletKind.ROUTED), kind=WalletKind.ROUTED)
    with serve(product.app, lifespan="on") as url:
        for kind in WalletKind:
            api = Api(url + "/v1", product.key(KeyKind(kind.value)))
            for _ in range(3):
                assert api.chat().status_code == 503
    product.look()
    [circuit] = admin.get("/official/circuits")["data"]
    assert circuit["channel"] == "gone" and circuit["open"]
    assert [shown["channel"] for shown in admin.get("/routed/circuits")["data"]] == ["gone-too"]
    [seen] = admin.get("/official/health", channel="gone")["data"]
    assert seen["health"] == "down" and seen["model"] == MODEL
    work = product.scheduled()
    assert admin.get("/reconciliation")["data"] == [] and work.state.latest_reconciliation() is None
    for _ in range(3):
        work.state.write_reconciliation(work.reconciliation.run())
    first = admin.get("/reconciliation", limit=2)
    rest = admin.get("/reconciliation", limit=2, cursor=first["next_cursor"])
    assert len(first["data"]) == 2 and len(rest["data"]) == 1 and rest["next_cursor"] is None
    assert first["data"][0] == work.state.latest_reconciliation()


def test_discovery_tells_offered_sold_unpriced_and_gone(
    admin: Admin, administration: AdminDeployment, upstream: Upstream
) -> None:
    product = administration.product
    upstream.model_names = [MODEL, "brand-new"]
    names = {MODEL: MODEL, "gpt-4o": "gone-upstream", "gpt-3.5-turbo-instruct": MODEL, "text-embedding-3-small": MODEL}
    product.route(replace(demo_channel(upstream.base_url, "asked"), models=names))
    product.route(replace(demo_channel(upstream.base_url, "asked"), models=names), model="gpt-4o")
    key = {"section": {"S": "price"}, "item_id": {"S": "gpt-3.5-turbo-instruct#demo-1"}}
    product.client.delete_item(TableName=administration.settings.tables.official_catalog, Key=key)
    found = admin.get("/official/channels/asked/discovery")
    assert found["outcome"] == "ok" and found["offered"] == ["brand-new", MODEL]
    assert found["offered_not_mapped"] == ["brand-new"]
    assert found["sold"] == ["gpt-4o", MODEL]
    assert found["missing_price"] == ["gpt-3.5-turbo-instruct"] and found["not_on_the_route"] == [
        "text-embedding-3-small"
    ]
    assert found["gone_upstream"] == [{"model": "gpt-4o", "upstream_name": "gone-upstream"}]
    assert admin.send("GET", "/official/channels/routed-primary/discovery").status_code == 404
    product.route(demo_channel("http://127.0.0.1:9/v1", "dead"))
    dead = admin.get("/official/channels/dead/discovery")
    assert dead["outcome"] == "refused" and dead["offered"] is None and dead["gone_upstream"] == []


def test_a_receipt_is_found_by_its_id_alone_and_listed_by_account(
    admin: Admin, administration: AdminDeployment
) -> None:
    product = administration.product
    with serve(product.app, lifespan="on") as url:
        receipt_id = Api(url + "/v1", product.key()).chat().headers["x-forge-receipt-id"]
    assert admin.get(f"/official/receipts/{receipt_id}")["account_id"] == product.account.account_id
    listed = admin.get("/official/receipts", account_id=product.account.account_id)
    assert [receipt["id"] for receipt in listed["data"]] == [receipt_id]
    assert admin.get("/official/receipts", account_id="acc_nobody")["data"] == []
    history: History = administration.services.history
    assert history.receipt(WalletKind.OFFICIAL, receipt_id, "acc_nobody") is None
