"""/v1/keys over real HTTP: made, changed, rotated and revoked by their owner, at once for everybody."""

from __future__ import annotations

import time
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.calls import record
from tests.support.deployment import Deployment
from tests.support.http import Api, documented
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind
from tokens_forge.money import Money


class Owner(Api):
    """Calls with a management key."""

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return documented(httpx.request(method, self.base_url + path, headers=self.headers(), json=body, timeout=30))

    def create(self, **fields: Any) -> dict[str, Any]:
        made = self.send("POST", "/keys", {"name": "mine", "wallet": "official", **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())


@pytest.fixture
def owner(deployment: Deployment, base_url: str) -> Owner:
    return Owner(base_url, deployment.key(KeyKind.MANAGE))


@pytest.mark.parametrize("wallet", ["official", "routed"])
def test_a_new_key_calls_at_once_and_its_secret_is_shown_once(owner: Owner, wallet: str) -> None:
    made = owner.create(wallet=wallet)
    assert made["token"].startswith(f"tf_{wallet}_") and made["wallet"] == wallet
    assert Api(owner.base_url, made["token"]).chat().headers["x-forge-wallet"] == wallet
    for shown in (owner.get(f"/keys/{made['id']}"), owner.get("/keys"), Api(owner.base_url, made["token"]).get("/key")):
        assert (
            shown.status_code == 200
            and made["token"].rpartition("_")[2] not in shown.text
            and "sha256" not in shown.text
        )
    assert made["id"] in [key["id"] for key in owner.get("/keys").json()["data"]]


def test_changes_hold_from_the_next_request_on(owner: Owner) -> None:
    made = owner.create()
    api = Api(owner.base_url, made["token"])
    assert api.chat().status_code == 200
    changed = owner.send("PATCH", f"/keys/{made['id']}", {"allowed_models": ["gpt-4o"], "name": "other"})
    assert changed.json()["allowed_models"] == ["gpt-4o"] and changed.json()["name"] == "other"
    assert api.chat().json()["error"]["code"] == "model_not_allowed"
    assert api.chat(model="gpt-4o").status_code == 200
    assert owner.send("PATCH", f"/keys/{made['id']}", {"allowed_models": None}).json()["allowed_models"] is None
    assert api.chat().status_code == 200


def test_a_spend_limit_moves_by_the_difference_and_what_was_spent_stays_spent(owner: Owner) -> None:
    made = owner.create(spend_limit="0.10")
    api = Api(owner.base_url, made["token"])
    charge = api.chat().json()["forge_receipt"]["charge"]
    spent_nano = Money.parse(charge, "USD").nano

    def left_nano() -> int:
        return Money.parse(api.get("/key").json()["spend_limit"]["left"], "USD").nano

    assert left_nano() == 100_000_000 - spent_nano
    assert owner.send("PATCH", f"/keys/{made['id']}", {"spend_limit": "0.25"}).status_code == 200
    assert left_nano() == 250_000_000 - spent_nano
    too_low = owner.send("PATCH", f"/keys/{made['id']}", {"spend_limit": "0.00"})
    assert too_low.status_code == 400 and too_low.json()["error"]["param"] == "spend_limit"
    assert left_nano() == 250_000_000 - spent_nano, "nothing was done"
    assert owner.send("PATCH", f"/keys/{made['id']}", {"spend_limit": charge}).status_code == 200
    refused = api.chat()
    assert refused.status_code == 402 and refused.json()["error"]["forge"]["limit"] == "key_spend_limit"
    assert owner.send("PATCH", f"/keys/{made['id']}", {"spend_limit": None}).json()["spend_limit"] is None
    assert api.chat().status_code == 200
    assert owner.send("PATCH", f"/keys/{made['id']}", {"spend_limit": "0"}).status_code == 200
    assert api.chat().status_code == 402


def test_a_rotated_key_has_a_new_secret_and_the_old_one_for_a_while(owner: Owner) -> None:
    made = owner.create()
    rotated = owner.send("POST", f"/keys/{made['id']}/rotate", {"grace_s": 2}).json()
    assert rotated["id"] == made["id"] and rotated["token"] != made["token"]
    old, new = Api(owner.base_url, made["token"]), Api(owner.base_url, rotated["token"])
    assert new.chat().status_code == old.chat().status_code == 200
    time.sleep(2.1)
    assert new.chat().status_code == 200 and old.chat().status_code == 401


def test_a_rotation_without_grace_ends_the_old_secret_at_once(owner: Owner) -> None:
    made = owner.create()
    old = Api(owner.base_url, made["token"])
    assert old.chat().status_code == 200, "it is in the cache now"
    new = owner.send("POST", f"/keys/{made['id']}/rotate").json()["token"]
    assert Api(owner.base_url, new).chat().status_code == 200, "though a cache still knows the old secret"
    assert old.chat().status_code == 401


def test_a_revoked_key_is_dead_at_once_and_never_comes_back(owner: Owner) -> None:
    made = owner.create()
    api = Api(owner.base_url, made["token"])
    assert api.chat().status_code == 200
    assert owner.send("DELETE", f"/keys/{made['id']}").json()["status"] == "revoked"
    assert api.chat().status_code == 401
    assert owner.send("DELETE", f"/keys/{made['id']}").status_code == 200
    assert owner.send("PATCH", f"/keys/{made['id']}", {"name": "again"}).status_code == 409
    assert owner.send("POST", f"/keys/{made['id']}/rotate").status_code == 409


def test_a_key_cannot_be_made_for_a_model_that_it_may_never_call(owner: Owner) -> None:
    for wallet in ("official", "routed"):
        refused = owner.send("POST", "/keys", {"name": "x", "wallet": wallet, "allowed_models": ["gpt-4o", "gpt-99"]})
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "allowed_models"
        assert "gpt-99" in refused.json()["error"]["message"] and "gpt-4o," not in refused.json()["error"]["message"]
    made = owner.create()
    assert owner.send("PATCH", f"/keys/{made['id']}", {"allowed_models": ["gpt-99"]}).status_code == 400


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"wallet": "both"}, "wallet"),
        ({"wallet": "manage"}, "wallet"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"spend_limit": 5}, "spend_limit"),
        ({"spend_limit": "-1"}, "spend_limit"),
        ({"spend_limit": "1e3"}, "spend_limit"),
        ({"spend_limit": "0.0000000001"}, "spend_limit"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-01:00"}, "expires_at"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": True}, "requests_per_minute"),
        ({"concurrent_requests": 10**6}, "concurrent_requests"),
        ({"allowed_models": "gpt-4o"}, "allowed_models"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_bad_settings_are_named(owner: Owner, fields: dict[str, Any], param: str) -> None:
    before = len(owner.get("/keys").json()["data"])
    refused = owner.send("POST", "/keys", {"name": "x", "wallet": "official", **fields})
    assert refused.status_code == 400 and refused.json()["error"]["param"].startswith(param)
    assert len(owner.get("/keys").json()["data"]) == before


def test_only_a_management_key_manages_and_only_its_own_account(
    deployment: Deployment, owner: Owner, upstream: Upstream
) -> None:
    made = owner.create()
    stranger = Owner(owner.base_url, deployment.other_account().key(KeyKind.MANAGE))
    spender = Owner(owner.base_url, made["token"])
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
        assert stranger.send(method, f"/keys/{made['id']}{path}", {}).status_code == 404
        assert spender.send(method, f"/keys/{made['id']}{path}", {}).status_code == 403
    assert spender.get("/keys").status_code == 403 and spender.send("POST", "/keys", {}).status_code == 403
    assert [key["id"] for key in stranger.get("/keys").json()["data"]] == [stranger.get("/key").json()["id"]]
    assert Api(owner.base_url, made["token"]).chat().status_code == 200


@pytest.mark.parametrize("key_id", ["key_none", "x" * 2_000, "key_" + "0" * 19 + "u", "key_" + "0" * 21])
def test_an_id_that_no_key_can_have_is_not_looked_up(deployment: Deployment, owner: Owner, key_id: str) -> None:
    """DynamoDB takes no name of more than 1,024 bytes: to look one up would end as a fault of ours."""
    with record(deployment.client, observer=deployment.engine.client()) as calls:
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
            assert owner.send(method, f"/keys/{key_id}{path}", {}).status_code == 404
    assert calls.all and key_id not in str([call.parameters for call in calls.all])


def test_two_changes_at_once_do_not_overwrite_each_other(deployment: Deployment, owner: Owner) -> None:
    from dataclasses import replace

    made = owner.create(spend_limit="1.00")
    keys = deployment.services.keys
    before = keys.read(deployment.account.account_id, made["id"])
    assert owner.send("PATCH", f"/keys/{made['id']}", {"name": "first"}).status_code == 200
    assert not deployment.accounts.change_key(before, replace(before, name="second", spend_limit_nano=5 * 10**9))
    shown = owner.get(f"/keys/{made['id']}").json()
    assert shown["name"] == "first" and shown["spend_limit"] == {"currency": "USD", "limit": "1.00", "left": "1.00"}
