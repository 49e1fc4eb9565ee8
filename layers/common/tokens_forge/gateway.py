"""The gateway: identity → policy → quote → hold → attempts → settlement → receipt.

Each step takes what the step before returned. This module knows neither HTTP frameworks nor databases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from anyio import to_thread

from tokens_forge.attempts import Attempts, OpenStream
from tokens_forge.catalog import Catalog, CatalogCache
from tokens_forge.clock import Clock
from tokens_forge.ending import Ending
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ForgeError, ModelNotAllowed, NoHealthyRoute, StoreUnavailable
from tokens_forge.holding import Holding, IdentityChanged
from tokens_forge.identity import Authenticator, Identity, OnBehalf, Sender
from tokens_forge.ids import new_id
from tokens_forge.journal import Entry, SettlementReason
from tokens_forge.keys import Token
from tokens_forge.limits import Limiter
from tokens_forge.metering import judge
from tokens_forge.money import Money, decimal
from tokens_forge.observer import SILENT, Observer, Step
from tokens_forge.policy import Offer, decide, offers, verdicts
from tokens_forge.pricing import Usage
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.conversation import conversation_of
from tokens_forge.requests.inference import InferenceRequest
from tokens_forge.routing import Routed, Router, Serving, Target
from tokens_forge.settlement import Settlement
from tokens_forge.stream import ClientStream, InferenceStream, receipt_summary
from tokens_forge.wallets import WalletKind

RETRY_AFTER_S_MAX = 60  # official SDKs ignore a longer one


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: JSON body and headers."""

    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """A streamed answer: its headers are known, its charge is not yet."""

    stream: ClientStream
    headers: dict[str, str]


class Run(Protocol):
    """What somebody else has to say before a request is sent upstream. `repeats` names a request that was charged for it."""

    repeats: str | None

    def start(self, request_id: str) -> None:
        """The request gets this id; its hold is placed meanwhile. Called again when the key has to be judged again."""
        ...

    async def confirmed(self) -> None:
        """Returns when the request may be sent. Whatever this raises ends the request without a charge."""
        ...


class Gateway:
    """One per process. Its methods run on the event loop; whatever blocks goes to a worker thread."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalogs: CatalogCache,
        settlement: Settlement,
        limiter: Limiter,
        router: Router,
        attempts: Attempts,
        clock: Clock,
        observer: Observer = SILENT,
    ) -> None:
        self._authenticator = authenticator
        self._catalogs = catalogs
        self._settlement = settlement
        self._holding = Holding(settlement)
        self._limiter = limiter
        self._router = router
        self._attempts = attempts
        self._clock = clock
        self._observer = observer

    async def identify(self, authorization: Sender) -> Identity:
        """Who sends this Authorization header, by a view of the key that is at most 30 seconds old. Raises InvalidKey."""
        return await self._prove(self._authenticator.token_of(authorization))

    async def identify_now(self, authorization: Sender) -> Identity:
        """Who sends this Authorization header, read from the tables: for routes that show what a key may do."""
        identity = await to_thread.run_sync(self._authenticator.prove, self._authenticator.token_of(authorization))
        self._observer.identified(identity)
        return identity

    async def offers(self, identity: Identity) -> list[Offer]:
        """Every model this key can call. Raises KeyNotPermitted for a management key."""
        catalog = await self._catalog(identity.wallet)
        return offers(identity.key, identity.currency, catalog, self._clock.now_ms())

    async def verdicts(self, identity: Identity, endpoint: Endpoint) -> dict[str, Offer | ForgeError]:
        """For every model of this key's wallet: the offer on this endpoint, or the error that a call would get."""
        catalog = await self._catalog(identity.wallet)
        return verdicts(identity.key, identity.currency, catalog, self._clock.now_ms(), endpoint)

    async def offer(self, identity: Identity, model_id: str, endpoint: Endpoint | None = None) -> Offer:
        """One model this key can call, on this endpoint or on any; or the error that says why not."""
        catalog = await self._catalog(identity.wallet)
        return decide(identity.key, identity.currency, model_id, catalog, self._clock.now_ms(), endpoint)

    async def quote(self, identity: Identity, request: InferenceRequest) -> Quote:
        """What a request will cost at most. Nothing is held or charged."""
        return quote(await self.offer(identity, request.model, request.endpoint), request)

    async def infer(
        self, authorization: Sender, request: InferenceRequest, deadline_ms: int, run: Run | None = None
    ) -> Answer | StreamAnswer:
        """Answer an inference request by `deadline_ms` and charge it to the key's wallet. Raises ForgeError.

        A step of a research run is a request like any other; only its hold is a part of the run's.
        """
        token = self._authenticator.token_of(authorization)
        for _ in range(2):
            identity = await self._prove(token)
            try:
                quoted = await self.quote(identity, request)
            except ModelNotAllowed:  # by a view that may be old: the key's list may have grown since
                identity = await self.identify_now(authorization)
                quoted = await self.quote(identity, request)
            self._observer.quoted(quoted)
            request_id = new_id("req", self._clock.now_ms())
            permit = await self._limiter.admit(identity.key, quoted, request_id, deadline_ms)
            self._router.refresh_soon()
            if run is not None:
                run.start(request_id)
            try:
                with self._observer.timing(Step.HOLD):
                    held, quoted = await self._holding.hold(identity, quoted, request_id, run.repeats if run else None)
            except IdentityChanged:
                await permit.end()
                self._authenticator.forget(identity)
                continue
            except BaseException:
                await permit.end()
                raise
            ending = Ending(self._settlement, held, self._observer)
            ending.afterwards.append(permit.end)
            answer = await self._answer(ending, quoted, deadline_ms, run)
            answer.headers.update(permit.headers)
            return answer
        raise StoreUnavailable("This key is being changed right now.", headers={"retry-after": "1"})

    async def _answer(self, ending: Ending, quoted: Quote, deadline_ms: int, run: Run | None) -> Answer | StreamAnswer:
        """Everything after the hold. However it ends, the request is settled."""
        try:
            if run is not None:
                await run.confirmed()
            if quoted.request.stream:
                return await self._stream(ending, quoted, deadline_ms)
            return await self._whole(ending, quoted, deadline_ms)
        except BaseException:
            # Also a cancellation, which is no Exception. After a settle this does nothing.
            await ending.void(SettlementReason.GATEWAY_FAILED, ())
            raise

    async def _whole(self, ending: Ending, quoted: Quote, deadline_ms: int) -> Answer:
        async def attempt(target: Target) -> WholeAnswer:
            return await self._attempts.whole(quoted, target, self._time_left_s(deadline_ms))

        routed = await self._router.first_that_answers(quoted, _conversation(ending, quoted), attempt)
        if routed.result is None or routed.serving is None:
            raise await self._no_answer(ending, quoted, routed)
        ending.afterwards.append(routed.serving.ended)
        answer = routed.result
        outcome = judge(
            SettlementReason.COMPLETED,
            reported=answer.usage,
            output_bytes=answer.output_bytes,
            prompt_bytes=quoted.request.prompt_bytes,
            attempts=routed.attempts,
            makes_output=quoted.request.makes_output,
            cost_of=_cost_of(routed.serving, quoted),
        )
        entry = await ending.settle(outcome)
        body = {**answer.body, "forge_receipt": receipt_summary(ending, entry)}
        if answer.usage is None and entry is not None and entry.request is not None:
            body["usage"] = answer.show_usage(entry.request.usage)
        return Answer(body, _headers(ending, quoted, routed, entry))

    async def _stream(self, ending: Ending, quoted: Quote, deadline_ms: int) -> StreamAnswer:
        async def attempt(target: Target) -> OpenStream:
            time_left_s = self._time_left_s(deadline_ms)
            return await self._attempts.stream(quoted, target, ending.request_id, time_left_s)

        routed = await self._router.first_that_answers(quoted, _conversation(ending, quoted), attempt)
        if routed.result is None or routed.serving is None:
            raise await self._no_answer(ending, quoted, routed)
        ending.afterwards.append(routed.serving.ended)
        stream = InferenceStream(
            routed.result,
            quoted,
            ending,
            routed.attempts,
            _cost_of(routed.serving, quoted),
            clock=self._clock,
            deadline_ms=deadline_ms,
        )
        return StreamAnswer(stream, _headers(ending, quoted, routed, None))

    async def _no_answer(self, ending: Ending, quoted: Quote, routed: Routed[Any]) -> ForgeError:
        """Settle for nothing, and say why there is no answer."""
        rejected = routed.rejected
        reason = SettlementReason.UPSTREAM_REJECTED if rejected else SettlementReason.UPSTREAM_FAILED
        entry = await ending.void(reason, routed.attempts)
        wait_s = min(max(routed.retry_after_s or 2, 1), RETRY_AFTER_S_MAX)
        error: ForgeError = rejected or NoHealthyRoute(
            f"No channel could serve {quoted.offer.model.model_id!r} right now "
            f"({', '.join(attempt.outcome for attempt in routed.attempts)}). Nothing was charged.",
            headers={"retry-after": str(wait_s)},
        )
        error.headers.update(_headers(ending, quoted, routed, entry))
        return error

    async def _prove(self, token: Token | OnBehalf) -> Identity:
        cached = self._authenticator.prove_cached(token)
        identity = cached if cached is not None else await to_thread.run_sync(self._authenticator.prove, token)
        self._observer.identified(identity)
        return identity

    async def _catalog(self, kind: WalletKind) -> Catalog:
        fresh = self._catalogs.fresh(kind)
        return fresh if fresh is not None else await to_thread.run_sync(self._catalogs.read, kind)

    def _time_left_s(self, deadline_ms: int) -> float:
        return (deadline_ms - self._clock.now_ms()) / 1000


def _conversation(ending: Ending, quoted: Quote) -> Callable[[], str]:
    return partial(conversation_of, ending.held.intent.key_id, quoted.request)


def _cost_of(serving: Serving, quoted: Quote) -> Callable[[Usage], Money | None]:
    """What the serving channel's provider charges us for a usage."""
    costs = serving.channel.costs

    def cost_of(used: Usage) -> Money | None:
        nano = costs.of(quoted.offer.model.model_id, used) if costs is not None else None
        return Money(nano, costs.currency) if nano and costs is not None else None

    return cost_of


def _headers(ending: Ending, quoted: Quote, routed: Routed[Any], entry: Entry | None) -> dict[str, str]:
    """The settlement path of this answer, as far as it is known by now."""
    served_by = routed.attempts[-1].channel_id if routed.attempts else quoted.offer.primary.channel_id
    headers = {
        "x-forge-receipt-id": ending.request_id,
        "x-forge-wallet": quoted.offer.kind.value,
        "x-forge-route": served_by,
        "x-forge-backup-used": "true" if served_by != quoted.offer.primary.channel_id else "false",
    }
    if entry is not None and entry.request is not None:
        headers["x-forge-charge"] = f"{decimal(entry.request.charge_nano)} {entry.currency}"
    return headers
