"""Admin keys: hashed, expiring, revocable at once; the two kinds of keys never open each other's doors; addresses; the log."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from functions.admin.addresses import AllowedAddresses
from functions.admin.settings import Settings
from tests.admin.conftest import Admin, AdminDeployment
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.admin.audit import Author, Log
from tokens_forge.admin.keys import AdminAuthenticator, Scope, mint_admin_key
from tokens_forge.clock import SystemClock
from tokens_forge.errors import InvalidKey, KeyNotPermitted

AUTHOR = Author("arn:aws:iam::1:user/ann", "ann", "for the tests")


class Later(SystemClock):
    """A clock that is some days ahead."""

    def __init__(self, days: float) -> None:
        self._ahead_ms = int(days * 86_400_000)

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms


def test_a_key_is_stored_as_a_hash_and_shown_without_it(admin: Admin, administration: AdminDeployment) -> None:
    secret = str(admin.token).rpartition("_")[2]
    table = administration.product.client.scan(TableName=administration.settings.admin_table)["Items"]
    assert secret not in str(table) and "secret_sha256" in str(table)
    for shown in (admin.send("GET", "/admin-keys"), admin.send("GET", "/admin-keys/self"), admin.send("GET", "/audit")):
        assert shown.status_code == 200 and secret not in shown.text and "sha256" not in shown.text
    assert admin.get("/admin-keys/self")["scopes"] == ["finance", "operate", "read"]


def test_a_revoked_key_is_dead_at_once_and_stays_dead(admin: Admin, administration: AdminDeployment) -> None:
    other = administration.key(Scope.READ)
    assert other.send("GET", "/accounts").status_code == 200
    assert admin.write("POST", f"/admin-keys/{other.key_id}/revoke", {}).json()["status"] == "revoked"
    dead = other.send("GET", "/accounts")
    assert dead.status_code == 401 and "revoked" in dead.json()["error"]["message"]
    assert admin.write("POST", f"/admin-keys/{other.key_id}/revoke", {}).status_code == 409
    assert admin.write("POST", "/admin-keys/adm_nobody/revoke", {}).status_code == 409
    [record] = admin.get("/audit", action="admin_key.revoke")["data"]
    assert (record["before"]["status"], record["after"]["status"]) == ("active", "revoked")


def test_an_expired_key_opens_nothing(administration: AdminDeployment) -> None:
    issuer = administration.services.admin_keys
    made = issuer.create("short", frozenset({Scope.READ}), 1, AUTHOR)
    store = issuer._store
    assert AdminAuthenticator(store, Later(0.9)).prove(f"Bearer {made.token}") == made.key
    with pytest.raises(InvalidKey, match="expired"):
        AdminAuthenticator(store, Later(1.1)).prove(f"Bearer {made.token}")
    altered = made.token[:-1] + ("x" if made.token[-1] != "x" else "y")
    assert issuer.opens(made.token) and not issuer.opens(altered) and not issuer.opens("nonsense")


def test_a_key_needs_a_name_a_scope_and_an_end() -> None:
    for name, scopes, days in (
        ("", {Scope.READ}, 1),
        ("x", set(), 1),
        ("x", {Scope.READ}, 0),
        ("x", {Scope.READ}, 367),
    ):
        with pytest.raises(ValueError, match="admin key"):
            mint_admin_key(name, frozenset(scopes), now_ms=0, lifetime_days=days, made_by="me")


def test_neither_kind_of_key_opens_the_others_door(admin: Admin, administration: AdminDeployment) -> None:
    customer = administration.product.key()
    refused = Admin(admin.base_url, customer).send("GET", "/accounts")
    assert refused.status_code == 403 and "customer's key" in refused.json()["error"]["message"]
    with serve(administration.product.app, lifespan="on") as url:
        for answer in (Api(url + "/v1", admin.token).chat(), Api(url + "/v1", admin.token).get("/models")):
            assert answer.status_code == 401 and "admin key" in answer.json()["error"]["message"]


def test_unknown_paths_and_methods_have_the_one_error_shape(admin: Admin) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/accounts", 405),
        ("PUT", "/official/prices", 405),
    ):
        answer = admin.send(method, path)
        assert answer.status_code == status and answer.json()["error"]["forge"]["class"] == "request"
    assert admin.send("GET", "/routed/pools").status_code == 200
    assert admin.send("GET", "/official/pools").status_code == 404, "pools serve routed models only"


def gateway(address: str, **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    event = {"requestContext": {"identity": {"sourceIp": address}}}
    return {"type": "http", "headers": raw, "client": (address, 0), "aws.event": event}


def test_only_allowed_addresses_may_call_and_only_the_gateway_says_which_one_calls() -> None:
    office = AllowedAddresses((ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")), in_lambda=True)
    office.check(gateway("203.0.113.7"))
    office.check(gateway("2001:db8::1"))
    for address in ("198.51.100.1", "", "nonsense"):
        with pytest.raises(KeyNotPermitted):
            office.check(gateway(address, x_forwarded_for="203.0.113.7"))
    with pytest.raises(KeyNotPermitted):
        office.check({"type": "http", "headers": [], "client": ("203.0.113.7", 0)})
    AllowedAddresses((), in_lambda=True).check(gateway("198.51.100.1"))


def test_where_there_is_no_gateway_only_this_machine_may_call() -> None:
    here = AllowedAddresses((), in_lambda=False)
    here.check({"type": "http", "client": ("127.0.0.1", 1)})
    here.check({"type": "http", "client": ("::1", 1)})
    for client in (("192.0.2.1", 1), None, ("testclient", 1)):
        with pytest.raises(KeyNotPermitted):
            here.check({"type": "http", "client": client})


def test_a_deployment_with_an_address_that_is_none_does_not_start(administration: AdminDeployment) -> None:
    environment = administration.product.engine.environment()
    allowed = Settings.from_environment({**environment, "FORGE_ADMIN_ALLOWED_ADDRESSES": "10.0.0.0/8, 192.0.2.1"})
    assert [str(network) for network in allowed.allowed_networks] == ["10.0.0.0/8", "192.0.2.1/32"]
    with pytest.raises(ValueError, match=r"office"):
        Settings.from_environment({**environment, "FORGE_ADMIN_ALLOWED_ADDRESSES": "office"})


def test_the_log_is_paged_newest_first_and_filtered(admin: Admin, administration: AdminDeployment) -> None:
    audit = administration.services.audit
    for number in range(5):
        record = audit.record(Log.ROUTED, AUTHOR, "test.odd" if number % 2 else "test.even", str(number), None, None)
        audit._store.append(record)
        audit._store.append(record)  # re-sent: there once
    first = admin.get("/routed/audit", limit=3)
    rest = admin.get("/routed/audit", limit=3, cursor=first["next_cursor"])
    assert [shown["subject"] for shown in first["data"] + rest["data"]] == ["4", "3", "2", "1", "0"]
    assert rest["next_cursor"] is None
    odd = admin.get("/routed/audit", action="test.odd", limit=1)
    assert odd["data"][0]["subject"] == "3" and odd["has_more"]
    assert admin.get("/routed/audit", actor="nobody")["data"] == []
    assert [shown["subject"] for shown in admin.get("/routed/audit", subject="2")["data"]] == ["2"]
    assert admin.send("GET", "/routed/audit", cursor="!").status_code == 400


@pytest.mark.parametrize(
    "path", ["/routed/adjustments", "/official/refunds", "/reconciliation", "/comparison", "/audit"]
)
def test_an_empty_cursor_is_no_cursor_of_any_list(admin: Admin, path: str) -> None:
    refused = admin.send("GET", path, cursor="")
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "cursor"


def test_a_reason_of_blanks_is_none(admin: Admin, administration: AdminDeployment) -> None:
    body = {"account_id": administration.product.account.account_id, "amount": "1.00"}
    refused = admin.send("POST", "/official/adjustments", {**body, "reason": " \t\n "})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "reason"
    made = admin.send("POST", "/official/adjustments", {**body, "reason": "  an outage "})
    assert made.json()["reason"] == "an outage"
