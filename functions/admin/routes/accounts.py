"""Accounts, their wallets' status, and their keys. An account has both wallets, so this is neither business's path."""

from __future__ import annotations

import re
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import Field

from functions.admin.bodies import Limit, Name, Write, author_of, body_of, moment_of, money_of
from functions.admin.lists import cursor_of, cursor_value, listed, page_of
from functions.admin.services import Operator, Reader, Served
from tokens_forge.admin.accounts import account_view
from tokens_forge.errors import RequestError
from tokens_forge.key_management import KeySettings
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import WalletKind, WalletStatus

router = APIRouter(prefix="/admin/v1/accounts", tags=["accounts"])
_CURRENCY = re.compile(r"[A-Z]{3}")


class AccountBody(Write):
    """An account to open. Its official wallet is always in US dollars."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    cash_currency: Name | None = None


class StatusBody(Write):
    """Which wallet; both when none is named."""

    wallet: Name | None = None


class KeyBody(Write):
    """A key to make: `kind` is official, routed or manage."""

    kind: Name
    name: Annotated[str, Field(min_length=1, max_length=100)]
    allowed_models: Annotated[list[Name], Field(max_length=100)] | None = None
    spend_limit: str | None = None
    expires_at: str | None = None


@router.get("")
async def list_accounts(
    key: Reader, served: Served, name: str | None = None, cursor: str | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """Accounts, in no order that means anything. `name` picks those whose name holds it, out of each page."""
    after = cursor_value(cursor) if cursor is not None else None
    accounts, more = await to_thread.run_sync(served.accounts.page, after, limit)
    shown = [account_view(account) for account in accounts if name is None or name.lower() in account.name.lower()]
    return listed(shown, cursor_of(more) if more is not None else None)


@router.post("", status_code=201)
async def open_account(request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """A new account with two empty wallets."""
    body = await body_of(request, AccountBody)
    currency = body.cash_currency or served.routed_currency
    if not _CURRENCY.fullmatch(currency):
        raise RequestError("A currency has three letters, such as CNY.", param="cash_currency")
    author = author_of(key, body)
    return (await to_thread.run_sync(served.accounts.open, body.name, currency, author)).view()


@router.get("/{account_id}")
async def read_account(account_id: str, key: Reader, served: Served) -> dict[str, Any]:
    """One account with both wallets, side by side and never summed."""
    return (await to_thread.run_sync(served.accounts.read, account_id)).view()


@router.post("/{account_id}/freeze")
async def freeze_account(account_id: str, request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """Let a wallet, or both, take no new hold, from the next request on. What is running still settles."""
    return await _set_status(account_id, request, key, served, WalletStatus.FROZEN)


@router.post("/{account_id}/unfreeze")
async def unfreeze_account(account_id: str, request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """Let a frozen wallet, or both, take holds again."""
    return await _set_status(account_id, request, key, served, WalletStatus.ACTIVE)


@router.get("/{account_id}/keys")
async def list_keys(
    account_id: str,
    key: Reader,
    served: Served,
    kind: KeyKind | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The keys of an account, revoked ones too. Never a secret."""
    keys = await to_thread.run_sync(served.accounts.keys, account_id)
    return page_of([view for view in keys if kind in (None, view["kind"])], by="id", cursor=cursor, limit=limit)


@router.post("/{account_id}/keys", status_code=201)
async def create_key(account_id: str, request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """A new key of one wallet, or a management key. Its token is in this answer and never again."""
    body = await body_of(request, KeyBody)
    try:
        kind = KeyKind(body.kind)
    except ValueError:
        raise RequestError("A key is official, routed or manage.", param="kind") from None
    if kind.wallet is None and (body.spend_limit is not None or body.allowed_models is not None):
        raise RequestError("A management key spends nothing and calls nothing.", param="kind")
    settings = KeySettings(
        name=body.name,
        allowed_models=frozenset(body.allowed_models) if body.allowed_models is not None else None,
        spend_limit_nano=await _spend_limit(account_id, kind.wallet, body.spend_limit, served),
        expires_at_ms=moment_of(body.expires_at, "expires_at") if body.expires_at is not None else None,
    )
    author = author_of(key, body)
    made = await to_thread.run_sync(served.accounts.create_key, account_id, kind, settings, author)
    shown = await to_thread.run_sync(served.accounts.key_view, made.key)
    return {**shown, "token": made.token}


@router.post("/{account_id}/keys/{key_id}/revoke")
async def revoke_key(account_id: str, key_id: str, request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """Revoke a key of this account, at once and for ever."""
    body = await body_of(request, Write)
    revoked = await to_thread.run_sync(served.accounts.revoke_key, account_id, key_id, author_of(key, body))
    return await to_thread.run_sync(served.accounts.key_view, revoked)


async def _set_status(
    account_id: str, request: Request, key: Operator, served: Served, to: WalletStatus
) -> dict[str, Any]:
    body = await body_of(request, StatusBody)
    try:
        kinds = tuple(WalletKind) if body.wallet is None else (WalletKind(body.wallet),)
    except ValueError:
        raise RequestError("A wallet is official or routed.", param="wallet") from None
    author = author_of(key, body)
    return (await to_thread.run_sync(served.accounts.set_status, account_id, kinds, to, author)).view()


async def _spend_limit(account_id: str, kind: WalletKind | None, amount: str | None, served: Served) -> int | None:
    if amount is None or kind is None:
        return None
    currency = await to_thread.run_sync(served.accounts.currency, account_id, kind)
    nano = money_of(amount, currency, "spend_limit")
    if nano < 0:
        raise RequestError("A spend limit is not negative.", param="spend_limit")
    return nano
