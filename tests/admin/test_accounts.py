"""Accounts and keys as admins manage them: at once for everybody, and on record."""

from __future__ import annotations

from typing import Any

from tests.admin.conftest import Admin, AdminDeployment
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.keys import KeyKind, parse_token


def test_an_account_is_opened_with_both_wallets_and_its_keys_call(
    admin: Admin, administration: AdminDeployment
) -> None:
    made = admin.write("POST", "/accounts", {"name": "Customer"}).json()
    assert [(wallet["wallet"], wallet["currency"]) for wallet in made["wallets"]] == [
        ("official", "USD"),
        ("routed", "CNY"),
    ]
    admin.write("POST", "/official/adjustments", {"account_id": made["id"], "amount": "5"})
    path = f"/accounts/{made['id']}/keys"
    limits = {"allowed_models": ["gpt-4o"], "spend_limit": "1.50", "expires_at": "2099-01-01T00:00:00Z"}
    key = admin.write("POST", path, {"kind": "official", "name": "app", **limits}).json()
    assert key["spend_limit"] == {"currency": "USD", "limit": "1.50", "left": "1.50"}
    manager = admin.write("POST", path, {"kind": "manage", "name": "owner"}).json()
    assert manager["token"].startswith("tf_manage_")
    with serve(administration.product.app, lifespan="on") as url:
        assert Api(url + "/v1", key["token"]).chat(model="gpt-4o").status_code == 200
        assert Api(url + "/v1", key["token"]).chat().status_code == 403
        revoked = admin.write("POST", f"{path}/{key['id']}/revoke", {}).json()
        assert revoked["status"] == "revoked" and revoked["spend_limit"]["currency"] == "USD"
        assert Api(url + "/v1", key["token"]).chat(model="gpt-4o").status_code == 401
    listed = admin.send("GET", path)
    assert {shown["id"] for shown in listed.json()["data"]} == {key["id"], manager["id"]}
    log = admin.send("GET", "/audit")
    for secret in (key["token"], manager["token"]):
        letters = secret.rpartition("_")[2]
        assert letters not in listed.text and letters not in log.text
    assert "sha256" not in listed.text + log.text
    assert [shown["id"] for shown in admin.get(path, kind="manage")["data"]] == [manager["id"]]


def test_what_takes_several_writes_is_recorded_before_and_after(admin: Admin) -> None:
    made = admin.write("POST", "/accounts", {"name": "Customer"}).json()
    done, begun = admin.get("/audit", action="account.open")["data"]
    assert (begun["stage"], done["stage"], done["begun_by"]) == ("begun", "done", begun["id"])
    assert done["after"]["id"] == made["id"]
    refused = admin.write(
        "POST", f"/accounts/{made['id']}/keys", {"kind": "routed", "name": "x", "allowed_models": ["no"]}
    )
    assert refused.status_code == 400
    failed, begun = admin.get("/audit", action="key.create")["data"]
    assert (begun["stage"], failed["stage"]) == ("begun", "failed") and "no" in failed["after"]["error"]


def test_a_frozen_wallet_takes_no_new_request_and_the_other_one_does(
    admin: Admin, administration: AdminDeployment
) -> None:
    product = administration.product
    path = f"/accounts/{product.account.account_id}"
    keys = {kind: product.key(KeyKind(kind)) for kind in ("official", "routed")}
    with serve(product.app, lifespan="on") as url:

        def statuses() -> list[int]:
            return [Api(url + "/v1", key).chat().status_code for key in keys.values()]

        assert statuses() == [200, 200], "the keys are in the cache now"
        frozen = admin.write("POST", path + "/freeze", {"wallet": "routed"}).json()
        assert [wallet["status"] for wallet in frozen["wallets"]] == ["active", "frozen"]
        assert statuses() == [200, 403]
        again = admin.write("POST", path + "/freeze", {"wallet": "routed"})
        assert again.status_code == 409
        assert admin.write("POST", path + "/freeze", {}).status_code == 200, "the other one, too"
        assert statuses() == [403, 403]
        assert admin.write("POST", path + "/unfreeze", {}).status_code == 200
        assert statuses() == [200, 200]
    record = admin.get("/audit", action="account.freeze")["data"][1]
    assert record["before"] == {"official": "active", "routed": "active"} and record["after"] == {"routed": "frozen"}


def test_a_wallet_that_changes_under_an_admin_is_a_conflict(admin: Admin, administration: AdminDeployment) -> None:
    accounts = administration.services.accounts
    real = accounts._statuses.change_status
    account_id = administration.product.account.account_id

    def somebody_is_faster(*arguments: Any) -> bool:
        real(*arguments)
        return False

    accounts._statuses.change_status = somebody_is_faster  # type: ignore[assignment,method-assign]
    try:
        refused = admin.write("POST", f"/accounts/{account_id}/freeze", {})
    finally:
        accounts._statuses.change_status = real  # type: ignore[method-assign]
    assert refused.status_code == 409
    current = refused.json()["error"]["forge"]["current"]
    assert [wallet["status"] for wallet in current["wallets"]] == ["frozen", "frozen"]


def test_ids_of_other_accounts_and_of_nobody_are_not_found(admin: Admin, administration: AdminDeployment) -> None:
    stranger = administration.product.other_account()
    key = parse_token(administration.product.key())
    assert key is not None
    foreign = f"/accounts/{stranger.account.account_id}/keys/{key.key_id}/revoke"
    assert admin.write("POST", foreign, {}).status_code == 404
    for path in ("/accounts/acc_nobody", "/accounts/acc_nobody/keys"):
        assert admin.send("GET", path).status_code == 404
    for path in ("/accounts/acc_nobody/freeze", "/accounts/acc_nobody/unfreeze"):
        assert admin.write("POST", path, {}).status_code == 404
    assert admin.write("POST", "/accounts/acc_nobody/keys", {"kind": "routed", "name": "x"}).status_code == 404


def test_bad_fields_are_named(admin: Admin, administration: AdminDeployment) -> None:
    account = f"/accounts/{administration.product.account.account_id}"
    bad: list[tuple[str, dict[str, Any], str]] = [
        ("/accounts", {"name": ""}, "name"),
        ("/accounts", {"name": "x", "cash_currency": "yuan"}, "cash_currency"),
        (account + "/freeze", {"wallet": "both"}, "wallet"),
        (account + "/keys", {"kind": "admin", "name": "x"}, "kind"),
        (account + "/keys", {"kind": "manage", "name": "x", "spend_limit": "1"}, "kind"),
        (account + "/keys", {"kind": "routed", "name": "x", "spend_limit": "-1"}, "spend_limit"),
        (account + "/keys", {"kind": "routed", "name": "x", "spend_limit": "1e3"}, "spend_limit"),
        (account + "/keys", {"kind": "routed", "name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ]
    for path, body, param in bad:
        refused = admin.write("POST", path, body)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == param, (path, body, refused.text)


def test_accounts_are_paged_and_found_by_name(admin: Admin, administration: AdminDeployment) -> None:
    for name in ("Blue", "Green"):
        account = admin.write("POST", "/accounts", {"name": name}).json()["id"]
        admin.write("POST", f"/accounts/{account}/keys", {"kind": "routed", "name": "x"})
    seen: list[str] = []
    cursor = None
    while True:
        page = admin.get("/accounts", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += [account["name"] for account in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == ["Blue", "Green", "Test account"]
    assert [account["name"] for account in admin.get("/accounts", name="gree")["data"]] == ["Green"]
