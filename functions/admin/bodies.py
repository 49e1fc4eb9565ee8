"""What every admin request is checked for: a reason, the version that was read, amounts and times as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tokens_forge.admin.audit import Author
from tokens_forge.admin.keys import AdminKey
from tokens_forge.errors import RequestError
from tokens_forge.money import Money
from tokens_forge.requests.inference import checked, parse_json

PAGE_MAX = 200
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


class Body(BaseModel):
    """Takes no field that it does not know, and no number for a text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Write(Body):
    """Every write says why."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


Given = TypeVar("Given", bound=Body)


async def body_of(request: Request, body_type: type[Given]) -> Given:
    """The checked body. Raises RequestError that names the field."""
    return checked(body_type, parse_json(await request.body() or b"{}"))


def author_of(key: AdminKey, body: Write) -> Author:
    """Who does it, and why."""
    return Author(key.key_id, key.name, body.reason)


def if_match_of(request: Request) -> int | None:
    """The version that the caller has read; None when the header is not there. Raises RequestError."""
    header = request.headers.get("if-match")
    if header is None:
        return None
    match = _VERSION.fullmatch(header.strip())
    if match is None:
        raise RequestError("If-Match holds the version that was read, such as 3.", param="If-Match")
    return int(match.group(1))


def money_of(text: str, currency: str, param: str) -> int:
    """Nano of an amount. Raises RequestError."""
    try:
        return Money.parse(text, currency).nano
    except ValueError:
        raise RequestError(
            "An amount is a decimal string such as 12.50, with a currency of three letters.", param=param
        ) from None


def price_nano(text: str, param: str) -> int:
    """Nano of a price, which is not negative. Raises RequestError."""
    nano = money_of(text, "USD", param)
    if nano < 0:
        raise RequestError("A price is not negative.", param=param)
    return nano


def moment_of(text: str, param: str) -> int:
    """Milliseconds since 1970 of a time such as 2027-01-31T12:00:00Z. Raises RequestError."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment_ms = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise RequestError("A time is written such as 2027-01-31T12:00:00Z.", param=param) from None
    if not 0 <= moment_ms < 1 << 47:
        raise RequestError("A time lies after 1970.", param=param)
    return moment_ms
