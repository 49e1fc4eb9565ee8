"""Retry safety around the gateway: a request that was sent before is attached to its first run, or given its answer again.

A claim is placed beside the hold, so it costs no time of its own, and stands before anything is sent upstream. If the first run
died with its answer, its request is ended first, for good; then the retry runs, and costs nothing if the first one was charged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from anyio import CancelScope, sleep, to_thread

from tokens_forge import strict_json
from tokens_forge.before_sending import before_sending
from tokens_forge.clock import Clock
from tokens_forge.errors import ForgeError, IdempotencyKeyReused, StillRunning
from tokens_forge.gateway import Answer, Gateway, StreamAnswer
from tokens_forge.identity import Sender
from tokens_forge.requests.inference import InferenceRequest
from tokens_forge.retries.claims import Claim, ClaimStore, KeptAnswer, RetryMarks, Superseded
from tokens_forge.retries.kept_stream import KeptStream
from tokens_forge.settlement import Settlement
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import run_to_end

POLL_FIRST_S, POLL_MAX_S = 0.1, 1.0
LEASE_SPARE_MS = 30_000  # a run settles within this time after its deadline

log = logging.getLogger("tokens_forge.retries")


class ClaimedRun:
    """Implements `gateway.Run`: a run under a claim, which may replace the claims of the runs named in `replaces`."""

    def __init__(self, store: ClaimStore, clock: Clock, claim: Claim, replaces: tuple[str, ...]) -> None:
        self.claim = claim
        self.repeats = claim.instead_of
        self._store = store
        self._clock = clock
        self._replaces = replaces
        self._placing: asyncio.Task[Claim | None] | None = None

    def start(self, request_id: str) -> None:
        """Begin to place the claim for a run under this id; a run that is judged again replaces its own earlier claim."""
        before, self.claim = self._placing, replace(self.claim, request_id=request_id)
        self._placing = asyncio.get_running_loop().create_task(self._place(before, self.claim, self._replaces))
        self._replaces = (*self._replaces, request_id)

    async def confirmed(self) -> None:
        """Wait until the claim stands. Raises Superseded, or StoreUnavailable: then nothing may be sent upstream."""
        assert self._placing is not None, "a run is started before it is confirmed"
        stands = await before_sending(self._placing)
        if stands is not None:
            raise Superseded(stands)

    async def placed(self) -> None:
        """Wait until placing is over, however it ended: only then can the claim be dropped."""
        if self._placing is not None:
            await asyncio.wait([self._placing])
            self._placing.exception()

    async def _place(
        self, before: asyncio.Task[Claim | None] | None, claim: Claim, replaces: tuple[str, ...]
    ) -> Claim | None:
        if before is not None:
            await before
        now_ms = self._clock.now_ms()
        return await to_thread.run_sync(lambda: self._store.place(claim, replaces=replaces, now_ms=now_ms))


class RetrySafety:
    """What the inference routes call. A request without marks goes straight to the gateway."""

    def __init__(self, gateway: Gateway, claims: ClaimStore, settlement: Settlement, clock: Clock) -> None:
        self._gateway = gateway
        self._claims = claims
        self._settlement = settlement
        self._clock = clock

    async def infer(
        self, authorization: Sender, request: InferenceRequest, deadline_ms: int, marks: RetryMarks | None
    ) -> KeptAnswer | StreamAnswer:
        """Answer a request, once. Raises ForgeError: IdempotencyKeyReused and StillRunning beside the gateway's own."""
        if marks is None:
            return _sent(await self._gateway.infer(authorization, request, deadline_ms))
        key_id = (await self._gateway.identify(authorization)).key.key_id
        found = await self._look(key_id, marks)
        while True:
            answer = await self._attach(found, marks, deadline_ms) if found is not None else None
            if answer is not None:
                return answer
            try:
                return await self._run(authorization, request, deadline_ms, marks, key_id, found)
            except Superseded as superseded:
                found = superseded.claim

    async def _look(self, key_id: str, marks: RetryMarks) -> Claim | None:
        """The claim of an earlier sending. An SDK's first sending has none, by its own word: that read is saved."""
        if marks.idempotency_key is None and marks.retry_count == 0:
            return None
        return await before_sending(to_thread.run_sync(self._claims.read, key_id, marks.name))

    async def _attach(self, found: Claim, marks: RetryMarks, deadline_ms: int) -> KeptAnswer | None:
        """The answer of an earlier run, waited for while it runs; None when the request must be run again."""
        pause_s = POLL_FIRST_S
        claim: Claim | None = found
        while claim is not None and not self._has_expired(claim):
            if claim.request_sha256 != marks.request_sha256:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was used for another request.", param="Idempotency-Key"
                )
            if claim.is_answered:
                kept = await before_sending(to_thread.run_sync(self._claims.answer, claim))
                return replace(kept, headers={**kept.headers, "idempotent-replayed": "true"}) if kept else None
            if claim.leased_until_ms <= self._clock.now_ms():
                return None
            if marks.idempotency_key is not None or self._clock.now_ms() >= deadline_ms:
                raise StillRunning("This request is still running.", headers={"retry-after": "1"})
            await sleep(pause_s)
            pause_s = min(pause_s * 1.5, POLL_MAX_S)
            claim = await before_sending(to_thread.run_sync(self._claims.read, found.key_id, found.name))
        return None

    async def _run(
        self,
        authorization: Sender,
        request: InferenceRequest,
        deadline_ms: int,
        marks: RetryMarks,
        key_id: str,
        found: Claim | None,
    ) -> KeptAnswer | StreamAnswer:
        """Run the request under a claim of our own. Raises Superseded when another sending was faster."""
        dead = found if found is not None and not self._has_expired(found) else None
        claim = Claim(
            key_id=key_id,
            name=marks.name,
            request_sha256=marks.request_sha256,
            request_id="",
            retry_count=marks.retry_count,
            leased_until_ms=deadline_ms + LEASE_SPARE_MS,
            expires_at_s=self._clock.now_ms() // 1000 + marks.kept_s,
            instead_of=await self._charged_for(dead) if dead is not None else None,
        )
        run = ClaimedRun(self._claims, self._clock, claim, (dead.request_id,) if dead is not None else ())
        try:
            answer = await self._gateway.infer(authorization, request, deadline_ms, run)
        except Superseded:
            raise
        except ForgeError:
            await run.placed()
            # Nothing was charged now. What an earlier run was charged must be found by the next retry too.
            leave = self._claims.drop if claim.instead_of is None else self._claims.end_lease
            await self._quietly(lambda: leave(run.claim))
            raise
        except BaseException:
            with CancelScope(shield=True):
                await run.placed()
                await self._quietly(
                    lambda: self._claims.end_lease(run.claim)
                )  # a retry finds out whether it was charged
            raise
        if isinstance(answer, StreamAnswer):
            keep_all = marks.idempotency_key is not None
            stream = KeptStream(answer.stream, answer.headers, run.claim, self._claims, finishes_alone=keep_all)
            return StreamAnswer(stream, answer.headers)
        sent = _sent(answer)
        assert isinstance(sent, KeptAnswer)
        await self._quietly(lambda: self._claims.keep(run.claim, sent))
        return sent

    def _has_expired(self, claim: Claim) -> bool:
        return claim.expires_at_s * 1000 <= self._clock.now_ms()

    async def _charged_for(self, dead: Claim) -> str | None:
        """End a run that is taken over, for good; the request that was charged for it, None when none was."""
        if dead.instead_of is not None:
            return dead.instead_of
        charged = await before_sending(to_thread.run_sync(self._settlement.end_for_retry, dead.request_id))
        return dead.request_id if charged else None

    async def _quietly(self, operation: Callable[[], None]) -> None:
        """An answer that could not be kept is lost: a retry runs again, without a charge. It must not spoil this answer."""
        try:
            await run_to_end(operation)
        except StoreFault:
            log.exception("a claim was not kept up to date")


def _sent(answer: Answer | StreamAnswer) -> KeptAnswer | StreamAnswer:
    """A whole answer as its bytes."""
    if isinstance(answer, StreamAnswer):
        return answer
    body = strict_json.dumps(answer.body, half_pairs="replace")
    return KeptAnswer(answer.headers, "application/json", body)
