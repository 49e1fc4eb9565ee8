"""From the body of a request to what is asked for: checked once, before anything is priced or held."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from functions.research.presets import Tier
from functions.research.request import ResearchRequest, VendorKeys, csv_bytes, language_of, preset_of
from functions.research.run_service import Asked
from functions.research.runs import Run
from tokens_forge.errors import RequestError
from tokens_forge.money import Money
from tokens_forge.requests.inference import parse_json
from tokens_forge.retries.claims import marks_of

_OURS = frozenset({"models", "max_charge"})
_OF_A_REQUEST = frozenset(
    {
        "symbol",
        "as_of",
        "preset",
        "language",
        "sources",
        "prices_csv",
        "prices_adjustment",
        "prices_currency",
        "vendor_keys",
    }
)
_OF_A_RERUN = frozenset({"preset", "language"})


def today_of(now_ms: int) -> date:
    """The newest as-of date there may be: today in UTC."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date()


def estimate_asked(body: bytes, now_ms: int) -> tuple[ResearchRequest, Mapping[str, str]]:
    """The request and the chosen models. Raises RequestError."""
    fields = _fields(body, _OF_A_REQUEST)
    return ResearchRequest.parse(fields, today_of(now_ms)), _models(fields)


def run_asked(body: bytes, headers: Mapping[str, str], now_ms: int, currency: str) -> Asked:
    """All that a new run is asked for. Raises RequestError, which never repeats a vendor key."""
    fields = _fields(body, _OF_A_REQUEST)
    key, digest = _idempotency("runs", headers, body)
    return Asked(
        request=ResearchRequest.parse(fields, today_of(now_ms)),
        models=_models(fields),
        max_charge_nano=_max_charge(fields, currency),
        idempotency_key=key,
        body_sha256=digest,
        csv=csv_bytes(fields),
        vendor_keys=VendorKeys.parse(fields) if fields.get("vendor_keys") else None,
    )


def rerun_asked(source: Run, body: bytes, headers: Mapping[str, str], currency: str) -> Asked:
    """A run on the data of another: what the body does not name stays as it was, but for the models."""
    fields = _fields(body or b"{}", _OF_A_RERUN)
    key, digest = _idempotency(source.run_id, headers, body)
    request = replace(
        source.request,
        preset=preset_of(fields.get("preset", source.request.preset)),
        language=language_of(fields.get("language", source.request.language)),
    )
    return Asked(
        request=request,
        models=_models(fields),
        max_charge_nano=_max_charge(fields, currency),
        idempotency_key=key,
        body_sha256=digest,
        rerun_of=source,
    )


def _fields(body: bytes, known: frozenset[str]) -> dict[str, Any]:
    fields = parse_json(body)
    for name in fields:
        if name not in known | _OURS:
            raise RequestError(f"There is no field {name[:100]!r} here.", param=name[:100])
    return fields


def _models(fields: Mapping[str, Any]) -> dict[str, str]:
    given = fields.get("models") or {}
    tiers = {tier.value for tier in Tier}
    if (
        not isinstance(given, Mapping)
        or set(given) - tiers
        or not all(isinstance(each, str) for each in given.values())
    ):
        raise RequestError("models may name a quick and a deep model.", param="models")
    return dict(given)


def _max_charge(fields: Mapping[str, Any], currency: str) -> int | None:
    given = fields.get("max_charge")
    if given is None:
        return None
    try:
        return Money.parse(given, currency).nano
    except (ValueError, TypeError, AttributeError):
        raise RequestError("max_charge is a decimal string such as 1.50.", param="max_charge") from None


def _idempotency(what: str, headers: Mapping[str, str], body: bytes) -> tuple[str | None, str]:
    """The Idempotency-Key, if there is one, and what it stands for."""
    marks = marks_of(what, headers, body, {})
    digest = marks.request_sha256 if marks is not None else hashlib.sha256(body).hexdigest()
    return (marks.idempotency_key if marks is not None else None), digest
