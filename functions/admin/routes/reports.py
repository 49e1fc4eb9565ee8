"""What happens on one wallet's business: receipts, usage, margin, errors, health, circuits, discovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Query

from functions.admin.bodies import Limit, moment_of
from functions.admin.lists import cursor_of, cursor_value, listed, page_of
from functions.admin.services import Reader, Served, Services
from tokens_forge.admin.discovery import ask, compare
from tokens_forge.admin.history import MINUTE_MS, Window
from tokens_forge.admin.usage import Line, fold
from tokens_forge.circuits import Circuit
from tokens_forge.error_counts import ErrorSubject
from tokens_forge.errors import ErrorClass, NotFound, RequestError
from tokens_forge.health import Health, next_health
from tokens_forge.ids import DAY_MS, iso_of, minute_of
from tokens_forge.receipts import receipt
from tokens_forge.wallets import WalletKind

WINDOW_MS_MAX = 31 * DAY_MS
HOUR_LETTERS = len("2026-11-24T13")
Since = Annotated[str | None, Query(alias="from")]
Until = Annotated[str | None, Query(alias="to")]


@dataclass(frozen=True, slots=True)
class _OfTraffic:
    """What may be asked of a window of requests."""

    since: Since = None
    until: Until = None
    model: str | None = None
    channel: str | None = None
    cursor: str | None = None


def router_of(kind: WalletKind) -> APIRouter:
    """The routes of one wallet's business."""
    router = APIRouter(prefix=f"/admin/v1/{kind.value}", tags=[f"{kind.value} reports"])

    @router.get("/receipts")
    async def list_receipts(
        account_id: str, key: Reader, served: Served, cursor: str | None = None, limit: Limit = 20
    ) -> dict[str, Any]:
        """Receipts of one account on this wallet, newest first."""
        entries, more = await to_thread.run_sync(
            lambda: served.statements.receipts(account_id, kind, cursor=cursor, limit=limit)
        )
        return listed([receipt(entry) for entry in entries], more, account_id=account_id, wallet=kind.value)

    @router.get("/receipts/{receipt_id}")
    async def read_receipt(
        receipt_id: str, key: Reader, served: Served, account_id: str | None = None
    ) -> dict[str, Any]:
        """One receipt. Without an account it is found for 30 days."""
        try:
            entry = await to_thread.run_sync(served.history.receipt, kind, receipt_id, account_id)
        except ValueError:
            entry = None
        if entry is None or entry.request is None:
            raise NotFound(f"There is no receipt {receipt_id!r} of the {kind.label}.")
        return {**receipt(entry), "account_id": entry.account_id}

    @router.get("/usage")
    async def read_usage(key: Reader, served: Served, asked: Annotated[_OfTraffic, Depends()]) -> dict[str, Any]:
        """What was asked and charged, by model and channel: the last hour, or from … to …, page by page. Pages are to be added."""
        return await _traffic(kind, served, asked, Line.usage_view)

    @router.get("/margin")
    async def read_margin(key: Reader, served: Served, asked: Annotated[_OfTraffic, Depends()]) -> dict[str, Any]:
        """Revenue against provider cost, by model and channel; it says where a cost is not known. Pages are to be added."""
        return await _traffic(kind, served, asked, Line.margin_view)

    @router.get("/errors")
    async def read_errors(
        key: Reader,
        served: Served,
        since: Since = None,
        until: Until = None,
        error_class: Annotated[ErrorClass | None, Query(alias="class")] = None,
        model: str | None = None,
        step: Literal["minute", "hour"] = "minute",
    ) -> dict[str, Any]:
        """Errors that customers met, by class over time."""
        return await errors_answer(kind, served, since, until, error_class, model, step)

    @router.get("/health")
    async def read_health(
        key: Reader,
        served: Served,
        channel: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """How each channel is, for each model on it."""
        known = await to_thread.run_sync(served.health.read_health, kind)
        now_ms = served.clock.now_ms()
        views = [_health_view(subject, next_health(health, None, now_ms)) for subject, health in known.items()]
        return page_of(_picked(views, model, channel), by="id", cursor=cursor, limit=limit)

    @router.get("/circuits")
    async def read_circuits(
        key: Reader, served: Served, cursor: str | None = None, limit: Limit = 100
    ) -> dict[str, Any]:
        """Channels that failed lately. None is listed while all is well."""
        circuits = await to_thread.run_sync(served.circuits.read_circuits, kind)
        now_ms = served.clock.now_ms()
        return page_of([_circuit_view(circuit, now_ms) for circuit in circuits], by="id", cursor=cursor, limit=limit)

    @router.get("/channels/{channel_id}/discovery")
    async def discover_models(channel_id: str, key: Reader, served: Served) -> dict[str, Any]:
        """Ask the channel for its models: offered, sold, missing a price, gone upstream."""
        state = await to_thread.run_sync(served.changes.state, kind)
        channel = state.catalog.channels.get(channel_id)
        if channel is None:
            raise NotFound(f"There is no channel {channel_id!r} here.")
        async with served.model_lists() as lists:
            found = await ask(lists, channel)
        return compare(channel, state.catalog, found, served.clock.now_ms())

    return router


async def errors_answer(
    kind: WalletKind | None,
    served: Services,
    since: str | None,
    until: str | None,
    error_class: ErrorClass | None,
    model: str | None,
    step: str,
) -> dict[str, Any]:
    """Sums by class, and each class, code and model over time."""
    from_ms, to_ms = _span(served, since, until)
    found = await to_thread.run_sync(served.error_counts.read, kind, minute_of(from_ms), minute_of(to_ms))
    by_class: Counter[str] = Counter()
    series: dict[str, Counter[ErrorSubject]] = {}
    for minute, counts in found.items():
        at = minute if step == "minute" else minute[:HOUR_LETTERS] + ":00"
        for subject, count in counts.items():
            if error_class in (None, subject.error_class) and model in (None, subject.model):
                by_class[subject.error_class.value] += count
                series.setdefault(at, Counter())[subject] += count
    return {
        "object": "list",
        "wallet": kind.value if kind is not None else None,
        "from": iso_of(from_ms),
        "to": iso_of(to_ms),
        "by_class": dict(sorted(by_class.items())),
        "data": [
            {
                "at": f"{at}:00Z",
                "class": subject.error_class.value,
                "code": subject.code,
                "model": subject.model,
                "count": count,
            }
            for at, counts in sorted(series.items())
            for subject, count in sorted(counts.items(), key=lambda pair: (pair[0].error_class, pair[0].code))
        ],
        "has_more": False,
        "next_cursor": None,
    }


async def _traffic(
    kind: WalletKind, served: Services, asked: _OfTraffic, view: Callable[[Line], dict[str, Any]]
) -> dict[str, Any]:
    """One page of a window by model and channel, and the cursor to its rest."""
    from_ms, to_ms = _span(served, asked.since, asked.until)
    if asked.cursor is not None:
        begin, _, end = cursor_value(asked.cursor).partition("|")
        if not begin.isdecimal() or not end.isdecimal() or int(end) > 1 << 47 or int(begin) > int(end):
            raise RequestError("This cursor is not one of this list's.", param="cursor")
        from_ms, to_ms = int(begin), int(end)
    window = await to_thread.run_sync(served.history.window, kind, from_ms, to_ms)
    more = cursor_of(f"{window.to_ms}|{to_ms}") if window.to_ms < to_ms else None
    views = [view(line) for line in fold(window.entries)]
    return listed(_picked(views, asked.model, asked.channel), more, **_covered(kind, window))


def _span(served: Services, since: str | None, until: str | None) -> tuple[int, int]:
    to_ms = moment_of(until, "to") if until is not None else served.clock.now_ms() + MINUTE_MS
    from_ms = moment_of(since, "from") if since is not None else max(to_ms - 61 * MINUTE_MS, 0)
    if not from_ms < to_ms <= from_ms + WINDOW_MS_MAX:
        raise RequestError("`from` lies before `to`, by at most 31 days.", param="from")
    return from_ms, to_ms


def _covered(kind: WalletKind, window: Window) -> dict[str, Any]:
    return {
        "wallet": kind.value,
        "wallet_label": kind.label,
        "from": iso_of(window.from_ms),
        "to": iso_of(window.to_ms),
        "unsettled_requests": window.unsettled,
    }


def _picked(views: list[dict[str, Any]], model: str | None, channel: str | None) -> list[dict[str, Any]]:
    return [view for view in views if model in (None, view["model"]) and channel in (None, view["channel"])]


def _health_view(subject: tuple[str, str], health: Health) -> dict[str, Any]:
    seen = health.seen
    return {
        "object": "health",
        "id": "#".join(subject),
        "channel": subject[0],
        "model": subject[1],
        "health": health.state.value,
        "since": iso_of(health.since_ms) if health.since_ms else None,
        "last_check": iso_of(health.checked_at_ms) if health.checked_at_ms else None,
        "samples": seen.samples if seen is not None else 0,
        "successes": seen.successes if seen is not None else 0,
        "latency_ms": {"p50": seen.p50_ms, "p95": seen.p95_ms} if seen is not None else None,
        "source": seen.source.value if seen is not None else None,
    }


def _circuit_view(circuit: Circuit, now_ms: int) -> dict[str, Any]:
    return {
        "object": "circuit",
        "id": f"{circuit.key.channel_id}#{circuit.key.model_id}",
        "channel": circuit.key.channel_id,
        "model": circuit.key.model_id,
        "open": circuit.is_open,
        "waits": circuit.waits(now_ms),
        "failures": circuit.failures,
        "openings": circuit.openings,
        "opened_at": iso_of(circuit.opened_at_ms) if circuit.is_open else None,
        "open_until": iso_of(circuit.open_until_ms) if circuit.is_open else None,
    }
