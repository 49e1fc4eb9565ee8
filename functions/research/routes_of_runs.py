"""/v1/research/runs: begin a run, watch it, end it early, take it up again, read its report."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from functions.research.asked import rerun_asked, run_asked
from functions.research.research_services import Reader, Served, Spender
from functions.research.run_service import Begun
from functions.research.run_store import Search
from functions.research.runs import RUN_ID, Run, RunState, Step
from functions.research.texts import report_place
from functions.research.views import comparison_view, run_view
from tokens_forge.errors import Conflict, NotFound, RequestError
from tokens_forge.ids import DAY_MS

router = APIRouter()
PAGE_RUNS_MAX = 100
COMPARED_MAX = 4
MEDIA_TYPES = {"json": "application/json", "md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8"}
# A report is looked at, and does nothing: even if a text could smuggle markup into it, no browser would act on that.
HTML_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}


@router.post("/v1/research/runs", status_code=202)
async def create_run(request: Request, caller: Spender, served: Served) -> JSONResponse:
    """Hold the run's highest price and start it. `max_charge` is the price that the caller has seen and agrees to."""
    asked = run_asked(await request.body(), request.headers, served.clock.now_ms(), caller.currency)
    return await _begun(served, await served.service.begin(caller, asked))


@router.get("/v1/research/runs")
async def list_runs(
    caller: Reader,
    served: Served,
    symbol: str | None = None,
    state: RunState | None = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_RUNS_MAX)] = 20,
) -> dict[str, Any]:
    """The account's runs, newest first: all keys', of one symbol, in one state, begun from `since` to `until` (UTC days)."""
    search = Search(
        symbol=symbol.strip().upper() if symbol else None,
        state=state,
        since_ms=_day(since, "since") if since else None,
        until_ms=_day(until, "until") + DAY_MS if until else None,
    )
    before_id = _run_of_cursor(cursor) if cursor else None
    found, has_more = await to_thread.run_sync(
        lambda: served.runs.page(caller.account_id, search, before_id=before_id, limit=limit)
    )
    return {
        "object": "list",
        "data": [run_view(run) for run in found],
        "has_more": has_more,
        "next_cursor": _cursor(found[-1]) if has_more else None,
    }


@router.get("/v1/research/compare")
async def compare(caller: Reader, served: Served, runs: str) -> dict[str, Any]:
    """`?runs=run_a,run_b`: runs side by side, with their reports."""
    names = list(dict.fromkeys(name for name in runs.split(",") if name))
    if not 2 <= len(names) <= COMPARED_MAX:
        raise RequestError(f"Name 2 to {COMPARED_MAX} runs, parted by commas.", param="runs")
    found = [await _with_steps(served, caller.account_id, name) for name in names]
    reports = [await _report(served, run, "json") if run.has_report else None for run, _ in found]
    return comparison_view(found, [json.loads(report) if report is not None else None for report in reports])


@router.get("/v1/research/runs/{run_id}")
async def read_run(run_id: str, caller: Reader, served: Served) -> dict[str, Any]:
    """A run with its stages, models, tokens and what it has been charged so far."""
    return run_view(*await _with_steps(served, caller.account_id, run_id))


@router.post("/v1/research/runs/{run_id}/cancel", status_code=202)
async def cancel_run(run_id: str, caller: Reader, served: Served) -> dict[str, Any]:
    """Send no further step. What was sent is charged, the rest of the hold is released as soon as those are answered."""
    run = await served.service.read(caller.account_id, run_id)
    return run_view(await served.service.cancel(run))


@router.post("/v1/research/runs/{run_id}/resume", status_code=202)
async def resume_run(run_id: str, caller: Spender, served: Served) -> dict[str, Any]:
    """Go on where a run has ended early. Finished steps are not sent or charged again."""
    run = await served.service.read(caller.account_id, run_id)
    return run_view(await served.service.resume(caller, run))


@router.post("/v1/research/runs/{run_id}/rerun", status_code=202)
async def rerun(run_id: str, request: Request, caller: Spender, served: Served) -> JSONResponse:
    """A new run on the same frozen data, with other models, another preset or another language."""
    source = await served.service.read(caller.account_id, run_id)
    if source.snapshot is None:
        raise Conflict(f"The run {run_id} has no data yet.")
    asked = rerun_asked(source, await request.body(), request.headers, caller.currency)
    return await _begun(served, await served.service.begin(caller, asked))


@router.get("/v1/research/runs/{run_id}/report.{suffix}")
async def read_report(run_id: str, suffix: str, caller: Reader, served: Served) -> Response:
    """The report as JSON, Markdown or one HTML page."""
    if suffix not in MEDIA_TYPES:
        raise NotFound(f"A report is read as {', '.join(MEDIA_TYPES)}.")
    run = await served.service.read(caller.account_id, run_id)
    if not run.has_report:
        raise NotFound(f"The run {run_id} is {run.state.value} and has no report.")
    return Response(
        await _report(served, run, suffix),
        media_type=MEDIA_TYPES[suffix],
        headers=HTML_HEADERS if suffix == "html" else None,
    )


async def _begun(served: Served, begun: Begun) -> JSONResponse:
    steps = await to_thread.run_sync(served.runs.steps, begun.run)
    headers = {"idempotent-replayed": "true"} if begun.is_replay else {}
    return JSONResponse(run_view(begun.run, steps), status_code=202, headers=headers)


async def _with_steps(served: Served, account_id: str, run_id: str) -> tuple[Run, dict[str, Step]]:
    run = await served.service.read(account_id, run_id)
    return run, await to_thread.run_sync(served.runs.steps, run)


async def _report(served: Served, run: Run, suffix: str) -> bytes:
    content = await to_thread.run_sync(served.texts.get, report_place(run, suffix))
    if content is None:
        raise NotFound("This report is not kept any more.")
    return content


def _day(text: str, param: str) -> int:
    try:
        day_ms = int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        raise RequestError(f"{param} must be a day such as 2026-11-25.", param=param) from None
    return max(day_ms, 0)  # the time in an id begins in 1970


def _cursor(run: Run) -> str:
    return base64.urlsafe_b64encode(run.run_id.encode()).decode()


def _run_of_cursor(cursor: str) -> str:
    try:
        run_id = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error):
        run_id = ""
    if not RUN_ID.fullmatch(run_id):
        raise RequestError("This cursor is not one of this list's.", param="cursor")
    return run_id
