"""A chat completion stream on its way to the client: passed on, metered, and settled before its last event."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from anyio import CancelScope

from tokens_forge.chat_attempt import OpenStream, event_of
from tokens_forge.clock import Clock
from tokens_forge.ending import Ending
from tokens_forge.errors import NoHealthyRoute
from tokens_forge.intents import Outcome
from tokens_forge.journal import Attempt, Entry, SettlementReason
from tokens_forge.metering import judge
from tokens_forge.providers import openai_chat
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.quotes import Quote
from tokens_forge.receipts import summary

CHECKPOINT_EVERY_MS = 5_000  # a crash costs the operator at most this much of a stream; short streams write nothing


class ChatStream:
    """Iterate `events`, then call `close` in any case: a stream that was left half way is settled there."""

    def __init__(
        self,
        opened: OpenStream,
        quoted: Quote,
        ending: Ending,
        attempts: tuple[Attempt, ...],
        *,
        clock: Clock,
        deadline_ms: int,
    ) -> None:
        self._opened = opened
        self._quoted = quoted
        self._ending = ending
        self._attempts = attempts
        self._clock = clock
        self._deadline_ms = deadline_ms
        self._identity: dict[str, Any] = {}
        self._usage: object = None
        self._output_bytes = 0
        self._finished: set[int] = set()
        self._client_left = False
        self._next_checkpoint_ms = clock.now_ms() + CHECKPOINT_EVERY_MS

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The client's event stream. The entry is written before the last event goes out."""
        ending = SettlementReason.UPSTREAM_BROKE
        try:
            async for event in self._upstream_events():
                passed = self._take(event)
                if passed is not None:
                    yield _data(passed)
                now_ms = self._clock.now_ms()
                if now_ms >= self._deadline_ms:
                    ending = SettlementReason.DEADLINE
                    break
                if now_ms >= self._next_checkpoint_ms:
                    self._next_checkpoint_ms = now_ms + CHECKPOINT_EVERY_MS
                    await self._ending.checkpoint(self._outcome(SettlementReason.ABANDONED))
            else:
                if len(self._finished) >= self._quoted.request.choices:
                    ending = SettlementReason.COMPLETED
        except UpstreamFailure:
            # A provider that finished its answer and then broke the connection has still answered.
            if len(self._finished) >= self._quoted.request.choices:
                ending = SettlementReason.COMPLETED
        entry = await self._settle(SettlementReason.CLIENT_LEFT if self._client_left else ending)
        if ending is not SettlementReason.COMPLETED:
            yield _data(_broken(ending).body())
            return
        if self._quoted.request.include_usage:
            yield _data(self._usage_event(entry))
        yield b"data: [DONE]\n\n"

    def client_left(self) -> None:
        """The client went away. Whatever the provider still sends is only listened to, for its usage."""
        self._client_left = True

    async def close(self) -> None:
        """Let go of the provider, and settle if `events` did not get that far."""
        try:
            if self._client_left:
                await self._settle(SettlementReason.CLIENT_LEFT)
            else:
                await self._ending.void(SettlementReason.GATEWAY_FAILED, self._attempts)
        finally:
            with CancelScope(shield=True):
                await self._opened.answer.close()

    async def _upstream_events(self) -> AsyncIterator[dict[str, Any]]:
        if self._opened.first is not None:
            first, self._opened.first = self._opened.first, None
            yield first
        async for payload in self._opened.rest:
            event = event_of(payload)
            if event is None:
                if payload:
                    return
                continue
            if "error" in event:
                raise UpstreamFailure("error_event")
            yield event

    def _take(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Meter one event and make it ours; None when it carries nothing for the client."""
        if event.get("usage") is not None:
            self._usage = event["usage"]
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise UpstreamFailure("garbage", "no choices")
        for choice in choices:
            if not isinstance(choice, dict):
                raise UpstreamFailure("garbage", "a choice is not an object")
            self._output_bytes += openai_chat.output_bytes(choice.get("delta"))
            if choice.get("finish_reason") is not None:
                self._finished.add(choice.get("index") or 0)
        if not choices:
            return None
        if not self._identity:
            self._identity = {
                "id": event.get("id") or f"chatcmpl-{self._ending.request_id}",
                "created": event.get("created") or self._clock.now_ms() // 1000,
                "model": self._quoted.offer.model.model_id,
            }
        event.update(self._identity)
        event.pop("usage", None)
        return event

    def _usage_event(self, entry: Entry | None) -> dict[str, Any]:
        reported = self._usage if isinstance(self._usage, dict) else _usage_shown(entry)
        return {
            **self._identity,
            "object": "chat.completion.chunk",
            "choices": [],
            "usage": reported,
            "forge_receipt": receipt_summary(self._ending, entry),
        }

    async def _settle(self, ending: SettlementReason) -> Entry | None:
        return await self._ending.settle(self._outcome(ending))

    def _outcome(self, ending: SettlementReason) -> Outcome:
        return judge(
            ending,
            reported=openai_chat.usage_of(self._usage),
            output_bytes=self._output_bytes,
            prompt_bytes=self._quoted.request.text_bytes,
            attempts=self._attempts,
        )


def receipt_summary(ending: Ending, entry: Entry | None) -> dict[str, Any]:
    """What an answer says of its receipt; `pending` when the store did not answer and the sweeper will write it."""
    return summary(entry) if entry is not None else {"id": ending.request_id, "pending": True}


def _usage_shown(entry: Entry | None) -> dict[str, int] | None:
    """Usage for the client when the provider gave none that can be read: what the receipt counts."""
    if entry is None or entry.request is None:
        return None
    usage = entry.request.usage
    return {
        "prompt_tokens": usage.input_side,
        "completion_tokens": usage.output,
        "total_tokens": usage.input_side + usage.output,
    }


def _broken(ending: SettlementReason) -> NoHealthyRoute:
    if ending is SettlementReason.DEADLINE:
        return NoHealthyRoute("The answer took longer than this gateway allows and was ended.")
    return NoHealthyRoute("The provider broke off in the middle of its answer.")


def _data(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"
