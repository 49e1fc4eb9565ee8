"""The research product put together for a test: real application, real handler, real stores on moto, real HTTP to a provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2 as httpx

from functions.research.app import create_app
from functions.research.compose import compose_api, compose_steps
from functions.research.run_store import RunStore
from functions.research.runs import Run, RunState, Step
from functions.research.settings import ResearchSettings
from functions.research.sources.http import Host, Reply, VendorDown
from functions.research.workflow import STOPPED
from tests.research.provider import Process, Provider
from tests.support.behaviour import Behaviour
from tests.support.clocks import ShiftedClock
from tests.support.deployment import Deployment, KnownCredentials
from tests.support.engines import ANSWERS_BUCKET
from tests.support.upstream import Upstream
from tokens_forge.ids import day_of, new_id
from tokens_forge.journal import Entry
from tokens_forge.keys import KeyKind
from tokens_forge.money import Money
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.port import Unreadable
from tokens_forge.wallets import WalletKind

BUCKET = "research-of-the-tests"
TEXT = "The price of the shares moved over the window, and the picture that it gives is mixed and not without risk."
ASKED: dict[str, Any] = {"symbol": "DEMO", "preset": "brief", "models": {"quick": "gpt-4o-mini", "deep": "gpt-4o"}}
LAMBDA_MS = 60_000
DAY_MS = 86_400_000


class NoVendor:
    """The network of a test: nobody is there."""

    def get(self, host: Host, path: str, *_: Any, bytes_max: int, **__: Any) -> Reply:
        raise VendorDown(f"{host} is not there.")


@dataclass
class Started:
    """Implements Executions: what was asked to be started, once under each name."""

    names: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, run: Run, *, to_end: bool = False) -> None:
        given = {"run_id": run.run_id, "account_id": run.account_id, "execution": run.execution}
        self.names.setdefault(f"{run.execution_name}-end" if to_end else run.execution_name, given)


@dataclass
class Research:
    """One deployment with its research API, and a workflow that a test drives state by state."""

    deployment: Deployment
    s3: Any
    settings: ResearchSettings
    executions: Any
    clock: ShiftedClock
    token: str
    provider: Provider | None = None  # in this process; without it calls go over real HTTP

    @property
    def runs(self) -> RunStore:
        return RunStore(self.deployment.client, self.settings.runs_table)

    def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        """One request to the research API."""

        async def request() -> httpx.Response:
            services = compose_api(
                self.deployment.settings,
                self.settings,
                dynamodb=self.deployment.client,
                s3=lambda: self.s3,
                executions=self.executions,
                upstream=HttpUpstream(),
                credentials=KnownCredentials(),
                clock=self.clock,
            )
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://forge.invalid") as client:
                content = json.dumps(body).encode() if body is not None else None
                given = {"authorization": f"Bearer {token or self.token}"}
                given |= {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, f"/v1/research{path}", content=content, headers=given)

        return asyncio.run(request())

    def begin(self, **changes: Any) -> str:
        """Begin a run; its id."""
        response = self.send("POST", "/runs", {**ASKED, **changes})
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def show(self, run_id: str) -> dict[str, Any]:
        """The run as its user sees it."""
        response = self.send("GET", f"/runs/{run_id}")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def run_of(self, run_id: str) -> Run:
        run = self.runs.read(self.deployment.account.account_id, run_id)
        assert run is not None
        return run

    def steps_of(self, run_id: str) -> dict[str, Step]:
        return self.runs.steps(self.run_of(run_id))

    def call(self, event: dict[str, Any], process: Process | None = None) -> dict[str, Any]:
        """One invocation of the workflow's function, in an event loop of its own. Raises Killed when its process dies."""
        process = process or Process()

        async def handle() -> dict[str, Any]:
            upstream: Any = HttpUpstream() if self.provider is None else replace(self.provider, process=process)
            handler = compose_steps(
                self.deployment.settings,
                self.settings,
                dynamodb=process.wrap(self.deployment.client),
                s3=process.wrap(self.s3),
                upstream=upstream,
                credentials=KnownCredentials(),
                http=NoVendor(),
                clock=self.clock,
            )
            try:
                return await handler.handle(event, LAMBDA_MS)
            finally:
                await upstream.close()
                if self.provider is not None:
                    self.provider.asked = upstream.asked

        # What a state hands over is JSON, and small.
        answer: dict[str, Any] = json.loads(json.dumps(asyncio.run(handle())))
        assert len(json.dumps(answer)) < 10_000, "states pass references only"
        return answer

    def drive(self, run_id: str, before_step: Callable[[str], None] | None = None) -> RunState:
        """The present execution from its first state to its last one, as the definition has it; `again` without the waiting."""
        given = self.given(run_id)
        for group in self.call({"action": "prepare", "run": given})["groups"]:
            for stage_id in group:
                if before_step is not None:
                    before_step(stage_id)
                self.step(run_id, stage_id)
        return RunState(self.call({"action": "finish", "run": given})["state"])

    def step(self, run_id: str, stage_id: str) -> str:
        """One step until the workflow would go on. Returns its outcome."""
        event = {"action": "step", "run": {**self.given(run_id), "stage_id": stage_id}}
        while (answer := self.call(event))["outcome"] == "again":
            assert answer["wait_s"] > 0
            self.clock.shift_ms += answer["wait_s"] * 1000
        return str(answer["outcome"])

    def stopped(self, run_id: str, status: str = "ABORTED") -> dict[str, Any]:
        """The event rule tells of an execution that was stopped."""
        return self.call({"detail": {"status": status, "input": json.dumps(self.given(run_id)), "error": STOPPED}})

    def given(self, run_id: str) -> dict[str, Any]:
        """The input of the present execution."""
        run = self.run_of(run_id)
        return {"run_id": run_id, "account_id": run.account_id, "execution": run.execution}

    def take(self, nano: int) -> None:
        """Take from what is available, as an admin would."""
        money = Money(-nano, self.deployment.wallet().currency)
        adjustment_id = new_id("adj", self.clock.now_ms())
        account_id = self.deployment.account.account_id
        self.deployment.balances.adjust(
            account_id, WalletKind.OFFICIAL, money, adjustment_id=adjustment_id, reason="test"
        )

    def entries(self, kind: WalletKind = WalletKind.OFFICIAL) -> list[Entry]:
        """The journal of a wallet, of today and of a shifted clock's days."""
        account_id, now_ms = self.deployment.account.account_id, self.clock.now_ms()
        days = sorted({day_of(ms) for ms in range(now_ms - self.clock.shift_ms - DAY_MS, now_ms + DAY_MS, DAY_MS // 2)})
        found = [entry for day in days for entry in self.deployment.ledger.book(account_id, kind, day)]
        return [entry for entry in found if not isinstance(entry, Unreadable)]

    def check_books(self, run_id: str, *, is_over: bool = True) -> int:
        """A step is charged once at most; spent ≤ hold ≤ estimate; nothing is held after the end. Returns what was spent."""
        run, steps = self.run_of(run_id), self.steps_of(run_id)
        charged = [entry for entry in self.entries() if entry.request is not None and entry.wallet_nano < 0]
        spent = -sum(entry.wallet_nano for entry in charged)
        assert not is_over or spent == sum(step.charge_nano or 0 for step in steps.values()), (
            "the run shows what the ledger says"
        )
        receipts = [step.receipt_id for step in steps.values() if step.charge_nano]
        ledgers = sorted(f"req_{entry.entry_id.partition('.')[0]}" for entry in charged)
        assert len(set(ledgers)) == len(ledgers) <= len(run.plan), "one receipt charges a step"
        assert ledgers == sorted(map(str, receipts)) or not is_over
        for step in steps.values():
            assert (step.charge_nano or 0) <= run.planned(step.stage_id).highest_nano
        assert spent <= run.highest_nano and run.hold_nano <= run.highest_nano
        wallet = self.deployment.wallet()
        if is_over:
            assert wallet.held_nano == 0 and wallet.holds == {}
            assert wallet.available_nano == wallet.credits_total_nano - wallet.debits_total_nano
        routed = self.deployment.wallet(WalletKind.ROUTED)
        assert (routed.debits_total_nano, routed.held_nano) == (0, 0), "the other wallet is untouched"
        return spent


@contextmanager
def research_on(
    deployment: Deployment,
    upstream: Upstream | None = None,
    *,
    provider: Provider | None = None,
    clock: ShiftedClock | None = None,
) -> Iterator[Research]:
    """Research on a deployment, with a provider that answers every prompt with one usable sentence."""
    if upstream is not None:
        upstream.default = Behaviour(text=TEXT)
    s3 = deployment.engine.s3()
    s3.create_bucket(Bucket=BUCKET)
    environment = {**deployment.engine.environment(), "FORGE_RESEARCH_BUCKET": BUCKET}
    assert environment["FORGE_ANSWERS_BUCKET"] == ANSWERS_BUCKET
    yield Research(
        deployment=deployment,
        s3=s3,
        settings=ResearchSettings.from_environment(environment),
        executions=Started(),
        clock=clock or ShiftedClock(),
        token=deployment.key(KeyKind.OFFICIAL),
        provider=provider,
    )
