"""The sandbox of payments: answers Stripe's own SDK as Stripe would, shows a page to pay on, and sends signed webhooks.

No real money. It runs on loopback beside `make run`, under a name and secrets of its own, and a deployment in a real account
refuses to know it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Header, HTTPException, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from stripe import WebhookSignature

from local.payments_bank import Bank, Refused, Thing
from local.payments_form import nested
from local.payments_page import session_page

log = logging.getLogger("local.payments_sandbox")
TRIES_MAX = 5
Key = Annotated[str | None, Header(alias="idempotency-key")]


class Postman:
    """Delivers events one after the other, signed by Stripe's scheme, a few times if they are not taken."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._events: queue.Queue[Thing] = queue.Queue()
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        threading.Thread(target=self._run, name="postman", daemon=True).start()

    def deliver(self, event: Thing) -> None:
        """Deliver an event soon."""
        self._events.put(event)

    def _run(self) -> None:
        while True:
            event = self._events.get()
            for tries in range(TRIES_MAX):
                if self._sent(event):
                    break
                time.sleep(0.5 * 2**tries)
            else:
                log.error("%s was not taken: send it again from its page", event["id"])

    def _sent(self, event: Thing) -> bool:
        body = json.dumps(event)
        signature = WebhookSignature.generate_signature_header(body, self._secret)
        headers = {"content-type": "application/json", "stripe-signature": signature}
        request = urllib.request.Request(self._url, body.encode(), headers)  # noqa: S310 - the address of our own API
        try:
            with self._direct.open(request, timeout=30) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refused:
            return refused.code == 400  # not accepted, and would not be the next time
        except OSError:
            return False


def create_app(bank: Bank) -> FastAPI:
    """The sandbox around a bank: Stripe's paths under /v1, people's pages under /pay."""
    app = FastAPI(title="Sandbox of payments", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        body = {"error": {"type": error.kind, "code": error.code or None, "message": str(error)}}
        return JSONResponse(body, status_code=error.status)

    async def asked(request: Request) -> Thing:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused("You did not provide an API key.", status=401)
        return nested(parse_qsl((await request.body()).decode()))

    @app.post("/v1/checkout/sessions")
    async def open_session(request: Request, key: Key = None) -> Thing:
        given = await asked(request)
        return bank.once(key, given, lambda: bank.open_session(given))

    @app.get("/v1/checkout/sessions")
    async def list_sessions(request: Request) -> Thing:
        return _page(request, "/v1/checkout/sessions", bank.every("checkout.session", _since(request)))

    @app.get("/v1/checkout/sessions/{session_id}")
    async def read_session(session_id: str) -> Thing:
        return bank.whole_session(session_id)

    @app.post("/v1/refunds")
    async def refund(request: Request, key: Key = None) -> Thing:
        given = await asked(request)
        return bank.once(key, given, lambda: bank.refund(given))

    @app.get("/v1/refunds")
    async def list_refunds(request: Request) -> Thing:
        return _page(request, "/v1/refunds", bank.every("refund", _of_payment(request)))

    @app.get("/v1/disputes")
    async def list_disputes(request: Request) -> Thing:
        return _page(request, "/v1/disputes", bank.every("dispute", _of_payment(request)))

    @app.get("/v1/events")
    async def list_events(request: Request) -> Thing:
        types = [value for name, value in request.query_params.multi_items() if name.startswith("types[")]
        since = _since(request)
        found = bank.every("event", lambda event: since(event) and (not types or event["type"] in types))
        return _page(request, "/v1/events", found)

    @app.get("/pay/{session_id}", response_class=HTMLResponse)
    async def show(session_id: str) -> str:
        return session_page(bank, session_id)

    @app.post("/pay/{session_id}")
    async def act(session_id: str, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        action = form.get("action", "")
        session = bank.read(session_id, "checkout.session")
        if action in ("pay", "pay_silently"):
            bank.pay(session_id, told=action == "pay")
            return RedirectResponse(session["success_url"], 303)
        if action == "fail":
            bank.fail(session_id)
            return RedirectResponse(session["cancel_url"], 303)
        if action == "cancel":
            return RedirectResponse(session["cancel_url"], 303)
        actions: dict[str, Callable[[], object]] = {
            "expire": lambda: bank.expire(session_id),
            "refund": lambda: bank.refund_by_hand(session_id),
            "dispute": lambda: bank.open_dispute(session_id),
            "win": lambda: bank.close_dispute(session_id, won=True),
            "lose": lambda: bank.close_dispute(session_id, won=False),
            "again": lambda: bank.send_again(form.get("event", "")),
        }
        if action not in actions:
            raise HTTPException(404)
        actions[action]()
        return RedirectResponse(f"/pay/{session_id}", 303)

    return app


def _since(request: Request) -> Callable[[Thing], bool]:
    since = int(request.query_params.get("created[gte]", "0"))
    return lambda thing: bool(thing["created"] >= since)


def _of_payment(request: Request) -> Callable[[Thing], bool]:
    intent = request.query_params.get("payment_intent")
    return lambda thing: intent in (None, thing["payment_intent"])


def _page(request: Request, url: str, found: list[Thing]) -> Thing:
    """A page of Stripe's lists."""
    limit = int(request.query_params.get("limit", "10"))
    after = request.query_params.get("starting_after")
    first = next((place + 1 for place, thing in enumerate(found) if thing["id"] == after), 0)
    return {
        "object": "list",
        "url": url,
        "has_more": len(found) > first + limit,
        "data": found[first : first + limit],
    }


def from_environment(environment: dict[str, Any]) -> FastAPI:
    """The sandbox of `make run`."""
    postman = Postman(environment["FORGE_PAYMENTS_WEBHOOK_URL"], environment["FORGE_PAYMENTS_WEBHOOK_SECRET"])
    state = Path(environment["FORGE_PAYMENTS_STATE"])
    return create_app(Bank(environment["FORGE_PAYMENTS_PAGE_URL"], postman.deliver, state))


if "FORGE_PAYMENTS_STATE" in os.environ:
    app = from_environment(dict(os.environ))
