"""What each command of the admins' command line does: one call or a few, and a table."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn

from local.admin import show
from local.admin.client import AdminApi, ApiRefused
from local.admin.sums import added
from tokens_forge.ids import new_id

Command = Callable[[AdminApi, argparse.Namespace], None]
_AGO = re.compile(r"([0-9]{1,4})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def whoami(api: AdminApi, args: argparse.Namespace) -> None:
    """This admin key."""
    _one(args, "this admin key", api.call("GET", "/admin-keys/self"))


def diagnose(api: AdminApi, args: argparse.Namespace) -> None:
    """What stops a key from calling a model."""
    body = {"key": args.key, "model": args.model, "wallet": args.wallet, "endpoint": args.endpoint}
    asked = {name: value for name, value in body.items() if value is not None}
    _one(args, "diagnosis", api.call("POST", "/diagnose", body=asked))


def models(api: AdminApi, args: argparse.Namespace) -> None:
    """Models of a wallet."""
    columns = ("id", "owned_by", "enabled", "endpoints", "output_tokens_max", "item_version")
    _many(args, f"{args.wallet} models", columns, api.all(f"/{args.wallet}/models"))


def channels(api: AdminApi, args: argparse.Namespace) -> None:
    """Channels of a wallet, pools too."""
    found = api.all(f"/{args.wallet}/channels")
    found += api.all("/routed/pools") if args.wallet == "routed" else []
    _many(args, f"{args.wallet} channels", ("id", "kind", "protocol", "base_url", "enabled", "item_version"), found)


def pool(api: AdminApi, args: argparse.Namespace) -> None:
    """How each member of a pool stands."""
    found = api.call("GET", f"/routed/pools/{args.pool}")
    _many(args, args.pool, ("id", "enabled", "slots_used", "slots", "cooling_until", "windows"), found["status"])


def routes(api: AdminApi, args: argparse.Namespace) -> None:
    """Routes of a wallet."""
    _many(args, f"{args.wallet} routes", ("model", "channels", "item_version"), api.all(f"/{args.wallet}/routes"))


def set_route(api: AdminApi, args: argparse.Namespace) -> None:
    """Make or replace a route, on the version that stands now."""
    path = f"/{args.wallet}/routes/{args.model}"
    try:
        version = api.call("GET", path)["item_version"]
    except ApiRefused as refused:
        if not str(refused).startswith("404"):
            raise
        version = None
    body = {"channels": args.channel, "reason": args.reason}
    _one(args, "route", api.call("PUT", path, body=body, version=version))


def prices(api: AdminApi, args: argparse.Namespace) -> None:
    """Price versions of a wallet."""
    columns = ("model", "standing", "version", "currency", "per_1m_tokens", "multiplier", "starts_at")
    found = api.all(f"/{args.wallet}/prices", model=args.model)
    _many(args, f"{args.wallet} prices", columns, found)


def preview_price(api: AdminApi, args: argparse.Namespace) -> None:
    """What recent requests would have cost."""
    body = {**_price(args), "requests": args.requests}
    found = api.call("POST", f"/{args.wallet}/prices/preview", body=body)
    if args.json:
        show.as_json(found)
        return
    columns = ("receipt_id", "at", "price_version", "charged", "would_charge", "difference")
    show.table(f"{args.model} in {found['currency']}", columns, found["data"])
    sums = ("requests", "charged", "would_charge", "difference", "effect")
    show.fields("together", {name: found[name] for name in sums})


def set_price(api: AdminApi, args: argparse.Namespace) -> None:
    """Make a price version."""
    body = {**_price(args), "reason": args.reason}
    _one(args, "price", api.call("POST", f"/{args.wallet}/prices", body=body))


def withdraw_price(api: AdminApi, args: argparse.Namespace) -> None:
    """Take back a price version that has not started."""
    body = {"model": args.model, "version": args.version, "reason": args.reason}
    _one(args, "price", api.call("POST", f"/{args.wallet}/prices/withdraw", body=body))


def discover(api: AdminApi, args: argparse.Namespace) -> None:
    """What a channel offers against what is sold."""
    _one(args, "discovery", api.call("GET", f"/{args.wallet}/channels/{args.channel}/discovery"))


def health(api: AdminApi, args: argparse.Namespace) -> None:
    """How the channels of a wallet are."""
    columns = ("channel", "model", "health", "since", "last_check", "samples", "successes", "source")
    _many(args, f"{args.wallet} health", columns, api.all(f"/{args.wallet}/health"))


def circuits(api: AdminApi, args: argparse.Namespace) -> None:
    """Channels of a wallet that failed lately."""
    columns = ("channel", "model", "open", "waits", "failures", "openings", "open_until")
    _many(args, f"{args.wallet} circuits", columns, api.all(f"/{args.wallet}/circuits"))


def accounts(api: AdminApi, args: argparse.Namespace) -> None:
    """Accounts."""
    _many(args, "accounts", ("id", "name", "cash_currency", "created_at"), api.all("/accounts", name=args.name))


def account(api: AdminApi, args: argparse.Namespace) -> None:
    """One account with both wallets and its keys."""
    found = api.call("GET", f"/accounts/{args.account}")
    keys = api.all(f"/accounts/{args.account}/keys")
    if args.json:
        show.as_json({**found, "keys": keys})
        return
    columns = ("label", "currency", "available", "held", "balance", "status", "open_holds")
    show.table(f"{found['name']} {found['id']}", columns, found["wallets"])
    show.table("keys", ("id", "name", "kind", "status", "allowed_models", "spend_limit", "expires_at"), keys)


def open_account(api: AdminApi, args: argparse.Namespace) -> None:
    """A new account."""
    body = {"name": args.name, "reason": args.reason}
    body |= {"cash_currency": args.currency} if args.currency else {}
    _one(args, "account", api.call("POST", "/accounts", body=body))


def freeze(api: AdminApi, args: argparse.Namespace) -> None:
    """Freeze one wallet of an account, or both; or let them go."""
    body = {"reason": args.reason, **({"wallet": args.wallet} if args.wallet else {})}
    _one(args, "account", api.call("POST", f"/accounts/{args.account}/{args.command}", body=body))


def create_customer_key(api: AdminApi, args: argparse.Namespace) -> None:
    """A key for an account."""
    body: dict[str, Any] = {"kind": args.kind, "name": args.name, "reason": args.reason}
    body |= {"allowed_models": args.model} if args.model else {}
    body |= {"spend_limit": args.spend_limit} if args.spend_limit else {}
    _one(args, "key", api.call("POST", f"/accounts/{args.account}/keys", body=body))


def revoke_customer_key(api: AdminApi, args: argparse.Namespace) -> None:
    """Revoke a key of an account."""
    path = f"/accounts/{args.account}/keys/{args.key}/revoke"
    _one(args, "key", api.call("POST", path, body={"reason": args.reason}))


def adjust(api: AdminApi, args: argparse.Namespace) -> None:
    """Move money into or out of a wallet."""
    body = {"account_id": args.account, "amount": args.amount, "reason": args.reason}
    _one(args, "adjustment", api.call("POST", f"/{args.wallet}/adjustments", body=body))


def adjustments(api: AdminApi, args: argparse.Namespace) -> None:
    """Adjustments of a wallet."""
    columns = ("id", "account_id", "amount", "currency", "state", "requested_by", "decided_by", "reason")
    found = api.all(f"/{args.wallet}/adjustments", state=args.state)
    _many(args, f"{args.wallet} adjustments", columns, found)


def decide(api: AdminApi, args: argparse.Namespace) -> None:
    """Approve, decline or reverse an adjustment; approve or decline a refund."""
    what = "refund" if args.id.startswith("rfd_") else "adjustment"
    path = f"/{args.wallet}/{what}s/{args.id}/{args.command}"
    _one(args, what, api.call("POST", path, body={"reason": args.reason}))


def orders(api: AdminApi, args: argparse.Namespace) -> None:
    """Orders of a wallet, of the last 31 days or since a time."""
    columns = ("id", "account_id", "amount", "currency", "state", "refundable", "provider", "created_at")
    found = api.all(f"/{args.wallet}/orders", account_id=args.account, state=args.state, since=_since(args.since))
    _many(args, f"{args.wallet} orders", columns, found)


def order(api: AdminApi, args: argparse.Namespace) -> None:
    """An order with everything that happened to it."""
    _one(args, "order", api.call("GET", f"/{args.wallet}/orders/{args.order}"))


def refund(api: AdminApi, args: argparse.Namespace) -> None:
    """Give money of an order back to its buyer, and take its balance."""
    refund_id = args.refund_id or new_id("rfd", int(time.time() * 1000))
    body = {"amount": args.amount, "reason": args.reason, "refund_id": refund_id}
    _one(args, "refund", api.call("POST", f"/{args.wallet}/orders/{args.order}/refunds", body=body))


def refunds(api: AdminApi, args: argparse.Namespace) -> None:
    """Refunds of a wallet's orders."""
    columns = ("id", "order_id", "amount", "currency", "state", "requested_by", "decided_by", "reason")
    _many(args, f"{args.wallet} refunds", columns, api.all(f"/{args.wallet}/refunds", state=args.state))


def comparison(api: AdminApi, args: argparse.Namespace) -> None:
    """What the daily comparison with the payment provider has found last."""
    found = api.call("GET", "/comparison", limit=1)["data"]
    _one(args, "comparison", found[0] if found else {"result": "none yet"})


def errors(api: AdminApi, args: argparse.Namespace) -> None:
    """Errors that customers met, by class."""
    path = "/errors" if args.wallet == "none" else f"/{args.wallet}/errors"
    query = {"from": _since(args.since), "class": args.error_class, "step": args.step}
    found = api.call("GET", path, **{name: value for name, value in query.items() if value is not None})
    if args.json:
        show.as_json(found)
        return
    show.fields("by class", found["by_class"] or {"none": 0})
    show.table(f"{args.wallet} errors", ("at", "class", "code", "model", "count"), found["data"])


def usage(api: AdminApi, args: argparse.Namespace) -> None:
    """What customers used."""
    columns = ("model", "channel", "currency", "requests", "charge", "tokens", "settlement_reasons")
    _many(args, f"{args.wallet} usage", columns, _summed(api, f"/{args.wallet}/usage", args))


def margin(api: AdminApi, args: argparse.Namespace) -> None:
    """Revenue against provider cost."""
    columns = ("model", "channel", "requests", "currency", "revenue", "provider_costs", "margin", "unknown")
    _many(args, f"{args.wallet} margin", columns, _summed(api, f"/{args.wallet}/margin", args))


def receipt(api: AdminApi, args: argparse.Namespace) -> None:
    """One receipt."""
    _one(args, "receipt", api.call("GET", f"/{args.wallet}/receipts/{args.receipt}", account_id=args.account))


def audit(api: AdminApi, args: argparse.Namespace) -> None:
    """Who changed what, and why."""
    path = "/audit" if args.log == "deployment" else f"/{args.log}/audit"
    page = api.call("GET", path, action=args.action, actor=args.actor, limit=args.limit)
    columns = ("at", "actor_name", "action", "subject", "stage", "reason")
    _many(args, f"{args.log} audit", columns, page["data"])


def reconciliation(api: AdminApi, args: argparse.Namespace) -> None:
    """What the last runs of the reconciliation found."""
    page = api.call("GET", "/reconciliation", limit=10)
    columns = ("started_at", "wallets", "entries", "intents", "busy", "findings_total")
    _many(args, "reconciliation", columns, page["data"])


def _one(args: argparse.Namespace, title: str, thing: dict[str, Any]) -> None:
    show.as_json(thing) if args.json else show.fields(title, thing)


def _many(args: argparse.Namespace, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    show.as_json(rows) if args.json else show.table(title, columns, rows)


def _summed(api: AdminApi, path: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """All pages together, with how far it has come on the screen."""
    lines: list[dict[str, Any]] = []
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=show.out, transient=True) as progress:
        task = progress.add_task("reading", total=None)
        for page in api.pages(path, **{"from": _since(args.since)}):
            lines += page["data"]
            progress.update(task, description=f"read until {page['to']}")
    return added(lines)


def _since(ago: str) -> str:
    match = _AGO.fullmatch(ago)
    if match is None:
        raise ApiRefused("A time span is written such as 30m, 12h or 7d.")
    moment = datetime.fromtimestamp(time.time() - int(match.group(1)) * _SECONDS[match.group(2)], UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _price(args: argparse.Namespace) -> dict[str, Any]:
    amounts = {
        "input": args.input,
        "output": args.output,
        "cached_input": args.cached_input,
        "cache_write": args.cache_write,
    }
    body: dict[str, Any] = {
        "model": args.model,
        "currency": args.currency,
        "per_1m_tokens": {name: amount for name, amount in amounts.items() if amount is not None},
    }
    body |= {"multiplier": args.multiplier} if args.multiplier else {}
    body |= {"starts_at": args.starts_at} if args.starts_at else {}
    return body | ({"allow_large_change": True} if args.allow_large_change else {})
