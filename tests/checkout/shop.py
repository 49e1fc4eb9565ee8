"""Checkout put together for a test: its real application and stores on an engine, Stripe's real SDK over real HTTP to the sandbox.

Between the SDK and the wire stands `Wire`, where a test lets calls go wrong. Events wait in `events` until the test delivers them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import stripe
from starlette.types import ASGIApp, Receive, Scope, Send
from stripe import WebhookSignature

from functions.checkout.app import create_app
from functions.checkout.compose import CheckoutWork, compose
from functions.checkout.settings import Settings
from local.payments_bank import Bank, Thing
from local.payments_sandbox import create_app as sandbox_app
from tests.support.deployment import Deployment
from tests.support.http import PLAIN
from tests.support.server import serve
from tokens_forge.checkout.comparison import Compared
from tokens_forge.checkout.orders import Order
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import CredentialMissing
from tokens_forge.journal import Entry
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import Wallet, WalletKind

PREFIX = "forge/local-payments/"
ENVIRONMENT = {
    "FORGE_STAGE": "local",
    "FORGE_ORDER_LIMITS": "USD 5 1000, CNY 20 5000, JPY 500 100000, KWD 1 100",
    "FORGE_PAYMENT_SECRETS_PREFIX": PREFIX,
    "FORGE_DEPLOYMENT": "test",
    "FORGE_PUBLIC_URL": "https://forge.test",
}


class Secrets:
    """Stands in for Secrets Manager: a secret of its own for each name."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def fresh(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> str:
        if name in self.missing:
            raise CredentialMissing(name)
        return f"secret-{name.removeprefix(PREFIX)}"

    def forget(self, name: str) -> None:
        """Nothing to forget."""


class Wire(stripe.RequestsClient):
    """Stripe's own HTTP client, whose next calls of a sort go wrong: `cut` before or after they arrive, or answered by a status."""

    def __init__(self) -> None:
        super().__init__(timeout=(2.0, 8.0))
        self.wrong: list[tuple[str, str, str | int]] = []
        self.calls: list[str] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> tuple[Any, int, Any]:
        path = url.partition("/v1/")[2].partition("?")[0]
        self.calls.append(f"{method} {path}")
        fault = next((each for each in self.wrong if each[0] == method and path.startswith(each[1])), None)
        if fault is not None:
            self.wrong.remove(fault)
        how = fault[2] if fault is not None else None
        if how == "before":
            raise _cut()
        if isinstance(how, int):
            return json.dumps({"error": {"type": "api_error", "message": "made up"}}), how, {}
        answer = super().request(method, url, headers, post_data, **more)
        if how == "after":
            raise _cut()
        return answer


def _cut() -> Exception:
    return stripe.APIConnectionError("cut")  # type: ignore[no-untyped-call]


@dataclass
class Shop:
    """One deployment with a sandbox behind it, seen by one account."""

    deployment: Deployment
    work: CheckoutWork
    bank: Bank
    wire: Wire
    secrets: Secrets
    url: str
    events: list[Thing] = field(default_factory=list)

    def send(self, method: str, path: str, *, key: str | None = None, **how: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        headers |= how.pop("headers", {})
        return httpx.request(method, f"{self.url}/v1/checkout/{path}", headers=headers, **PLAIN, **how)

    def order(self, kind: WalletKind = WalletKind.OFFICIAL, amount: str = "20.00", *, key: str = "") -> Order:
        """Order with a key of the wallet; the order as it is stored."""
        key = key or self.deployment.key(KeyKind(kind.value))
        made = self.send("POST", "orders", key=key, json={"wallet": kind.value, "amount": amount})
        assert made.status_code == 201, made.text
        return self.read(made.json()["id"])

    def paid(self, kind: WalletKind = WalletKind.OFFICIAL, amount: str = "20.00") -> Order:
        """An order that was paid and credited."""
        order = self.order(kind, amount)
        self.pay(order)
        self.deliver()
        order = self.read(order.order_id)
        assert order.is_credited, order
        return order

    def pay(self, order: Order, **how: Any) -> None:
        self.bank.pay(self.session(order), **how)

    def session(self, order: Order) -> str:
        assert order.session_id is not None
        return order.session_id

    def deliver(self, provider: str = "sandbox") -> list[int]:
        """Deliver what waits, in order; the answers."""
        waiting, self.events[:] = list(self.events), []
        return [self.post_event(event, provider).status_code for event in waiting]

    def post_event(
        self, event: Thing | bytes, provider: str = "sandbox", *, secret: str | None = None, at: int | None = None
    ) -> httpx.Response:
        """Send an event, signed by Stripe's own library."""
        body = event.decode() if isinstance(event, bytes) else json.dumps(event)
        secret = secret if secret is not None else f"secret-{provider}-webhook"
        header = WebhookSignature.generate_signature_header(body, secret, at or int(time.time()))
        return self.send("POST", f"webhooks/{provider}", content=body.encode(), headers={"stripe-signature": header})

    def read(self, order_id: str) -> Order:
        order = self.work.services.checkout.find_anybodys(order_id)
        assert order is not None
        return order

    def trail(self, order: Order) -> list[tuple[str, dict[str, str]]]:
        return [(line.what, dict(line.facts)) for line in self.work.services.checkout.trail(order)]

    def whats(self, order: Order) -> list[str]:
        return [what for what, _ in self.trail(order)]

    def wallet(self, kind: WalletKind = WalletKind.OFFICIAL) -> Wallet:
        return self.deployment.wallet(kind)

    def entry(self, entry_id: str, kind: WalletKind = WalletKind.OFFICIAL) -> Entry | None:
        return self.deployment.ledger.read_entry(self.deployment.account.account_id, kind, entry_id)

    def compare(self) -> Compared:
        return self.work.comparison.run(self.work.provider, lambda: True)

    def problems(self) -> list[str]:
        """What the reconciliation finds in all books."""
        return [finding.problem for finding in self.deployment.scheduled().reconciliation.run().findings]


class Front:
    """An address that stays while the application behind it changes from test to test."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Fronts:
    """The addresses of checkout and of its sandbox."""

    checkout: Front
    checkout_url: str
    sandbox: Front
    sandbox_url: str


@contextmanager
def open_fronts() -> Iterator[Fronts]:
    """Both under uvicorn, for a whole session."""
    checkout, sandbox = Front(), Front()
    with serve(checkout) as checkout_url, serve(sandbox) as sandbox_url:
        yield Fronts(checkout, checkout_url, sandbox, sandbox_url)


def open_shop(deployment: Deployment, fronts: Fronts) -> Shop:
    """Checkout on a deployment, with a sandbox of its own."""
    events: list[Thing] = []
    bank = Bank("https://pay.test", events.append)
    wire, secrets = Wire(), Secrets()
    environment = {
        **deployment.engine.environment(),
        **ENVIRONMENT,
        "FORGE_PAYMENTS_SANDBOX_URL": fronts.sandbox_url,
    }
    work = compose(
        Settings.from_environment(environment),
        dynamodb=deployment.client,
        credentials=secrets,
        clock=SystemClock(),
        http_client=lambda: wire,
    )
    fronts.sandbox.app, fronts.checkout.app = sandbox_app(bank), create_app(work.services)
    return Shop(deployment, work, bank, wire, secrets, fronts.checkout_url, events)
