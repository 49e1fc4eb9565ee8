"""A streamed answer on its way to the client: passed on, metered, and settled before its last event."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from anyio import CancelScope, move_on_after

from tokens_forge.attempts import OpenStream
from tokens_forge.clock import Clock
from tokens_forge.ending import Ending
from tokens_forge.errors import StreamBroken
from tokens_forge.intents import Outcome
from tokens_forge.journal import Attempt, Entry, SettlementReason
from tokens_forge.metering import judge
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.quotes import Quote
from tokens_forge.receipts import summary

DRAIN_S = 5.0  # how long a provider is heard out for its usage after the client has gone
END_S = 0.1  # how long the end of a finished answer's body is waited for
CHECKPOINT_EVERY_MS = 5_000  # a crash costs the operator at most this much of a stream; short streams write nothing


class ClientStream(Protocol):
    """A stream as the front door sees it: iterate `events`, then call `close` in any case.

    Whoever iterates keeps the time: when `time_left_s` is over it stops iterating and sends `cut_short` instead.
    """

    @property
    def reason(self) -> SettlementReason | None:
        """How it ended, as soon as it is settled."""
        ...

    def time_left_s(self) -> float:
        """How long the stream may still take."""
        ...

    def events(self) -> AsyncGenerator[bytes, None]:
        """The client's events."""
        ...

    async def cut_short(self) -> bytes:
        """Settle a stream that took too long; the client's last event."""
        ...

    def client_left(self) -> float:
        """The client went away. Returns for how many seconds the provider is still heard out."""
        ...

    async def close(self) -> None:
        """Let go of the provider, and settle if `events` did not get that far."""
        ...


class InferenceStream:
    """Implements ClientStream."""

    def __init__(
        self,
        opened: OpenStream,
        quoted: Quote,
        ending: Ending,
        attempts: tuple[Attempt, ...],
        cost_of: Callable[[Usage], Money | None],
        *,
        clock: Clock,
        deadline_ms: int,
    ) -> None:
        self.deadline_ms = deadline_ms
        self._cost_of = cost_of
        self._opened = opened
        self._reader = opened.reader
        self._quoted = quoted
        self._ending = ending
        self._attempts = attempts
        self._clock = clock
        self._client_left = False
        self.reason: SettlementReason | None = None
        self._next_checkpoint_ms = clock.now_ms() + CHECKPOINT_EVERY_MS

    def time_left_s(self) -> float:
        """How long the stream may still take."""
        return max(self.deadline_ms - self._clock.now_ms(), 0) / 1000

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The client's events, those that arrived together in one piece. The entry is written before the last one goes out."""
        reader = self._reader
        try:
            if self._opened.first:
                yield self._opened.first
            payloads: list[bytes] | None = self._opened.rest
            while payloads is not None:
                passed, is_over = self._take(payloads)
                if passed:
                    yield passed
                if is_over:
                    break
                if self._clock.now_ms() >= self._next_checkpoint_ms:
                    await self._checkpoint()
                payloads = await anext(self._opened.arriving, None)
        except UpstreamFailure:
            pass  # a provider that finished its answer and then broke the connection has still answered
        reason = SettlementReason.COMPLETED if reader.finished else SettlementReason.UPSTREAM_BROKE
        entry = await self._settle(SettlementReason.CLIENT_LEFT if self._client_left else reason)
        if reason is SettlementReason.COMPLETED:
            yield reader.closing(receipt_summary(self._ending, entry), _charged(entry))
        else:
            yield self._broken("The provider broke off in the middle of its answer.", entry)

    def _take(self, payloads: list[bytes]) -> tuple[bytes, bool]:
        """What the client gets for these events, and whether the stream is over: at its end mark, or at what cannot be read."""
        passed: list[bytes] = []
        for payload in payloads:
            try:
                events = self._reader.take(payload)
            except UpstreamFailure:
                events = None
            if events is None:
                return b"".join(passed), True
            passed.append(events)
        return b"".join(passed), False

    async def cut_short(self) -> bytes:
        """Settle a stream that took too long; the client's last event."""
        entry = await self._settle(SettlementReason.CLIENT_LEFT if self._client_left else SettlementReason.DEADLINE)
        return self._broken("The answer took longer than this gateway allows and was ended.", entry)

    def client_left(self) -> float:
        """The client went away. Whatever the provider still sends is only listened to, for its usage."""
        self._client_left = True
        return DRAIN_S

    async def close(self) -> None:
        """Let go of the provider, and settle if `events` did not get that far."""
        try:
            if self._client_left:
                await self._settle(SettlementReason.CLIENT_LEFT)
            else:
                await self._ending.void(SettlementReason.GATEWAY_FAILED, self._attempts)
            if self.reason is SettlementReason.COMPLETED:
                await self._read_to_the_end()
        finally:
            with CancelScope(shield=True):
                await self._opened.answer.close()

    async def _read_to_the_end(self) -> None:
        """What follows the end mark is only the end of the body; a connection that was read up to it can be used again."""
        with move_on_after(END_S), suppress(UpstreamFailure):
            async for _ in self._opened.arriving:
                pass

    def _broken(self, message: str, entry: Entry | None) -> bytes:
        return self._reader.broken(StreamBroken(message), receipt_summary(self._ending, entry), _charged(entry))

    async def _checkpoint(self) -> None:
        self._next_checkpoint_ms = self._clock.now_ms() + CHECKPOINT_EVERY_MS
        await self._ending.checkpoint(self._outcome(SettlementReason.ABANDONED))

    async def _settle(self, reason: SettlementReason) -> Entry | None:
        outcome = self._outcome(reason)
        entry = await self._ending.settle(outcome)
        self.reason = self.reason or outcome.reason  # what comes after the first settling changes nothing
        return entry

    def _outcome(self, reason: SettlementReason) -> Outcome:
        return judge(
            reason,
            reported=self._reader.usage,
            output_bytes=self._reader.output_bytes,
            prompt_bytes=self._quoted.request.prompt_bytes,
            attempts=self._attempts,
            cost_of=self._cost_of,
        )


def _charged(entry: Entry | None) -> Usage | None:
    """What the receipt counts; None while it is pending."""
    return entry.request.usage if entry is not None and entry.request is not None else None


def receipt_summary(ending: Ending, entry: Entry | None) -> Mapping[str, Any]:
    """What an answer says of its receipt; `pending` when the store did not answer and the sweeper will write it."""
    return summary(entry) if entry is not None else {"id": ending.request_id, "pending": True}
