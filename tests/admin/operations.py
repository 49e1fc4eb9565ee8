"""Every operation of the admin API, as the matrix tests call it: each once for each wallet it exists for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.admin.conftest import REASON, Admin, AdminDeployment
from tests.support.deployment import MODEL
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.admin.keys import Scope
from tokens_forge.clock import SystemClock
from tokens_forge.ids import iso_of
from tokens_forge.keys import KeyKind, parse_token
from tokens_forge.wallets import WalletKind

READ, OPERATE, FINANCE = Scope


@dataclass
class World:
    """Things that operations can be about, in both businesses, and two admins who may do everything."""

    administration: AdminDeployment
    admin: Admin
    second: Admin
    account_id: str
    receipts: dict[WalletKind, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.administration.base_url

    def channel(self, kind: WalletKind) -> str:
        return "openai-official" if kind is WalletKind.OFFICIAL else "routed-primary"

    def currency(self, kind: WalletKind) -> str:
        return "USD" if kind is WalletKind.OFFICIAL else "CNY"

    def version(self, path: str) -> int:
        return int(self.admin.get(path)["item_version"])

    def adjustment(self, kind: WalletKind, amount: str) -> str:
        made = self.admin.write("POST", f"/{kind.value}/adjustments", {"account_id": self.account_id, "amount": amount})
        assert made.status_code in (201, 202), made.text
        return str(made.json()["id"])


def populated(administration: AdminDeployment) -> World:
    """A world with a request of both wallets within the same minutes, and something in every table."""
    product = administration.product
    admin = administration.key(*Scope, name="first")
    world = World(administration, admin, administration.key(*Scope, name="second"), product.account.account_id)
    with serve(product.app, lifespan="on") as url:
        for kind in WalletKind:
            api = Api(url + "/v1", product.key(KeyKind(kind.value)))
            world.receipts[kind] = api.chat().headers["x-forge-receipt-id"]
            assert api.chat(model="gpt-99").status_code == 404
    product.look()
    product.scheduled().state.write_reconciliation(product.scheduled().reconciliation.run())
    for kind in WalletKind:
        world.adjustment(kind, "1.00")
    return world


@dataclass(frozen=True)
class Call:
    """One call: `body` is made just before it, so that versions and ids are those of the moment."""

    name: str
    method: str
    path: str
    scope: Scope
    prepare: Callable[[World], tuple[str, dict[str, Any] | None, int | None]]


def _plain(path: str) -> Callable[[World], tuple[str, dict[str, Any] | None, int | None]]:
    return lambda world: (path, None, None)


def _lately(path: str) -> Callable[[World], tuple[str, dict[str, Any] | None, int | None]]:
    return lambda world: (f"{path}?from={iso_of(SystemClock().now_ms() - 180_000)}", None, None)


def _price(world: World, kind: WalletKind, **fields: Any) -> dict[str, Any]:
    prices = {"input": "0.15", "output": "0.60"}
    if kind is WalletKind.ROUTED:
        fields["multiplier"] = "1.9"
    return {"model": MODEL, "currency": world.currency(kind), "per_1m_tokens": prices, **fields}


def of_wallet(kind: WalletKind) -> Iterator[Call]:
    """The operations of one wallet's business."""
    at = f"/{kind.value}"

    def get(path: str, real: str | None = None) -> Call:
        return Call(f"GET {path}", "GET", at + path, READ, _plain(at + (real or path)))

    channel = "openai-official" if kind is WalletKind.OFFICIAL else "routed-primary"
    for path in ("/models", "/channels", "/routes", "/prices", "/adjustments", "/errors"):
        yield get(path)
    for path in ("/usage", "/margin"):  # of the last minutes: each minute is a query
        yield Call(f"GET {path}", "GET", at + path, READ, _lately(at + path))
    for path in ("/health", "/circuits", "/audit"):
        yield get(path)
    yield get("/models/{model_id:path}", f"/models/{MODEL}")
    yield get("/routes/{model_id:path}", f"/routes/{MODEL}")
    yield get("/channels/{channel_id}", f"/channels/{channel}")
    yield get("/channels/{channel_id}/discovery", f"/channels/{channel}/discovery")

    def receipts(world: World) -> tuple[str, None, None]:
        return f"{at}/receipts?account_id={world.account_id}", None, None

    yield Call("list receipts", "GET", at + "/receipts", READ, receipts)
    yield Call(
        "read receipt",
        "GET",
        at + "/receipts/{receipt_id}",
        READ,
        lambda world: (f"{at}/receipts/{world.receipts[kind]}", None, None),
    )
    yield Call(
        "read adjustment",
        "GET",
        at + "/adjustments/{adjustment_id}",
        READ,
        lambda world: (f"{at}/adjustments/{world.adjustment(kind, '0.01')}", None, None),
    )
    yield Call(
        "preview price",
        "POST",
        at + "/prices/preview",
        READ,
        lambda world: (at + "/prices/preview", _price(world, kind) | {"hours_back": 1}, None),
    )

    def model(world: World) -> tuple[str, dict[str, Any], int]:
        path = f"{at}/models/{MODEL}"
        body = {"owned_by": "openai", "output_tokens_max": 16_384, "default_output_tokens": 1_024}
        return path, {**body, "image_tokens_max": 40_000}, world.version(path)

    def put_channel(world: World) -> tuple[str, dict[str, Any], int]:
        path = f"{at}/channels/{channel}"
        shown = world.admin.get(path)
        kept = ("kind", "label", "base_url", "models", "protocol")
        body = {name: shown[name] for name in kept} | {"credential": "tokens-forge/local/other"}
        return path, body, int(shown["item_version"])

    def route(world: World) -> tuple[str, dict[str, Any], int]:
        path = f"{at}/routes/{MODEL}"
        return path, {"channels": [channel]}, world.version(path)

    yield Call("put model", "PUT", at + "/models/{model_id:path}", OPERATE, model)
    yield Call("put channel", "PUT", at + "/channels/{channel_id}", OPERATE, put_channel)
    yield Call("put route", "PUT", at + "/routes/{model_id:path}", OPERATE, route)

    def price(world: World) -> tuple[str, dict[str, Any], None]:
        return at + "/prices", _price(world, kind), None

    def withdrawal(world: World) -> tuple[str, dict[str, Any], None]:
        made = world.admin.write("POST", at + "/prices", _price(world, kind, starts_at="2027-01-01T00:00:00Z"))
        if made.status_code == 201:
            return at + "/prices/withdraw", {"model": MODEL, "version": made.json()["version"]}, None
        [version] = [
            found["version"] for found in world.admin.get(at + "/prices")["data"] if found["starts_at"][:4] == "2027"
        ]
        return at + "/prices/withdraw", {"model": MODEL, "version": version}, None

    yield Call("create price", "POST", at + "/prices", FINANCE, price)
    yield Call("withdraw price", "POST", at + "/prices/withdraw", FINANCE, withdrawal)
    yield Call(
        "adjust",
        "POST",
        at + "/adjustments",
        FINANCE,
        lambda world: (at + "/adjustments", {"account_id": world.account_id, "amount": "0.50"}, None),
    )
    for name, amount in (("approve", "700"), ("decline", "700"), ("reverse", "0.02")):
        yield Call(
            name,
            "POST",
            at + "/adjustments/{adjustment_id}/" + name,
            FINANCE,
            lambda world, name=name, amount=amount: (  # type: ignore[misc]
                f"{at}/adjustments/{world.adjustment(kind, amount)}/{name}",
                {},
                None,
            ),
        )
    yield from _of_orders(kind)
    if kind is WalletKind.ROUTED:
        yield get("/pools")
        yield from _of_pools(at)


def _of_orders(kind: WalletKind) -> Iterator[Call]:
    at = f"/{kind.value}"

    def paid(world: World) -> str:
        return world.administration.shop.paid(kind).order_id

    def refund(world: World, what: str) -> str:
        """A refund that waits for a second admin: the day's allowance of its admin is used up by then."""
        asking = world.administration.key(FINANCE)
        limit = world.administration.settings.adjustment_limits_nano[kind] // 10**9
        spent = asking.write("POST", f"{at}/adjustments", {"account_id": world.account_id, "amount": str(limit)})
        assert spent.status_code == 201, spent.text
        made = asking.write("POST", f"{at}/orders/{paid(world)}/refunds", {"amount": "20.00"})
        assert made.status_code == 202, made.text
        return f"{at}/refunds/{made.json()['id']}{what}"

    def asked(world: World) -> tuple[str, dict[str, Any], None]:
        return f"{at}/orders/{paid(world)}/refunds", {"amount": "5.00"}, None

    for path in ("/orders", "/refunds"):
        yield Call(f"GET {path}", "GET", at + path, READ, _plain(at + path))
    yield Call(
        "read order", "GET", at + "/orders/{order_id}", READ, lambda world: (f"{at}/orders/{paid(world)}", None, None)
    )
    yield Call("refund", "POST", at + "/orders/{order_id}/refunds", FINANCE, asked)
    yield Call("read refund", "GET", at + "/refunds/{refund_id}", READ, lambda world: (refund(world, ""), None, None))
    for name in ("approve", "decline"):
        yield Call(
            f"{name} refund",
            "POST",
            at + "/refunds/{refund_id}/" + name,
            FINANCE,
            lambda world, name=name: (refund(world, f"/{name}"), {}, None),  # type: ignore[misc]
        )


def _of_pools(at: str) -> Iterator[Call]:
    def pool(world: World) -> tuple[str, dict[str, Any], int | None]:
        path = f"{at}/pools/a-pool"
        found = world.admin.send("GET", path)
        member = {"id": "one", "credential": "tokens-forge/local/one", "slots": 2}
        body = {"label": "a pool", "base_url": "https://example.com/v1", "models": {MODEL: MODEL}, "members": [member]}
        return path, body, found.json()["item_version"] if found.status_code == 200 else None

    def existing(world: World) -> tuple[str, None, None]:
        path, body, version = pool(world)
        if version is None:
            assert world.admin.write("PUT", path, body).status_code == 200
        return path, None, None

    yield Call("put pool", "PUT", at + "/pools/{pool_id}", OPERATE, pool)
    yield Call("read pool", "GET", at + "/pools/{pool_id}", READ, existing)


def of_deployment() -> Iterator[Call]:
    """The operations that are neither wallet's."""
    for path in ("/accounts", "/audit", "/admin-keys", "/admin-keys/self", "/errors", "/reconciliation", "/comparison"):
        yield Call(f"GET {path}", "GET", path, READ, _plain(path))

    def account(world: World, after: str = "") -> str:
        return f"/accounts/{world.account_id}{after}"

    def new_key(world: World) -> str:
        parsed = parse_token(world.administration.product.key())
        assert parsed is not None
        return parsed.key_id

    def other_account(world: World) -> str:
        return f"/accounts/{world.administration.product.other_account().account.account_id}"

    def unfreeze(world: World) -> tuple[str, dict[str, Any], None]:
        path = other_account(world)
        assert world.admin.write("POST", path + "/freeze", {}).status_code == 200
        return path + "/unfreeze", {}, None

    def admin_key(world: World) -> tuple[str, dict[str, Any], None]:
        return f"/admin-keys/{world.administration.key(READ).key_id}/revoke", {}, None

    one = "/accounts/{account_id}"
    yield Call("read account", "GET", one, READ, lambda world: (account(world), None, None))
    yield Call("list keys", "GET", one + "/keys", READ, lambda world: (account(world, "/keys"), None, None))
    yield Call(
        "diagnose",
        "POST",
        "/diagnose",
        READ,
        lambda world: ("/diagnose", {"key": new_key(world), "model": MODEL}, None),
    )
    yield Call("open account", "POST", "/accounts", OPERATE, lambda world: ("/accounts", {"name": "new"}, None))
    yield Call("freeze", "POST", one + "/freeze", OPERATE, lambda world: (other_account(world) + "/freeze", {}, None))
    yield Call("unfreeze", "POST", one + "/unfreeze", OPERATE, unfreeze)
    yield Call(
        "create key",
        "POST",
        one + "/keys",
        OPERATE,
        lambda world: (account(world, "/keys"), {"kind": "routed", "name": "new"}, None),
    )
    yield Call(
        "revoke key",
        "POST",
        one + "/keys/{key_id}/revoke",
        OPERATE,
        lambda world: (account(world, f"/keys/{new_key(world)}/revoke"), {}, None),
    )
    yield Call("revoke admin key", "POST", "/admin-keys/{key_id}/revoke", OPERATE, admin_key)


def every_call() -> list[Call]:
    """All of them."""
    return [call for kind in WalletKind for call in of_wallet(kind)] + list(of_deployment())


def send(caller: Admin, call: Call, prepared: tuple[str, dict[str, Any] | None, int | None]) -> Any:
    """Make a prepared call as somebody. Everything but a diagnosis and a preview says why."""
    path, body, version = prepared
    if body is not None and call.scope is not READ:
        body = {"reason": REASON, **body}
    return caller.send(call.method, path, body, version=version)
