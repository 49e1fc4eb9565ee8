"""The sandbox of payments: a bank without money that keeps sessions, payments, refunds, disputes and events in Stripe's shapes.

Shapes: docs.stripe.com/api, only what a shop that sells balance reads. All of it is one JSON file, so that a restart forgets
nothing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

Thing = dict[str, Any]
VERSION = "2026-10-28.endive"


class Refused(Exception):
    """The bank says no, as Stripe would: `status` and the error object's type and code."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code


class Bank:
    """One bank. `deliver` is told of every event; `page_url` is where its pages are."""

    def __init__(self, page_url: str, deliver: Callable[[Thing], None], state: Path | None = None) -> None:
        self._page_url = page_url
        self._deliver = deliver
        self._file = state
        self._lock = RLock()
        self.things: dict[str, Thing] = {}
        self.answers: dict[str, tuple[Thing, str]] = {}
        if state is not None and state.exists():
            kept = json.loads(state.read_text())
            self.things = kept["things"]
            self.answers = {key: (asked, name) for key, (asked, name) in kept["answers"].items()}

    # ---- what a shop may ask

    def once(self, key: str | None, asked: Thing, make: Callable[[], Thing]) -> Thing:
        """What was made under this idempotency key, made now if it is new. Raises Refused when it was something else."""
        with self._lock:
            known = self.answers.get(key) if key else None
            if known is None:
                made = make()
                if key:
                    self.answers[key] = (asked, made["id"])
                self._keep()
                return made
            if known[0] != asked:
                raise Refused(
                    "Keys for idempotent requests can only be used with the same parameters.", kind="idempotency_error"
                )
            return self.things[known[1]]

    def open_session(self, asked: Thing) -> Thing:
        """A payment page."""
        item = asked["line_items"][0]
        price = item["price_data"]
        session_id = _new("cs_sandbox")
        return self._add(
            {
                "id": session_id,
                "object": "checkout.session",
                "amount_total": int(price["unit_amount"]) * int(item["quantity"]),
                "cancel_url": asked["cancel_url"],
                "client_reference_id": asked["client_reference_id"],
                "created": int(time.time()),
                "currency": price["currency"],
                "expires_at": int(asked["expires_at"]),
                "livemode": False,
                "metadata": asked["metadata"],
                "mode": "payment",
                "payment_intent": None,
                "payment_status": "unpaid",
                "status": "open",
                "success_url": asked["success_url"],
                "url": f"{self._page_url}/pay/{session_id}",
                "sandbox_label": price["product_data"]["name"],
                "sandbox_intent_metadata": asked["payment_intent_data"]["metadata"],
            }
        )

    def read(self, name: str, sort: str) -> Thing:
        """One thing, its payment intent written out when it is a session. Raises Refused."""
        found = self.things.get(name)
        if found is None or found["object"] != sort:
            raise Refused(f"No such {sort}: '{name}'", status=404, code="resource_missing")
        return found

    def whole_session(self, session_id: str) -> Thing:
        """A session with its payment intent in it."""
        session = self.read(session_id, "checkout.session")
        intent = session["payment_intent"]
        return {**session, "payment_intent": self.things[intent] if intent else None}

    def every(self, sort: str, fits: Callable[[Thing], bool]) -> list[Thing]:
        """Things of a sort, newest first."""
        with self._lock:
            return [thing for thing in reversed(self.things.values()) if thing["object"] == sort and fits(thing)]

    def refund(self, asked: Thing) -> Thing:
        """Give back part of a payment."""
        intent = self.read(str(asked["payment_intent"]), "payment_intent")
        charge = self.things[intent["latest_charge"]]
        amount = int(asked.get("amount") or charge["amount"] - charge["amount_refunded"])
        if charge["disputed"] and self._dispute_of(intent["id"])["status"] != "won":
            raise Refused("This charge has been charged back and cannot be refunded.", code="charge_disputed")
        if amount > charge["amount"] - charge["amount_refunded"]:
            raise Refused("Refund amount is greater than unrefunded amount on charge.", code="amount_too_large")
        refund = self._add(
            {
                "id": _new("re_sandbox"),
                "object": "refund",
                "amount": amount,
                "charge": charge["id"],
                "created": int(time.time()),
                "currency": charge["currency"],
                "metadata": asked.get("metadata", {}),
                "payment_intent": intent["id"],
                "reason": asked.get("reason"),
                "status": "succeeded",
            }
        )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._tell("charge.refunded", charge)
        self._tell("refund.created", refund)
        return refund

    # ---- what people do on its pages

    def pay(
        self, session_id: str, *, told: bool = True, amount: int | None = None, currency: str | None = None
    ) -> None:
        """Somebody pays. `amount` and `currency` are what really arrives; without `told` no event is delivered."""
        with self._lock:
            session = self.open_page(session_id)
            intent_id, charge_id = _new("pi_sandbox"), _new("ch_sandbox")
            money = {
                "amount": session["amount_total"] if amount is None else amount,
                "currency": currency or session["currency"],
            }
            self._add(
                {
                    "id": charge_id,
                    "object": "charge",
                    **money,
                    "amount_refunded": 0,
                    "created": int(time.time()),
                    "disputed": False,
                    "metadata": session["sandbox_intent_metadata"],
                    "payment_intent": intent_id,
                    "refunded": False,
                    "status": "succeeded",
                }
            )
            self._add(
                {
                    "id": intent_id,
                    "object": "payment_intent",
                    **money,
                    "amount_received": money["amount"],
                    "created": int(time.time()),
                    "latest_charge": charge_id,
                    "metadata": session["sandbox_intent_metadata"],
                    "status": "succeeded",
                }
            )
            session.update(payment_intent=intent_id, payment_status="paid", status="complete")
            self._tell("checkout.session.completed", session, told=told)

    def fail(self, session_id: str) -> None:
        """A slow way of paying does not bring the money."""
        with self._lock:
            session = self.open_page(session_id)
            intent = self._add(
                {
                    "id": _new("pi_sandbox"),
                    "object": "payment_intent",
                    "amount": session["amount_total"],
                    "amount_received": 0,
                    "currency": session["currency"],
                    "created": int(time.time()),
                    "latest_charge": None,
                    "metadata": session["sandbox_intent_metadata"],
                    "status": "requires_payment_method",
                }
            )
            session.update(payment_intent=intent["id"], status="complete")
            self._tell("checkout.session.async_payment_failed", session)

    def expire(self, session_id: str) -> None:
        """Nobody pays in time."""
        with self._lock:
            session = self.open_page(session_id)
            session["status"] = "expired"
            self._tell("checkout.session.expired", session)

    def open_dispute(self, session_id: str, amount: int | None = None) -> Thing:
        """The card's owner takes the payment back for now."""
        with self._lock:
            charge = self._charge_of(session_id)
            charge["disputed"] = True
            dispute = self._add(
                {
                    "id": _new("du_sandbox"),
                    "object": "dispute",
                    "amount": charge["amount"] if amount is None else amount,
                    "charge": charge["id"],
                    "created": int(time.time()),
                    "currency": charge["currency"],
                    "metadata": {},
                    "payment_intent": charge["payment_intent"],
                    "reason": "fraudulent",
                    "status": "needs_response",
                }
            )
            self._tell("charge.dispute.created", dispute)
            self._tell("charge.dispute.funds_withdrawn", dispute)
            return dispute

    def close_dispute(self, session_id: str, *, won: bool) -> None:
        """The dispute is decided."""
        with self._lock:
            dispute = self._dispute_of(self._charge_of(session_id)["payment_intent"])
            dispute["status"] = "won" if won else "lost"
            self._tell("charge.dispute.closed", dispute)
            if won:
                self._tell("charge.dispute.funds_reinstated", dispute)

    def fail_refund(self, refund_id: str) -> None:
        """The buyer's bank does not take a refund: the money is with the shop again."""
        with self._lock:
            refund = self.read(refund_id, "refund")
            charge = self.things[refund["charge"]]
            refund["status"] = "failed"
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            self._tell("refund.failed", refund)

    def refund_by_hand(self, session_id: str, amount: int | None = None) -> Thing:
        """The shop's people refund on the bank's own pages."""
        with self._lock:
            return self.refund({"payment_intent": self._charge_of(session_id)["payment_intent"], "amount": amount})

    def open_page(self, session_id: str) -> Thing:
        """A session that can be paid. Raises Refused."""
        session = self.read(session_id, "checkout.session")
        if session["status"] != "open":
            raise Refused(f"This payment page is {session['status']}.", status=409)
        return session

    def events_of(self, session_id: str) -> list[Thing]:
        """Every event about a session, newest first."""
        intent = self.read(session_id, "checkout.session")["payment_intent"]
        names = {session_id, intent}

        def fits(event: Thing) -> bool:
            about = event["data"]["object"]
            return about["id"] in names or (intent is not None and about.get("payment_intent") == intent)

        return self.every("event", fits)

    def send_again(self, event_id: str) -> None:
        """Deliver an event once more."""
        self._deliver(self.read(event_id, "event"))

    def _charge_of(self, session_id: str) -> Thing:
        intent = self.read(session_id, "checkout.session")["payment_intent"]
        charge = self.things[intent]["latest_charge"] if intent else None
        if charge is None:
            raise Refused("Nothing was paid on this page.", status=409)
        return self.things[charge]

    def _dispute_of(self, intent_id: str) -> Thing:
        found = self.every("dispute", lambda dispute: dispute["payment_intent"] == intent_id)
        if not found:
            raise Refused("There is no dispute.", status=409)
        return found[0]

    def _tell(self, event_type: str, about: Thing, *, told: bool = True) -> None:
        event = self._add(
            {
                "id": _new("evt_sandbox"),
                "object": "event",
                "api_version": VERSION,
                "created": int(time.time()),
                "data": {"object": json.loads(json.dumps(about))},
                "livemode": False,
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": event_type,
            }
        )
        self._keep()
        if told:
            self._deliver(event)

    def _add(self, thing: Thing) -> Thing:
        self.things[thing["id"]] = thing
        return thing

    def _keep(self) -> None:
        if self._file is not None:
            self._file.write_text(json.dumps({"things": self.things, "answers": self.answers}))


def _new(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
