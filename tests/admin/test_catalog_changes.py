"""Changes of the catalogs: conditional on what was read, judged as a whole, recorded, and effective for customers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

from tests.admin.conftest import REASON, Admin, AdminDeployment
from tests.support.deployment import MODEL
from tokens_forge.admin.audit import Author, Log
from tokens_forge.catalog import Route
from tokens_forge.channels import Channel
from tokens_forge.errors import Conflict, ForgeError
from tokens_forge.wallets import WalletKind

ROUTE = f"/routed/routes/{MODEL}"
CHANNEL = {
    "kind": "standard",
    "label": "another provider",
    "base_url": "https://example.com/v1",
    "credential": "tokens-forge/local/another",
    "models": {MODEL: "upstream-name"},
}


def test_a_change_names_the_version_that_was_read_and_gets_the_next(admin: Admin) -> None:
    read = admin.send("GET", ROUTE)
    assert read.headers["etag"] == '"0"' and read.json()["item_version"] == 0
    changed = admin.write("PUT", ROUTE, {"channels": ["routed-backup"]}, version=0)
    assert changed.status_code == 200 and changed.headers["etag"] == '"1"'
    late = admin.write("PUT", ROUTE, {"channels": ["routed-primary"]}, version=0)
    assert late.status_code == 412 and late.json()["error"]["code"] == "version_mismatch"
    assert late.json()["error"]["forge"]["current"]["channels"] == ["routed-backup"]
    blind = admin.write("PUT", ROUTE, {"channels": ["routed-primary"]})
    assert blind.status_code == 409 and blind.json()["error"]["forge"]["current"]["item_version"] == 1
    assert admin.get(ROUTE)["channels"] == ["routed-backup"], "nothing half-done"


def test_a_version_that_is_none_is_named(admin: Admin) -> None:
    for header in ("yes", "*", "-1", "1.5", ""):
        refused = httpx.put(
            f"{admin.base_url}/admin/v1{ROUTE}",
            headers={"authorization": f"Bearer {admin.token}", "if-match": header},
            json={"reason": REASON, "channels": ["routed-backup"]},
        )
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "If-Match", header


def test_every_change_is_in_the_log_with_actor_reason_before_and_after(admin: Admin) -> None:
    admin.write("PUT", ROUTE, {"channels": ["routed-backup"]}, version=0)
    [record] = admin.get("/routed/audit", action="route.")["data"]
    assert (record["actor"], record["reason"], record["subject"]) == (admin.key_id, REASON, MODEL)
    assert record["before"]["channels"] == ["routed-primary", "routed-backup"]
    assert record["after"]["channels"] == ["routed-backup"] and record["after"]["item_version"] == 1
    assert admin.get("/official/audit")["data"] == []


def test_a_write_without_a_reason_does_nothing(admin: Admin) -> None:
    for reason in ({}, {"reason": ""}, {"reason": "x"}, {"reason": 5}, {"reason": "x" * 501}, {"reason": None}):
        refused = admin.send("PUT", ROUTE, {"channels": ["routed-backup"], **reason}, version=0)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "reason", reason
    assert admin.get(ROUTE)["item_version"] == 0 and admin.get("/routed/audit")["data"] == []


def test_a_new_channel_serves_customers_once_it_is_on_a_route(admin: Admin, administration: AdminDeployment) -> None:
    made = admin.write("PUT", "/routed/channels/another", CHANNEL)
    assert made.status_code == 200, made.text
    assert admin.write("PUT", ROUTE, {"channels": ["another", "routed-backup"]}, version=0).status_code == 200
    catalog = administration.product.services.gateway._catalogs.read(WalletKind.ROUTED)
    assert [channel.channel_id for channel in catalog.route_channels(MODEL)] == ["another", "routed-backup"]
    assert catalog.channels["another"].models == {MODEL: "upstream-name"}
    [listed] = admin.get("/routed/routes", channel="another")["data"]
    assert listed["model"] == MODEL


BAD_CHANNELS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "official"}, "kind"),
    ({"kind": "pool"}, "kind"),
    ({"kind": "other"}, "kind"),
    ({"base_url": "http://example.com/v1"}, "base_url"),
    ({"base_url": "https://user:pass@example.com"}, "base_url"),
    ({"base_url": "https://example.com/?a=b"}, "base_url"),
    ({"base_url": "ftp://example.com"}, "base_url"),
    ({"protocol": "grpc"}, "protocol"),
    ({"credential": "sk-a-real-secret-by-mistake"}, "credential"),
    ({"credential": "tokens-forge/local/"}, "credential"),
    ({"credential": ""}, "credential"),
    ({"models": {}}, "models"),
    ({"models": {MODEL: 5}}, f"models.{MODEL}"),
    ({"costs": {"currency": "yuan", "per_1m_tokens": {}}}, "costs.currency"),
    ({"costs": {"currency": "CNY", "per_1m_tokens": {MODEL: {"input": "-1", "output": "1"}}}}, "costs"),
    ({"costs": {"currency": "CNY", "per_1m_tokens": {MODEL: {"input": 1, "output": "1"}}}}, "costs"),
    ({"paid_probe": {"model": MODEL, "daily_cap": "0"}}, "paid_probe"),
    ({"paid_probe": {"model": "gpt-99", "daily_cap": "1"}}, "paid_probe"),
    ({"secret": "x"}, "secret"),
]


def test_a_bad_channel_is_refused_and_its_field_named(admin: Admin) -> None:
    for fields, param in BAD_CHANNELS:
        refused = admin.write("PUT", "/routed/channels/another", {**CHANNEL, **fields})
        assert refused.status_code == 400, (fields, refused.text)
        assert refused.json()["error"]["param"].startswith(param), (fields, refused.text)
    assert admin.send("GET", "/routed/channels/another").status_code == 404


def test_an_ordinary_channel_is_no_official_one(admin: Admin) -> None:
    refused = admin.write("PUT", "/official/channels/another", CHANNEL)
    assert refused.status_code == 400 and "Official model Credit" in refused.json()["error"]["message"]


def test_a_channel_id_cannot_part_the_keys_of_other_tables(admin: Admin) -> None:
    for name in ("a#b", "-x", "x" * 65):
        assert admin.write("PUT", f"/routed/channels/{quote(name, safe='')}", CHANNEL).status_code == 400, name


def test_a_route_holds_channels_of_its_own_class_that_have_the_model(admin: Admin) -> None:
    twice = ["routed-primary", "routed-primary"]
    for channels in (["openai-official"], ["nobody"], twice, [], ["claude-routed"]):
        refused = admin.write("PUT", ROUTE, {"channels": channels}, version=0)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "channels", channels
    assert admin.get(ROUTE)["item_version"] == 0


def test_a_route_is_for_a_model_that_is_there(admin: Admin) -> None:
    refused = admin.write("PUT", "/routed/routes/gpt-99", {"channels": ["routed-primary"]})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "model"
    missing = admin.write("PUT", "/routed/routes/gpt-99", {"channels": ["routed-primary"]}, version=3)
    assert missing.status_code in (400, 404)


def changed(admin: Admin, channel_id: str, **fields: Any) -> Any:
    shown = admin.get(f"/routed/channels/{channel_id}")
    kept = {name: shown[name] for name in ("kind", "label", "base_url", "models", "protocol")}
    body = {**kept, "credential": "tokens-forge/local/x", **fields}
    return admin.write("PUT", f"/routed/channels/{channel_id}", body, version=shown["item_version"])


def test_the_last_channel_of_a_route_in_use_cannot_be_taken_away(admin: Admin) -> None:
    assert changed(admin, "routed-backup", enabled=False).status_code == 200, "the primary is left"
    last = changed(admin, "routed-primary", enabled=False)
    assert last.status_code == 409 and MODEL in last.json()["error"]["forge"]["models"]
    other = changed(admin, "routed-primary", models={"gpt-4o": "gpt-4o"})
    assert other.status_code == 409 and "gpt-4o" not in other.json()["error"]["forge"]["models"]
    assert admin.get("/routed/channels/routed-primary")["item_version"] == 0
    costs = {"currency": "CNY", "per_1m_tokens": {MODEL: {"input": "500", "output": "500"}}}
    assert changed(admin, "routed-primary", costs=costs).status_code == 409, "no channel would fit the price"


def test_a_model_that_is_disabled_lets_go_of_its_channels(admin: Admin) -> None:
    model = {"owned_by": "anthropic", "output_tokens_max": 64, "default_output_tokens": 64, "enabled": False}
    assert admin.write("PUT", "/routed/models/claude-haiku-4-5", model, version=0).status_code == 200
    assert changed(admin, "claude-routed", enabled=False).status_code == 200
    [listed] = admin.get("/routed/models", enabled=False)["data"]
    assert listed["id"] == "claude-haiku-4-5"
    assert [shown["id"] for shown in admin.get("/routed/channels", enabled=False)["data"]] == ["claude-routed"]


def test_two_admins_cannot_each_do_half_of_a_mistake(admin: Admin, administration: AdminDeployment) -> None:
    """One takes the backup off the route while the other disables the primary: either alone is harmless."""
    changes, author = administration.services.changes, Author("a", "a", REASON)
    primary = changes.state(WalletKind.ROUTED).channels["routed-primary"].thing

    def off_the_route() -> str:
        try:
            changes.put_route(WalletKind.ROUTED, Route(MODEL, ("routed-primary",)), author, 0)
        except ForgeError as refused:
            return type(refused).__name__
        return "done"

    def disable() -> str:
        assert isinstance(primary, Channel)
        off = replace(primary, enabled=False, credential="tokens-forge/local/x")
        try:
            changes.put_channel(WalletKind.ROUTED, off, author, 0)
        except ForgeError as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(off_the_route), threads.submit(disable)]
        ended = sorted(each.result() for each in both)
    assert ended == ["Conflict", "done"]
    catalog = changes.state(WalletKind.ROUTED).catalog
    assert catalog.route_channels(MODEL)


def test_many_admins_at_once_lose_no_change(administration: AdminDeployment) -> None:
    changes, author = administration.services.changes, Author("a", "a", REASON)

    def put(index: int) -> None:
        route = Route(["gpt-4o", MODEL, "gpt-3.5-turbo-instruct", "text-embedding-3-small"][index], ("routed-backup",))
        changes.put_route(WalletKind.ROUTED, route, author, 0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(4)))
    state = changes.state(WalletKind.ROUTED)
    assert state.revision == 4
    assert {stored.version for name, stored in state.routes.items() if name != "claude-haiku-4-5"} == {1}
    records, _ = administration.services.audit.page(Log.ROUTED, cursor=None, limit=50, wanted=lambda record: True)
    assert len(records) == 4


def test_a_catalog_that_changes_all_the_time_is_given_up_on(administration: AdminDeployment) -> None:
    changes = administration.services.changes
    real = changes._store.write
    try:
        changes._store.write = lambda *_: False  # type: ignore[method-assign]
        with pytest.raises(Conflict, match="others"):
            changes.put_route(WalletKind.ROUTED, Route(MODEL, ("routed-backup",)), Author("a", "a", REASON), 0)
    finally:
        changes._store.write = real  # type: ignore[method-assign]


def test_set_up_leaves_alone_what_an_admin_has_changed(admin: Admin, administration: AdminDeployment) -> None:
    admin.write("PUT", ROUTE, {"channels": ["routed-backup"]}, version=0)
    catalogs = administration.product.catalogs
    catalogs.put_route(WalletKind.ROUTED, Route(MODEL, ("routed-primary",)))
    catalogs.put_route(WalletKind.ROUTED, Route("gpt-4o", ("routed-primary",)))
    assert admin.get(ROUTE)["channels"] == ["routed-backup"]
    assert admin.get("/routed/routes/gpt-4o")["channels"] == ["routed-primary"], "nobody had changed this one"


def test_a_model_is_made_and_changed_and_keeps_its_birthday(admin: Admin) -> None:
    body = {"owned_by": "us", "output_tokens_max": 100, "default_output_tokens": 50, "endpoints": ["responses"]}
    made = admin.write("PUT", "/official/models/new/model", body).json()
    assert made["id"] == "new/model" and made["endpoints"] == ["responses"] and made["item_version"] == 1
    again = admin.write("PUT", "/official/models/new/model", {**body, "enabled": False}, version=1).json()
    assert again["created"] == made["created"] and again["enabled"] is False
    paper = admin.write("PUT", "/official/models/new/model", {**body, "document_tokens_max": 9}, version=2).json()
    assert paper == admin.get("/official/models/new/model") and paper["document_tokens_max"] == 9
    bad: tuple[dict[str, Any], ...] = (
        {"default_output_tokens": 101},
        {"endpoints": ["telepathy"]},
        {"endpoints": []},
        {"owned_by": ""},
    )
    for fields in bad:
        assert admin.write("PUT", "/official/models/other", {**body, **fields}).status_code == 400


def test_a_pool_is_made_shown_with_its_members_and_never_becomes_a_channel(admin: Admin) -> None:
    window = {"length_s": 18_000, "tokens_max": 1_000, "requests_max": 5}
    member = {"id": "one", "credential": "tokens-forge/local/one", "slots": 2, "windows": [window]}
    common = {"label": "accounts", "base_url": "https://example.com/v1", "models": {MODEL: MODEL}}
    made = admin.write("PUT", "/routed/pools/mine", {**common, "members": [member]})
    assert made.status_code == 200, made.text
    shown = admin.get("/routed/pools/mine")
    assert shown["status"] == [
        {
            "id": "one",
            "enabled": True,
            "slots": 2,
            "slots_used": 0,
            "cooling_until": None,
            "windows": [
                {"measure": "tokens", "length_s": 18_000, "used": 0, "max": 1_000},
                {"measure": "requests", "length_s": 18_000, "used": 0, "max": 5},
            ],
        }
    ]
    assert [pool["id"] for pool in admin.get("/routed/pools")["data"]] == ["mine"]
    assert "mine" not in [channel["id"] for channel in admin.get("/routed/channels")["data"]]
    assert admin.write("PUT", "/routed/channels/mine", CHANNEL, version=1).status_code == 409
    assert admin.send("GET", "/routed/pools/routed-primary").status_code == 404
    for bad in ({"slots": 101}, {"windows": [{"length_s": 5, "tokens_max": 1}]}, {"credential": "sk-secret"}):
        refused = admin.write("PUT", "/routed/pools/bad", {**common, "members": [{**member, **bad}]})
        assert refused.status_code == 400, refused.text


def test_lists_are_paged_by_a_cursor(admin: Admin) -> None:
    first = admin.get("/official/models", limit=2)
    rest = admin.get("/official/models", limit=200, cursor=first["next_cursor"])
    assert first["has_more"] and not rest["has_more"] and rest["next_cursor"] is None
    names = [model["id"] for model in first["data"] + rest["data"]]
    assert len(names) == 5 and names == sorted(names)
    assert admin.send("GET", "/official/models", cursor="!").status_code == 400
    assert admin.send("GET", "/official/models", limit=0).status_code == 400
