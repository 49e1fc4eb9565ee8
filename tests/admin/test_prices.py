"""Price versions: they take effect at a time, never overlap, say whose settlement they change, and can be tried first."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.admin.conftest import Admin, AdminDeployment
from tests.support.deployment import MODEL
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.catalog import Catalog
from tokens_forge.keys import KeyKind
from tokens_forge.receipts import recompute
from tokens_forge.wallets import WalletKind

ROUTED = {
    "model": MODEL,
    "currency": "CNY",
    "per_1m_tokens": {"input": "0.15", "cached_input": "0.075", "output": "0.60"},
    "multiplier": "2",
}
OFFICIAL = {"model": MODEL, "currency": "USD", "per_1m_tokens": {"input": "0.30", "output": "1.20"}}


def later(**span: int) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def catalog_of(administration: AdminDeployment, kind: WalletKind) -> Catalog:
    return administration.product.services.gateway._catalogs.read(kind)


def test_a_price_takes_effect_at_its_time_and_not_before(admin: Admin, administration: AdminDeployment) -> None:
    made = admin.write("POST", "/routed/prices", {**ROUTED, "starts_at": later(hours=1)})
    assert made.status_code == 201, made.text
    catalog, now_ms = catalog_of(administration, WalletKind.ROUTED), int(time.time() * 1000)
    before = catalog.price_in_force(MODEL, "CNY", now_ms)
    after = catalog.price_in_force(MODEL, "CNY", now_ms + 3_601_000)
    assert before is not None and before.version == "demo-1"
    assert after is not None and after.version == made.json()["version"] and after.multiplier_ppm == 2_000_000


def test_the_answer_says_in_words_whose_settlement_changes(admin: Admin) -> None:
    multiplied = admin.write("POST", "/routed/prices", ROUTED).json()
    assert multiplied["effect"] == (
        f"This multiplier of 2.00 changes what Routed balance (CNY) pays for gpt-4o-mini from {multiplied['starts_at']}"
        " on. Official model Credit is not touched."
    )
    own = admin.write("POST", "/official/prices", OFFICIAL).json()
    assert own["effect"] == (
        f"This price changes what Official model Credit (USD) pays for gpt-4o-mini from {own['starts_at']} on."
        " Routed balance is not touched."
    )


def test_a_price_without_a_start_leaves_every_process_time_to_know_it(admin: Admin) -> None:
    asked_s = time.time()
    made = admin.write("POST", "/routed/prices", ROUTED).json()
    starts_s = datetime.fromisoformat(made["starts_at"]).timestamp()
    assert 59 < starts_s - asked_s < 75


ABSURD: list[tuple[dict[str, Any], str]] = [
    ({"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
    ({"starts_at": "tomorrow"}, "starts_at"),
    ({"starts_at": "9999-12-31T00:00:00Z"}, "starts_at"),
    ({"per_1m_tokens": {"input": "-0.15", "output": "0.60"}}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "0", "output": "0"}}, "per_1m_tokens"),
    ({"per_1m_tokens": {"input": 0.15, "output": "0.60"}}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "1e3", "output": "0.60"}}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "0.0000000001", "output": "0.60"}}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "100001", "output": "0.60"}, "allow_large_change": True}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "15", "output": "0.60"}}, "per_1m_tokens.input"),
    ({"per_1m_tokens": {"input": "0.01", "output": "0.60"}}, "per_1m_tokens.input"),
    ({"multiplier": "0"}, "multiplier"),
    ({"multiplier": "-2"}, "multiplier"),
    ({"multiplier": "1001"}, "multiplier"),
    ({"multiplier": "1.0000001"}, "multiplier"),
    ({"multiplier": 2}, "multiplier"),
    ({"currency": "yuan"}, "currency"),
    ({"model": "gpt-99"}, "model"),
    ({"discount": "1"}, "discount"),
]


def test_an_absurd_price_is_refused_and_its_field_named(admin: Admin) -> None:
    for fields, param in ABSURD:
        refused = admin.write("POST", "/routed/prices", {**ROUTED, **fields})
        assert refused.status_code == 400, (fields, refused.text)
        assert refused.json()["error"]["param"] == param, (fields, refused.text)
    assert len(admin.get("/routed/prices", model=MODEL)["data"]) == 1
    assert admin.get("/routed/audit")["data"] == []


def test_a_start_that_not_every_process_can_know_is_refused(admin: Admin) -> None:
    refused = admin.write("POST", "/routed/prices", {**ROUTED, "starts_at": later(seconds=30)})
    assert refused.status_code == 400 and "60 s" in refused.json()["error"]["message"]


def test_a_large_step_that_is_meant_is_taken(admin: Admin) -> None:
    large = {**ROUTED, "per_1m_tokens": {"input": "15", "output": "60"}, "allow_large_change": True}
    assert admin.write("POST", "/routed/prices", large).status_code == 201


def test_two_versions_never_start_at_the_same_moment(admin: Admin) -> None:
    at = later(days=1)
    first = admin.write("POST", "/routed/prices", {**ROUTED, "starts_at": at}).json()
    overlapping = admin.write("POST", "/routed/prices", {**ROUTED, "multiplier": "3", "starts_at": at})
    assert overlapping.status_code == 409 and first["version"] in overlapping.json()["error"]["message"]
    assert len(admin.get("/routed/prices", model=MODEL)["data"]) == 2
    withdrawal = {"model": MODEL, "version": first["version"]}
    assert admin.write("POST", "/routed/prices/withdraw", withdrawal).json()["withdrawn"] is True
    assert admin.write("POST", "/routed/prices/withdraw", withdrawal).status_code == 409
    assert admin.write("POST", "/routed/prices", {**ROUTED, "multiplier": "3", "starts_at": at}).status_code == 201


def test_a_withdrawn_price_never_comes_into_force(admin: Admin, administration: AdminDeployment) -> None:
    made = admin.write("POST", "/routed/prices", {**ROUTED, "starts_at": later(hours=1)}).json()
    admin.write("POST", "/routed/prices/withdraw", {"model": MODEL, "version": made["version"]})
    price = catalog_of(administration, WalletKind.ROUTED).price_in_force(MODEL, "CNY", int(time.time() * 1000) * 2)
    assert price is not None and price.version == "demo-1"
    standings = {found["version"]: found["standing"] for found in admin.get("/routed/prices", model=MODEL)["data"]}
    assert standings == {"demo-1": "in_force", made["version"]: "withdrawn"}


def test_a_price_in_force_is_not_withdrawn(admin: Admin) -> None:
    for version, status in (("demo-1", 409), ("nothing", 404)):
        refused = admin.write("POST", "/routed/prices/withdraw", {"model": MODEL, "version": version})
        assert refused.status_code == status, version


def test_official_models_know_no_multiplier_and_no_other_currency(admin: Admin) -> None:
    for fields, param in (({"multiplier": "1.5"}, "multiplier"), ({"currency": "CNY"}, "currency")):
        refused = admin.write("POST", "/official/prices", {**OFFICIAL, **fields})
        assert refused.status_code == 400 and refused.json()["error"]["param"] == param


def test_a_price_below_every_channels_cost_is_refused(admin: Admin) -> None:
    for channel in ("routed-primary", "routed-backup"):
        shown = admin.get(f"/routed/channels/{channel}")
        kept = {name: shown[name] for name in ("kind", "label", "base_url", "models", "protocol")}
        costs = {"currency": "CNY", "per_1m_tokens": {MODEL: {"input": "0.2", "cached_input": "0.1", "output": "1"}}}
        body = {**kept, "credential": "tokens-forge/local/x", "costs": costs}
        assert admin.write("PUT", f"/routed/channels/{channel}", body, version=0).status_code == 200
    refused = admin.write("POST", "/routed/prices", {**ROUTED, "multiplier": "1"})
    assert refused.status_code == 409 and refused.json()["error"]["forge"]["models"] == [MODEL]


def test_a_preview_says_what_recent_requests_would_have_cost_and_changes_nothing(
    admin: Admin, administration: AdminDeployment
) -> None:
    with serve(administration.product.app, lifespan="on") as url:
        routed = Api(url + "/v1", administration.product.key(KeyKind.ROUTED))
        receipts = [routed.chat().json()["forge_receipt"] for _ in range(3)]
        routed.chat(model="gpt-4o")
        Api(url + "/v1", administration.product.key()).chat()
    asked = {**ROUTED, "multiplier": "3.6", "requests": 2, "hours_back": 1}
    found = admin.send("POST", "/routed/prices/preview", asked).json()
    assert [line["receipt_id"] for line in found["data"]] == [receipts[2]["id"], receipts[1]["id"]], "newest first"
    for line, receipt in zip(found["data"], (receipts[2], receipts[1]), strict=True):
        shown = admin.get(f"/routed/receipts/{receipt['id']}")
        assert line["charged"] == receipt["charge"]
        shown["prices"] |= {"multiplier": "3.60"}
        assert line["would_charge"] == recompute({**shown, "hold": "1000"}), "by the published formula"
    assert found["requests"] == 2 and "Official model Credit is not touched" in found["effect"]
    assert len(admin.get("/routed/prices", model=MODEL)["data"]) == 1


def test_tiers_are_kept_with_a_price(admin: Admin) -> None:
    tier = {"input_tokens_above": 1000, "per_1m_tokens": {"input": "0.30", "output": "1.20"}}
    made = admin.write("POST", "/official/prices", {**OFFICIAL, "tiers": [tier]}).json()
    assert made["tiers"][0]["per_1m_tokens"]["output"] == "1.20"
    twice = admin.write("POST", "/official/prices", {**OFFICIAL, "tiers": [tier, tier]})
    assert twice.status_code == 400
