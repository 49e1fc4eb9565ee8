"""Checkout's two pages for people: where a payment comes back to, and a receipt to print. No script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from tokens_forge.checkout.orders import Order, OrderState

# The address holds the order's page token: it must not travel on, and nothing may be kept.
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "x-content-type-options": "nosniff",
}
STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5d6b7e; --line: #dfe4ea; --back: #f3f5f8; --good: #17693a; --bad: #a32020 }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif }
main { max-width: 42rem; margin: 3rem auto; padding: 2rem 2.25rem; background: #fff; border: 1px solid var(--line);
  border-radius: 12px }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 2rem 0 .5rem; font-size: 1.05rem }
p { margin: .5rem 0 }
.soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
.amount { font-size: 2.25rem; font-weight: 650; font-variant-numeric: tabular-nums; margin: 1rem 0 }
table { width: 100%; border-collapse: collapse; font-size: .925rem }
th, td { padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 600; color: var(--soft) }
td.number, th.number { text-align: right; padding-right: 0; font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: .875em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere }
.button { display: inline-block; margin: .35rem .5rem .35rem 0; padding: .6rem 1.1rem; border: 1px solid var(--ink);
  border-radius: 8px; background: var(--ink); color: #fff; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer }
.button.quiet { background: #fff; color: var(--ink); border-color: var(--line) }
@media (max-width: 46rem) { main { margin: 0; border: 0; border-radius: 0; padding: 1.5rem 1.25rem } }
@media print { body { background: #fff } main { margin: 0; border: 0; max-width: none; padding: 0 } .screen { display: none } }
"""
_STATES = {
    OrderState.CREATED: ("Your order is written down", "Its payment page was not opened yet.", "soft"),
    OrderState.AWAITING_PAYMENT: (
        "We are waiting for your payment",
        "The payment provider has not told us of a payment yet. Some ways of paying take a while.",
        "soft",
    ),
    OrderState.EXPIRED: ("This order has expired", "It was not paid in time, and nothing was charged.", "bad"),
    OrderState.FAILED: ("The payment failed", "Nothing was credited. You can order again.", "bad"),
    OrderState.MISMATCHED: (
        "Your payment differs from the order",
        "Nothing was credited. We look at it by hand; please keep the order's number.",
        "bad",
    ),
    OrderState.PAID: ("Your payment has arrived", "It is being credited right now.", "good"),
    OrderState.CREDITED: ("Paid and credited", "Your balance can be used now.", "good"),
    OrderState.PARTLY_REFUNDED: ("Partly refunded", "A part of this order was given back.", "soft"),
    OrderState.REFUNDED: ("Refunded", "This order was given back.", "soft"),
    OrderState.DISPUTED: ("In dispute", "The amount is taken from the balance until the dispute is decided.", "bad"),
    OrderState.DISPUTE_LOST: ("Disputed", "The amount was given back to the card's owner.", "bad"),
}


def document(title: str, body: str) -> str:
    """A whole page. `body` is HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def rows(pairs: list[tuple[str, str]]) -> str:
    """A table of names and values. Values are HTML."""
    lines = "".join(f"<tr><th scope=row>{escape(name)}</th><td>{value}</td></tr>" for name, value in pairs)
    return f"<table>{lines}</table>"


def code(text: str) -> str:
    """An identifier."""
    return f"<code>{escape(text)}</code>"


def return_page(order: Order, *, cancelled: bool) -> str:
    """How an order stands, for its buyer."""
    head, words, tone = _STATES[order.state]
    if cancelled and order.state is OrderState.AWAITING_PAYMENT:
        head, words = "You have not paid", "The order waits: you can still pay it, or let it expire."
    here = f"/v1/checkout/return?order={order.order_id}&token={order.page_token}"
    buttons = ""
    if order.is_credited:
        receipt = f"orders/{order.order_id}/receipt.html?token={order.page_token}"
        buttons = f'<a class="button" href="{escape(receipt)}">Receipt</a>'
    elif order.is_open:
        again = escape(here.rpartition("/")[2])
        buttons = f'<a class="button" href="{again}">I have paid: ask again</a>'
        if order.page_url is not None and order.state is OrderState.AWAITING_PAYMENT:
            buttons += f'<a class="button quiet" href="{escape(order.page_url)}">To the payment page</a>'
    label, amount = escape(order.kind.label), f"{order.amount} {order.amount.currency}"
    details = rows(
        [
            ("Wallet", f"{label} ({code(order.kind.value)})"),
            ("Order", code(order.order_id)),
            ("State", code(order.state.value)),
            *([("Journal entry", code(order.entry_id))] if order.is_credited else []),
        ]
    )
    body = (
        f'<h1 class="{tone}">{escape(head)}</h1><p class="soft">{escape(words)}</p>'
        f'<p class="amount">{escape(amount)}</p>{details}<p class="screen">{buttons}</p>'
    )
    return document(f"{head} – {label}", body)


def receipt_page(receipt: dict[str, Any]) -> str:
    """The receipt of an order, to print: the same values as in JSON."""
    currency = receipt["currency"]
    details = rows(
        [
            ("Wallet", f"{escape(receipt['wallet_label'])} ({code(receipt['wallet'])})"),
            ("Order", code(receipt["id"])),
            ("Journal entry", code(receipt["entry_id"])),
            ("Ordered", escape(receipt["created_at"])),
            ("Credited", escape(receipt["settled_at"])),
            ("Paid with", f"{escape(receipt['provider'])}, payment {code(receipt['payment'])}"),
            ("Account", code(receipt["account_id"])),
            ("Ordered with key", code(receipt["key_id"])),
        ]
    )
    postings = _table(
        ("Booked on", f"Amount, {currency}"),
        [(code(posting["book_account"]), escape(posting["amount"])) for posting in receipt["postings"]],
    )
    taken = ""
    if receipt["takings"]:
        lines = [
            (f"{escape(taking['kind'])}, {escape(taking['state'])} {code(taking['id'])}", escape(taking["amount"]))
            for taking in receipt["takings"]
        ]
        taken = f"<h2>Taken back: {escape(receipt['taken_back'])} {currency}</h2>" + _table(
            ("What", f"Amount, {currency}"), lines
        )
    body = (
        f"<h1>Receipt</h1><p class=soft>{escape(receipt['wallet_label'])}, bought at Tokens Forge</p>"
        f'<p class="amount">{escape(receipt["amount"])} {currency}</p>{details}'
        f"<h2>Postings</h2>{postings}{taken}"
        f"<h2>What this balance buys, per 1M tokens in {currency}, today</h2>{_prices(receipt['buys'])}"
    )
    return document(f"Receipt {receipt['id']}", body)


def _prices(buys: list[dict[str, Any]]) -> str:
    lines = []
    for offer in buys:
        price = offer["price"]
        per, times = price["per_1m_tokens"], ""
        if price["basis"] == "official":
            times = f" × {escape(price['multiplier'])}"
        lines.append((code(offer["id"]), escape(per["input"]) + times, escape(per["output"]) + times))
    return _table(("Model", "Input", "Output"), lines)


def _table(names: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A table whose columns after the first are numbers. Values are HTML."""
    head = "".join(f"<th{_number(column)}>{escape(name)}</th>" for column, name in enumerate(names))
    body = "".join(
        "<tr>" + "".join(f"<td{_number(column)}>{value}</td>" for column, value in enumerate(line)) + "</tr>"
        for line in lines
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(column: int) -> str:
    return ' class="number"' if column else ""
