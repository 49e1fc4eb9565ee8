"""/v1/keys: an account manages its keys, with its management key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from functions.proxy.services import Caller, Served
from tokens_forge.errors import KeyNotPermitted, RequestError
from tokens_forge.identity import Identity
from tokens_forge.ids import LAST_MOMENT_MS
from tokens_forge.key_management import KeySettings
from tokens_forge.keys import Key, KeyKind, KeyLimits, NewKey
from tokens_forge.money import Money
from tokens_forge.requests.inference import checked, parse_json
from tokens_forge.views import key_view
from tokens_forge.wallets import WalletKind

router = APIRouter()
GRACE_S_MAX = 7 * 24 * 3600
Count = Annotated[int, Field(ge=1, le=10**9)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Model = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LimitsBody(_Body):
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrent_requests: Annotated[int, Field(ge=1, le=1000)] | None = None


class ChangeBody(LimitsBody):
    name: Name | None = None
    allowed_models: Annotated[list[Model], Field(max_length=100)] | None = None
    spend_limit: str | None = None
    expires_at: str | None = None


class NewKeyBody(ChangeBody):
    name: Name
    wallet: str


class RotationBody(_Body):
    grace_s: Annotated[int, Field(ge=0, le=GRACE_S_MAX)] = 0


async def _manager(caller: Caller) -> Identity:
    if caller.key.kind is not KeyKind.MANAGE:
        raise KeyNotPermitted("Keys are managed with the account's management key: tf_manage_…")
    return caller


Manager = Annotated[Identity, Depends(_manager)]


@router.get("/v1/keys")
async def list_keys(caller: Manager, served: Served) -> dict[str, Any]:
    """All keys of the account, newest first, revoked ones too. Never a secret."""
    keys = await to_thread.run_sync(served.keys.list, caller.account_id)
    return {"object": "list", "data": [await _shown(served, key) for key in keys]}


@router.post("/v1/keys", status_code=201)
async def create_key(request: Request, caller: Manager, served: Served) -> dict[str, Any]:
    """A new key of one wallet. Its token is in this answer and never again."""
    body = checked(NewKeyBody, parse_json(await request.body()))
    kind = _wallet(body.wallet)
    settings = KeySettings(
        name=body.name,
        allowed_models=frozenset(body.allowed_models) if body.allowed_models is not None else None,
        spend_limit_nano=await _spend_limit(served, caller, kind, body.spend_limit),
        expires_at_ms=_moment(body.expires_at),
        limits=KeyLimits(body.requests_per_minute, body.tokens_per_minute, body.concurrent_requests),
    )
    made = await to_thread.run_sync(served.keys.create, caller.account_id, kind, settings)
    return await _with_token(served, made)


@router.get("/v1/keys/{key_id}")
async def read_key(key_id: str, caller: Manager, served: Served) -> dict[str, Any]:
    """One key of the account."""
    return await _shown(served, await to_thread.run_sync(served.keys.read, caller.account_id, key_id))


@router.patch("/v1/keys/{key_id}")
async def change_key(key_id: str, request: Request, caller: Manager, served: Served) -> dict[str, Any]:
    """Change what the body names; null takes a limit away. It holds from the next request on."""
    body = checked(ChangeBody, parse_json(await request.body()))
    named = body.model_fields_set
    before = await to_thread.run_sync(served.keys.read, caller.account_id, key_id)
    changes: dict[str, Any] = {}
    if "name" in named:
        if body.name is None:
            raise RequestError("A key has a name.", param="name")
        changes["name"] = body.name
    if "allowed_models" in named:
        changes["allowed_models"] = frozenset(body.allowed_models) if body.allowed_models is not None else None
    if "spend_limit" in named:
        if before.kind.wallet is None:
            raise RequestError("A management key spends nothing.", param="spend_limit")
        changes["spend_limit_nano"] = await _spend_limit(served, caller, before.kind.wallet, body.spend_limit)
    if "expires_at" in named:
        changes["expires_at_ms"] = _moment(body.expires_at)
    limits = {name: getattr(body, name) for name in LimitsBody.model_fields if name in named}
    if limits:
        kept = {name: getattr(before.limits, name) for name in LimitsBody.model_fields}
        changes["limits"] = KeyLimits(**{**kept, **limits})
    return await _shown(served, await to_thread.run_sync(served.keys.change, caller.account_id, key_id, changes))


@router.post("/v1/keys/{key_id}/rotate")
async def rotate_key(key_id: str, request: Request, caller: Manager, served: Served) -> dict[str, Any]:
    """A new secret. The present one goes on for `grace_s` seconds."""
    body = checked(RotationBody, parse_json(await request.body() or b"{}"))
    made = await to_thread.run_sync(lambda: served.keys.rotate(caller.account_id, key_id, grace_s=body.grace_s))
    return await _with_token(served, made)


@router.delete("/v1/keys/{key_id}")
async def revoke_key(key_id: str, caller: Manager, served: Served) -> dict[str, Any]:
    """Revoke a key at once and for ever."""
    return await _shown(served, await to_thread.run_sync(served.keys.revoke, caller.account_id, key_id))


async def _shown(served: Served, key: Key) -> dict[str, Any]:
    kind = key.kind.wallet
    has_limit = kind is not None and key.spend_limit_nano is not None
    wallet = await to_thread.run_sync(served.ledger.read_wallet, key.account_id, kind) if kind and has_limit else None
    return key_view(key, wallet)


async def _with_token(served: Served, made: NewKey) -> dict[str, Any]:
    return {**await _shown(served, made.key), "token": made.token}


def _wallet(name: str) -> WalletKind:
    try:
        return WalletKind(name)
    except ValueError:
        raise RequestError("A key spends from one wallet: official or routed.", param="wallet") from None


async def _spend_limit(served: Served, caller: Identity, kind: WalletKind, amount: str | None) -> int | None:
    if amount is None:
        return None
    currency = await to_thread.run_sync(served.keys.currency, caller.account_id, kind)
    try:
        nano = Money.parse(amount, currency).nano
    except ValueError:
        raise RequestError("A spend limit is a decimal string such as 12.50.", param="spend_limit") from None
    if nano < 0:
        raise RequestError("A spend limit is not negative.", param="spend_limit")
    return nano


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        time_ms = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise RequestError("A time is written such as 2027-01-31T12:00:00Z.", param="expires_at") from None
    if time_ms > LAST_MOMENT_MS:
        raise RequestError("In UTC that is after the year 9999, where dates end.", param="expires_at")
    return time_ms
