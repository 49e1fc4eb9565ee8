"""What the API does with runs: begin, cancel, resume, run again on the same data, find.

A run is written before its hold, its hold is placed before its execution begins, and each of these may be repeated: a crash
between two of them is mended by the caller's retry, or by the reconciliation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from anyio import to_thread

from functions.research.estimates import Estimate, estimate
from functions.research.request import ResearchRequest, VendorKeys
from functions.research.run_store import RunStore
from functions.research.runs import EXECUTION_MS_MAX, NEXT, RESUME_WITHIN_MS, RUN_ID, Run, RunState, left_to_pay
from functions.research.texts import Texts, upload_place
from tokens_forge.clock import Clock
from tokens_forge.errors import (
    Conflict,
    EstimateExceeded,
    ForgeError,
    IdempotencyKeyReused,
    InsufficientBalance,
    KeySpendLimit,
    NotFound,
    TooManyHolds,
    WalletFrozen,
)
from tokens_forge.gateway import Gateway
from tokens_forge.identity import Identity
from tokens_forge.ids import new_id
from tokens_forge.settlement import HoldRefused, RunHold, Settlement
from tokens_forge.settlement.runs import new_run_hold_id
from tokens_forge.store.dynamodb_faults import faults, passing_over
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import HoldRefusal, Wallet


class Executions(Protocol):
    """Where the workflow runs."""

    def start(self, run: Run, *, to_end: bool = False) -> None:
        """Start this execution of a run, once: asking again changes nothing. Blocks, and raises StoreFault.

        With `to_end` it is one more, for a cancelled run whose execution is over without having ended it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks for when a run is to begin: all fields of its body that were checked.

    `max_charge_nano` is the highest price that the caller has agreed to; `idempotency_key` and `body_sha256` tell a repetition.
    """

    request: ResearchRequest
    models: Mapping[str, str]
    max_charge_nano: int | None
    idempotency_key: str | None
    body_sha256: str
    csv: bytes | None = None
    vendor_keys: VendorKeys | None = None
    rerun_of: Run | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that was begun, now or by an earlier sending of the same request."""

    run: Run
    is_replay: bool


class RunService:
    """Its methods run on the event loop."""

    def __init__(
        self,
        gateway: Gateway,
        settlement: Settlement,
        runs: RunStore,
        texts: Texts,
        executions: Executions,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._settlement = settlement
        self._runs = runs
        self._texts = texts
        self._executions = executions
        self._clock = clock

    async def begin(self, caller: Identity, asked: Asked) -> Begun:
        """Price, hold and start a run. Raises ForgeError: then nothing is held and nothing runs."""
        run_id, is_new = new_id("run", self._clock.now_ms()), True
        if asked.idempotency_key is not None:
            run_id, is_new = await self._named(caller, asked, run_id)
        found = await to_thread.run_sync(self._runs.read, caller.account_id, run_id) if not is_new else None
        if found is not None:
            if found.state is RunState.QUEUED:
                await self._start(found, caller)  # an earlier sending may have died before it came to this
            return Begun(found, is_replay=True)
        estimated = await estimate(self._gateway, caller, asked.request, asked.models)
        _require_agreed(caller, estimated, asked.max_charge_nano)
        run = self._made(run_id, caller, asked, estimated)
        if asked.csv is not None and asked.request.csv is not None:
            place = upload_place(run.account_id, asked.request.csv.sha256)
            await to_thread.run_sync(self._texts.put, place, asked.csv)
        if asked.vendor_keys is not None:
            await to_thread.run_sync(self._runs.keep_vendor_keys, run, asked.vendor_keys, self._clock.now_ms())
        if not await to_thread.run_sync(self._runs.create, run):
            return Begun(await self.read(caller.account_id, run_id), is_replay=True)  # the same key, sent twice at once
        try:
            await self._start(run, caller)
        except (ForgeError, StoreFault):
            # Should the execution run after all, it finds nothing, or nothing that it could spend.
            await self._release(caller, run.hold_id)
            await to_thread.run_sync(self._runs.forget, run)
            raise
        return Begun(run, is_replay=False)

    async def read(self, account_id: str, run_id: str) -> Run:
        """A run of this account. Raises NotFound for anybody else's too."""
        is_id = RUN_ID.fullmatch(run_id) is not None
        run = await to_thread.run_sync(self._runs.read, account_id, run_id) if is_id else None
        if run is None:
            raise NotFound(f"There is no run {run_id[:100]!r} in this account.")
        return run

    async def cancel(self, run: Run) -> Run:
        """Let no further step be sent. What was sent is charged, the rest is released when the workflow notices."""
        if not await to_thread.run_sync(self._runs.ask_cancel, run):
            raise Conflict(f"The run {run.run_id} is {run.state.value}: there is nothing to cancel.")
        cancelled = await self.read(run.account_id, run.run_id)
        if cancelled.state is RunState.QUEUED:  # if a crash kept it from starting, nobody would end it
            await to_thread.run_sync(self._executions.start, cancelled)
        elif self._clock.now_ms() - cancelled.started_at_ms > EXECUTION_MS_MAX:
            await to_thread.run_sync(lambda: self._executions.start(cancelled, to_end=True))
        return cancelled

    async def resume(self, caller: Identity, run: Run) -> Run:
        """Start another execution for the steps that are not finished. Finished ones cost nothing again."""
        if RunState.QUEUED not in NEXT[run.state]:
            raise Conflict(f"The run {run.run_id} is {run.state.value}: there is nothing to resume.")
        if caller.key.key_id != run.key_id:
            raise Conflict("A run is resumed with the key that began it. Run it again to use another one.")
        if self._clock.now_ms() - run.started_at_ms > RESUME_WITHIN_MS:
            raise Conflict("A run can be resumed for 22 hours. Run it again: its data is still there.")
        left_nano = left_to_pay(run, await to_thread.run_sync(self._runs.steps, run))
        if not left_nano:
            raise Conflict("Every step of this run is finished. Run it again with other models.")
        now_ms = self._clock.now_ms()
        hold = RunHold(
            new_run_hold_id(now_ms), run.account_id, run.wallet, run.currency, left_nano, _limited_key(caller)
        )
        await self._place(hold, caller)
        done = await to_thread.run_sync(
            lambda: self._runs.begin_again(run, now_ms, hold_id=hold.hold_id, hold_nano=hold.nano)
        )
        if not done:
            await self._release(caller, hold.hold_id)
            raise Conflict("Somebody else has resumed this run.")
        resumed = await self.read(run.account_id, run.run_id)
        await to_thread.run_sync(self._executions.start, resumed)
        return resumed

    async def _named(self, caller: Identity, asked: Asked, run_id: str) -> tuple[str, bool]:
        assert asked.idempotency_key is not None
        name = hashlib.sha256(f"{caller.key.key_id}\n{asked.idempotency_key}".encode()).hexdigest()
        named, same_body = await to_thread.run_sync(
            self._runs.name_run, caller.account_id, name, asked.body_sha256, run_id, self._clock.now_ms()
        )
        if not same_body:
            raise IdempotencyKeyReused("This Idempotency-Key was used for another request.", param="Idempotency-Key")
        return named, named == run_id

    async def _start(self, run: Run, caller: Identity) -> None:
        hold = RunHold(run.hold_id, run.account_id, run.wallet, run.currency, run.hold_nano, _limited_key(caller))
        await self._place(hold, caller)
        await to_thread.run_sync(self._executions.start, run)

    async def _place(self, hold: RunHold, caller: Identity) -> None:
        try:
            await to_thread.run_sync(self._settlement.runs.place, hold, caller.auth_epoch)
        except HoldRefused as refused:
            raise _refusal(refused, hold, caller) from None

    async def _release(self, caller: Identity, hold_id: str) -> None:
        wallet = Wallet(caller.account_id, caller.wallet, caller.currency)
        await to_thread.run_sync(self._settlement.runs.end, wallet, hold_id)

    def _made(self, run_id: str, caller: Identity, asked: Asked, estimated: Estimate) -> Run:
        now_ms, source = self._clock.now_ms(), asked.rerun_of
        return Run(
            run_id=run_id,
            account_id=caller.account_id,
            key_id=caller.key.key_id,
            key_kind=caller.key.kind,
            currency=caller.currency,
            request=asked.request,
            models=estimated.models,
            plan=estimated.plan,
            created_at_ms=now_ms,
            started_at_ms=now_ms,
            updated_at_ms=now_ms,
            hold_id=new_run_hold_id(now_ms),
            hold_nano=estimated.highest_nano,
            snapshot=source.snapshot if source is not None else None,
            snapshot_sha256=source.snapshot_sha256 if source is not None else None,
            rerun_of=source.run_id if source is not None else None,
        )


class StepFunctions:
    """Implements Executions. The execution's name is its idempotency key."""

    def __init__(self, client: Any, workflow_arn: str) -> None:
        self._client = client
        self._workflow_arn = workflow_arn

    def start(self, run: Run, *, to_end: bool = False) -> None:
        """Start it; an execution of this name that exists is this one."""
        name = f"{run.execution_name}-end" if to_end else run.execution_name
        given = {"run_id": run.run_id, "account_id": run.account_id, "execution": run.execution}
        with faults(), passing_over("ExecutionAlreadyExists"):
            self._client.start_execution(stateMachineArn=self._workflow_arn, name=name, input=json.dumps(given))


def _require_agreed(caller: Identity, estimated: Estimate, max_charge_nano: int | None) -> None:
    if max_charge_nano is not None and estimated.highest_nano > max_charge_nano:
        raise EstimateExceeded(caller.wallet, caller.currency, estimated.highest_nano, max_charge_nano)


def _limited_key(caller: Identity) -> str | None:
    return caller.key.key_id if caller.key.spend_limit_nano is not None else None


def _refusal(refused: HoldRefused, hold: RunHold, caller: Identity) -> ForgeError:
    """The client's error for a run whose hold was refused: the same words as for any request."""
    wallet, kind = refused.wallet, hold.kind
    if refused.refusal is HoldRefusal.AUTH_EPOCH:
        return Conflict("This key was changed a moment ago. Try again.", headers={"retry-after": "1"})
    if refused.refusal is HoldRefusal.FROZEN:
        return WalletFrozen(f"The {kind.label} of this account is frozen.", extras={"wallet": kind.value})
    if refused.refusal is HoldRefusal.TOO_MANY_HOLDS:
        message = f"Too many requests on the {kind.label} are under way at once."
        return TooManyHolds(message, extras={"wallet": kind.value}, headers={"retry-after": "1"})
    assert wallet is not None, refused.refusal
    if refused.refusal is HoldRefusal.KEY_SPEND_LIMIT:
        return KeySpendLimit(
            kind=kind,
            currency=hold.currency,
            needed_nano=hold.nano,
            left_nano=wallet.key_spend_left_nano.get(caller.key.key_id, 0),
            affordable_output_tokens=0,
        )
    assert refused.refusal is HoldRefusal.INSUFFICIENT, refused.refusal
    return InsufficientBalance(
        kind=kind,
        currency=hold.currency,
        needed_nano=hold.nano,
        available_nano=wallet.available_nano,
        held_nano=wallet.held_nano,
        affordable_output_tokens=0,
    )
