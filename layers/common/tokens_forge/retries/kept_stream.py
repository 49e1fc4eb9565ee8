"""A stream whose events are kept on their way to the client, so that a retry can be given all of them again."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping

from tokens_forge.journal import SettlementReason
from tokens_forge.retries.claims import Claim, ClaimStore, KeptAnswer
from tokens_forge.store.port import StoreFault
from tokens_forge.stream import ClientStream
from tokens_forge.threads import run_to_end

MEDIA_TYPE = "text/event-stream; charset=utf-8"

log = logging.getLogger("tokens_forge.retries")


class KeptStream:
    """Implements `stream.ClientStream`.

    A client that goes away before it has seen anything will send its request again: the stream then goes on to its end without it,
    and the retry is given the whole answer. With `finishes_alone` it always does, because its client said that it may come back.
    """

    def __init__(
        self,
        stream: ClientStream,
        headers: Mapping[str, str],
        claim: Claim,
        claims: ClaimStore,
        *,
        finishes_alone: bool,
    ) -> None:
        self._stream = stream
        self._headers = headers
        self._claim = claim
        self._claims = claims
        self._finishes_alone = finishes_alone
        self._has_begun = False
        self._has_ended = False

    @property
    def reason(self) -> SettlementReason | None:
        """How it ended, as soon as it is settled."""
        return self._stream.reason

    def time_left_s(self) -> float:
        """How long the stream may still take."""
        return self._stream.time_left_s()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The client's events. All of them are kept, or the claim is dropped, before the last one goes out: a retry may follow."""
        events: list[bytes] = []
        async for event in self._stream.events():
            events.append(event)
            if self.reason is SettlementReason.COMPLETED:
                await self._keep(b"".join(events))
            elif self.reason is not None:
                await self._drop()
            yield event
            self._has_begun = True

    async def cut_short(self) -> bytes:
        """Settle a stream that took too long; the client's last event."""
        event = await self._stream.cut_short()
        await self._drop()
        return event

    def client_left(self) -> float:
        """The client went away. Returns for how many seconds the provider is still heard out."""
        if self._finishes_alone or not self._has_begun:
            return self.time_left_s()
        return self._stream.client_left()

    async def close(self) -> None:
        """Let go of the provider, and settle if that was not done. What was not kept is no answer for a retry."""
        try:
            await self._stream.close()
        finally:
            await self._drop()

    async def _keep(self, body: bytes) -> None:
        answer = KeptAnswer(self._headers, MEDIA_TYPE, body)
        await self._end(lambda: self._claims.keep(self._claim, answer))

    async def _drop(self) -> None:
        if not self._has_ended:
            await self._end(lambda: self._claims.drop(self._claim))

    async def _end(self, operation: Callable[[], None]) -> None:
        """A store that fails must not spoil this answer."""
        try:
            await run_to_end(operation)
        except StoreFault:
            log.exception("a claim was not kept up to date")
        self._has_ended = True
