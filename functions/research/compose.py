"""The composition: research is an ordinary client, so that its gateway is the proxy's own, built by the same function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.proxy.compose import compose as compose_proxy
from functions.proxy.settings import Settings
from functions.research.request import ResearchRequest, VendorKeys
from functions.research.research_services import ResearchServices
from functions.research.run_service import Executions, RunService
from functions.research.run_store import RunStore
from functions.research.settings import ResearchSettings
from functions.research.sources.choose import sources_of
from functions.research.sources.http import Http
from functions.research.sources.port import Source
from functions.research.sources.shared import DynamoCache, DynamoRateLimit
from functions.research.step_handler import StepHandler
from functions.research.steps import Steps
from functions.research.texts import Texts, upload_place
from functions.research.workflow import Workflow
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.errors import RequestError
from tokens_forge.providers.port import Upstream
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.claims import AnswerBucket, DynamoClaimStore

EDGAR_REQUESTS_PER_S = 10


def compose_api(
    settings: Settings,
    research: ResearchSettings,
    *,
    dynamodb: Any,
    s3: Callable[[], Any],
    executions: Executions,
    upstream: Upstream,
    credentials: Credentials,
    clock: Clock,
) -> ResearchServices:
    """The services behind the routes. They price, hold and start; they call no provider."""
    proxy = compose_proxy(settings, dynamodb=dynamodb, s3=s3, upstream=upstream, credentials=credentials, clock=clock)
    runs, texts = RunStore(dynamodb, research.runs_table), Texts(s3(), research.bucket)
    settlement = Settlement(Books(proxy.ledger, clock))
    service = RunService(proxy.gateway, settlement, runs, texts, executions, clock)
    return ResearchServices(proxy.gateway, proxy.ledger, runs, texts, service, clock, proxy.close)


def compose_steps(
    settings: Settings,
    research: ResearchSettings,
    *,
    dynamodb: Any,
    s3: Any,
    upstream: Upstream,
    credentials: Credentials,
    http: Http,
    clock: Clock,
) -> StepHandler:
    """What the workflow calls. `upstream` belongs to one event loop, so this is called once an invocation; it opens nothing."""
    proxy = compose_proxy(
        settings, dynamodb=dynamodb, s3=lambda: s3, upstream=upstream, credentials=credentials, clock=clock
    )
    runs, texts = RunStore(dynamodb, research.runs_table), Texts(s3, research.bucket)
    claims = DynamoClaimStore(dynamodb, settings.tables.state, AnswerBucket(lambda: s3, settings.answers_bucket))
    steps = Steps(runs, texts, proxy.inference, proxy.ledger, claims)

    def sources(request: ResearchRequest, keys: VendorKeys, account_id: str) -> tuple[Source, ...]:
        def read_csv(sha256: str) -> bytes:
            content = texts.get(upload_place(account_id, sha256))
            if content is None:
                raise RequestError("The uploaded file is not kept any more. Begin a new run.", param="prices_csv")
            return content

        return sources_of(
            request,
            keys,
            http=http,
            read_csv=read_csv,
            edgar_limit=DynamoRateLimit(
                dynamodb, settings.tables.state, "edgar", vendor_requests_per_s=EDGAR_REQUESTS_PER_S
            ),
            cache=DynamoCache(dynamodb, settings.tables.state),
            edgar_user_agent=research.edgar_user_agent,
        )

    settlement = Settlement(Books(proxy.ledger, clock))
    workflow = Workflow(runs, texts, steps, sources, settlement, proxy.ledger, clock)
    return StepHandler(runs, steps, workflow, clock, time_limit_s=settings.time_limit_s)
