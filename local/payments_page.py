"""The page of the sandbox of payments: what a buyer would see at a provider, and what a tester may do to a payment."""

from __future__ import annotations

from html import escape

from functions.checkout.pages import code, document, rows
from local.payments_bank import Bank, Thing
from tokens_forge.checkout.currencies import money_of
from tokens_forge.ids import iso_of

_BANNER = (
    '<p style="margin:-2rem -2.25rem 1.5rem;padding:.75rem 2.25rem;background:#fff4d6;border-bottom:1px solid #ecd9a0;'
    'border-radius:12px 12px 0 0"><strong>Sandbox, no real money.</strong> Nothing on this page charges anybody.</p>'
)


def session_page(bank: Bank, session_id: str) -> str:
    """The page of one session, as it stands now."""
    session = bank.read(session_id, "checkout.session")
    amount = money_of(session["amount_total"], session["currency"].upper())
    details = rows(
        [
            ("Order", code(session["client_reference_id"])),
            ("Session", code(session_id)),
            ("Status", code(f"{session['status']}, {session['payment_status']}")),
        ]
    )
    if session["status"] == "open":
        actions = (
            _button(session_id, "pay", "Pay")
            + _button(session_id, "cancel", "Cancel", quiet=True)
            + "<h2>To try what goes wrong</h2>"
            + _button(session_id, "pay_silently", "Pay, and lose the webhook", quiet=True)
            + _button(session_id, "fail", "Let the payment fail", quiet=True)
            + _button(session_id, "expire", "Let the page expire", quiet=True)
        )
    else:
        back = escape(session["success_url"])
        actions = f'<a class="button" href="{back}">Back to the shop</a>' + _after(bank, session)
    body = (
        f"{_BANNER}<p class=soft>Tokens Forge sells you</p><h1>{escape(session['sandbox_label'])}</h1>"
        f'<p class="amount">{amount} {amount.currency}</p>{details}<p>{actions}</p>{_events(bank, session_id)}'
    )
    return document("Sandbox of payments", body)


def _after(bank: Bank, session: Thing) -> str:
    """What can still happen to a payment."""
    if session["payment_status"] != "paid":
        return ""
    intent = session["payment_intent"]
    disputes = bank.every("dispute", lambda dispute: dispute["payment_intent"] == intent)
    heading = "<h2>What else can happen to this payment</h2>"
    if disputes and disputes[0]["status"] == "needs_response":
        won, lost = _button(session["id"], "win", "Win the dispute"), _button(session["id"], "lose", "Lose the dispute")
        return heading + won + lost
    if disputes:
        return f"{heading}<p>The dispute was {escape(disputes[0]['status'])}.</p>"
    dispute = _button(session["id"], "dispute", "Open a dispute", quiet=True)
    refundable = not bank.things[bank.things[intent]["latest_charge"]]["refunded"]
    refund = _button(session["id"], "refund", "Refund all of it here", quiet=True) if refundable else ""
    return heading + refund + dispute


def _events(bank: Bank, session_id: str) -> str:
    lines = "".join(
        f"<tr><td>{code(event['type'])}<br><span class=soft>{iso_of(event['created'] * 1000)}</span></td>"
        f'<td class="number">{_button(session_id, "again", "Send again", quiet=True, event=event["id"])}</td></tr>'
        for event in bank.events_of(session_id)
    )
    return f"<h2>Events</h2><table>{lines}</table>" if lines else ""


def _button(session_id: str, action: str, words: str, *, quiet: bool = False, event: str = "") -> str:
    tone = "button quiet" if quiet else "button"
    return (
        f'<form method="post" action="/pay/{escape(session_id)}" style="display:inline">'
        f'<input type="hidden" name="event" value="{escape(event)}">'
        f'<button class="{tone}" name="action" value="{action}">{escape(words)}</button></form>'
    )
