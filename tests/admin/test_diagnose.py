"""For each of the six causes a broken set-up: `diagnose` names that cause and no other, and the customer's error has its class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.admin.conftest import Admin, AdminDeployment
from tests.support.deployment import MODEL, Deployment, demo_channel
from tests.support.http import Api
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.channels import ChannelKind, PoolMember
from tokens_forge.circuits import CircuitKey
from tokens_forge.clock import SystemClock
from tokens_forge.health import Health, HealthState
from tokens_forge.keys import KeyKind, KeyLimits, parse_token
from tokens_forge.limits import MINUTE_MS
from tokens_forge.store.circuits import DynamoCircuitStore
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.wallets import WalletKind


@dataclass(frozen=True)
class Case:
    """The product with one thing broken, seen by a customer's key."""

    product: Deployment
    kind: WalletKind
    upstream: Upstream

    def key(self, **limits: Any) -> str:
        return self.product.key(KeyKind(self.kind.value), **limits)


def no_price(case: Case) -> str:
    table = case.product.settings.tables.catalogs[case.kind]
    case.product.client.delete_item(
        TableName=table, Key={"section": {"S": "price"}, "item_id": {"S": f"{MODEL}#demo-1"}}
    )
    return case.key()


def no_balance(case: Case) -> str:
    return replace(case, product=case.product.other_account()).key()


def frozen(case: Case) -> str:
    case.product.ledger.freeze_wallet(case.product.account.account_id, case.kind)
    return case.key()


def no_route(case: Case) -> str:
    channel = demo_channel(case.upstream.base_url, "disabled", kind=case.kind)
    case.product.route(replace(channel, enabled=False), kind=case.kind)
    return case.key()


def nobody_listens(case: Case) -> str:
    case.product.route(demo_channel("http://127.0.0.1:9/v1", "gone", kind=case.kind), kind=case.kind)
    return case.key()


def known_to_be_down(case: Case) -> str:
    key = nobody_listens(case)
    now_ms = SystemClock().now_ms()
    case.product.health.write_health(case.kind, ("gone", MODEL), Health(HealthState.DOWN, now_ms, now_ms))
    return key


def circuit_open(case: Case) -> str:
    """The channel works again, and nobody may try it yet."""
    case.product.route(demo_channel(case.upstream.base_url, "waiting", kind=case.kind), kind=case.kind)
    store = DynamoCircuitStore(case.product.client, case.product.settings.tables.state)
    now_ms = SystemClock().now_ms()
    failed = store.count_failure(CircuitKey(case.kind, "waiting", MODEL), now_ms, 30_000)
    assert store.open_circuit(failed, now_ms, now_ms + 60_000)
    case.product.services.gateway._router._circuits.refresh()  # a process that served requests has this view
    return case.key()


def other_models_only(case: Case) -> str:
    return case.key(allowed_models=frozenset({"gpt-4o"}))


def revoked(case: Case) -> str:
    key = case.key()
    case.product.revoke(key)
    return key


def expired(case: Case) -> str:
    return case.key(expires_at_ms=1)


def spent_up(case: Case) -> str:
    return case.key(spend_limit_nano=1)


def management(case: Case) -> str:
    return case.product.key(KeyKind.MANAGE)


def disabled_model(case: Case) -> str:
    catalog = case.product.services.gateway._catalogs.read(case.kind)
    case.product.catalogs.put_model(case.kind, replace(catalog.models[MODEL], enabled=False))
    return case.key()


BROKEN: list[tuple[str, Callable[[Case], str]]] = [
    ("pricing", no_price),
    ("balance", no_balance),
    ("balance", frozen),
    ("routing", no_route),
    ("provider_health", nobody_listens),
    ("provider_health", known_to_be_down),
    ("provider_health", circuit_open),
    ("key_permission", other_models_only),
    ("key_permission", revoked),
    ("key_permission", expired),
    ("key_permission", spent_up),
    ("key_permission", management),
    ("model_availability", disabled_model),
]


def public_id(token: str) -> str:
    parsed = parse_token(token)
    assert parsed is not None
    return parsed.key_id


@pytest.mark.parametrize(("cause", "break_it"), BROKEN, ids=[made.__name__ for _, made in BROKEN])
def test_a_broken_setup_has_one_cause_and_the_customers_error_has_its_class(
    administration: AdminDeployment,
    admin: Admin,
    upstream: Upstream,
    cause: str,
    break_it: Callable[[Case], str],
) -> None:
    product = administration.product
    tokens = {kind: break_it(Case(product, kind, upstream)) for kind in WalletKind}
    product.services.gateway._catalogs._cached.clear()
    with serve(product.app, lifespan="on") as url:
        for kind, token in tokens.items():
            found = admin.send("POST", "/diagnose", {"key": public_id(token), "model": MODEL}).json()
            assert found["cause"] == cause, (kind, found)
            assert found["remedy"] and found["message"]
            met = Api(url + "/v1", token).chat()
            error = met.json()["error"]
            assert error["forge"]["class"] == cause, (kind, met.text)
            assert found["customer_error"]["status"] == met.status_code
            assert found["customer_error"]["error"]["code"] == error["code"]


def no_requests_left() -> tuple[KeyLimits, Callable[[DynamoLimitStore, str, int], None]]:
    limits = KeyLimits(requests_per_minute=1)

    def use_up(store: DynamoLimitStore, key_id: str, now_ms: int) -> None:
        for minute in (0, 1):  # the next one may begin during the test
            assert store.count(key_id, now_ms // MINUTE_MS + minute, 1, limits).admitted

    return limits, use_up


def no_tokens_left() -> tuple[KeyLimits, Callable[[DynamoLimitStore, str, int], None]]:
    return KeyLimits(tokens_per_minute=10, requests_per_minute=100), lambda store, key_id, now_ms: None


def no_slot_left() -> tuple[KeyLimits, Callable[[DynamoLimitStore, str, int], None]]:
    def use_up(store: DynamoLimitStore, key_id: str, now_ms: int) -> None:
        assert store.take_slot(key_id, "another", now_ms + 60_000, 1, now_ms)

    return KeyLimits(concurrent_requests=1), use_up


@pytest.mark.parametrize("break_it", [no_requests_left, no_tokens_left, no_slot_left])
def test_a_limit_of_the_key_is_its_permission_though_the_customer_meets_a_rate_limit(
    administration: AdminDeployment, admin: Admin, break_it: Any
) -> None:
    product = administration.product
    limits, use_up = break_it()
    token = product.key(limits=limits)
    store = DynamoLimitStore(product.client, product.settings.tables.state)
    use_up(store, public_id(token), SystemClock().now_ms())
    found = admin.send("POST", "/diagnose", {"key": public_id(token), "model": MODEL}).json()
    assert found["cause"] == "key_permission", found
    with serve(product.app, lifespan="on") as url:
        met = Api(url + "/v1", token).chat()
    error = met.json()["error"]
    assert (met.status_code, error["forge"]["class"]) == (429, "rate_limit"), met.text
    assert found["customer_error"]["status"] == 429 and found["customer_error"]["error"]["forge"] == error["forge"]
    assert error["forge"]["limit"] in found["remedy"]


def test_looking_at_the_limits_of_a_key_uses_nothing_of_them(administration: AdminDeployment, admin: Admin) -> None:
    product = administration.product
    token = product.key(limits=KeyLimits(requests_per_minute=1, tokens_per_minute=100_000, concurrent_requests=1))
    asked = {"key": public_id(token), "model": MODEL}
    assert [admin.send("POST", "/diagnose", asked).json()["cause"] for _ in range(2)] == ["none", "none"]
    with serve(product.app, lifespan="on") as url:
        assert Api(url + "/v1", token).chat().status_code == 200


def test_a_healthy_setup_has_no_cause(administration: AdminDeployment, admin: Admin) -> None:
    product = administration.product
    with serve(product.app, lifespan="on") as url:
        for kind in WalletKind:
            token = product.key(KeyKind(kind.value))
            found = admin.send("POST", "/diagnose", {"key": public_id(token), "model": MODEL}).json()
            assert found["cause"] == "none" and found["customer_error"] is None and found["wallet"] == kind.value
            assert [how["standing"] for how in found["channels"]], "the route is shown"
            assert Api(url + "/v1", token).chat().status_code == 200


def test_a_backup_that_works_is_enough(administration: AdminDeployment, admin: Admin, upstream: Upstream) -> None:
    product = administration.product
    product.route(demo_channel("http://127.0.0.1:9/v1", "gone"), demo_channel(upstream.base_url, "works"))
    found = admin.send("POST", "/diagnose", {"key": public_id(product.key()), "model": MODEL}).json()
    assert found["cause"] == "none"
    assert found["channels"] == [
        {"channel": "gone", "standing": "probe_failed"},
        {"channel": "works", "standing": "ok"},
    ]


def test_a_pool_without_room_is_the_providers_health(
    administration: AdminDeployment, admin: Admin, upstream: Upstream
) -> None:
    product = administration.product
    member = PoolMember("one", "tokens-forge/local/one", 1, enabled=False)
    channel = demo_channel(upstream.base_url, "pool", kind=WalletKind.ROUTED)
    product.route(replace(channel, kind=ChannelKind.POOL, members=(member,)), kind=WalletKind.ROUTED)
    token = product.key(KeyKind.ROUTED)
    found = admin.send("POST", "/diagnose", {"key": public_id(token), "model": MODEL}).json()
    assert found["cause"] == "provider_health"
    assert found["channels"] == [{"channel": "pool", "standing": "pool_full"}]


def test_a_wallet_that_the_key_is_not_bound_to_is_the_keys_permission(
    administration: AdminDeployment, admin: Admin
) -> None:
    token = administration.product.key(KeyKind.OFFICIAL)
    asked = {"key": public_id(token), "model": MODEL, "wallet": "routed"}
    found = admin.send("POST", "/diagnose", asked).json()
    assert found["cause"] == "key_permission" and "Official model Credit only" in found["message"]


def test_an_unknown_key_and_an_unknown_model_are_told_apart(administration: AdminDeployment, admin: Admin) -> None:
    known = public_id(administration.product.key())
    unknown = known[:-1] + ("a" if known[-1] != "a" else "b")
    assert admin.send("POST", "/diagnose", {"key": unknown, "model": MODEL}).json()["cause"] == "key_permission"
    assert admin.send("POST", "/diagnose", {"key": known, "model": "gpt-99"}).json()["cause"] == "model_availability"


def test_a_whole_key_is_refused_and_not_repeated(administration: AdminDeployment, admin: Admin) -> None:
    token = administration.product.key()
    refused = admin.send("POST", "/diagnose", {"key": token, "model": MODEL})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "key"
    assert token.rpartition("_")[2] not in refused.text


def test_every_endpoint_that_a_model_is_sold_on_can_be_diagnosed(administration: AdminDeployment, admin: Admin) -> None:
    key = public_id(administration.product.key())
    for model, endpoint in (
        (MODEL, "chat.completions"),
        (MODEL, "responses"),
        (MODEL, "messages"),
        ("gpt-3.5-turbo-instruct", "completions"),
        ("text-embedding-3-small", "embeddings"),
    ):
        found = admin.send("POST", "/diagnose", {"key": key, "model": model, "endpoint": endpoint}).json()
        assert (found["cause"], found["endpoint"]) == ("none", endpoint), found
    elsewhere = {"key": key, "model": MODEL, "endpoint": "embeddings"}
    assert admin.send("POST", "/diagnose", elsewhere).json()["cause"] == "model_availability"
