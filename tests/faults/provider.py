"""A provider behind the port, scripted, whose every answer and every piece of a stream is a point where things go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.faults.world import ProviderFailed, World
from tokens_forge.providers.port import UpstreamCall, UpstreamFailure

USAGE = {"prompt_tokens": 100, "completion_tokens": 50}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. A stream has `pieces` of text, `piece_ms` apart; `breaks` means that the last of them never comes whole."""

    status: int = 200
    text: str = "an answer"
    usage: dict[str, int] | None = None
    pieces: tuple[str, ...] = ()
    piece_ms: int = 10
    breaks: bool = False


class ScriptedProvider:
    """Implements `providers.port.Upstream`: the n-th call in a run gets the n-th reply."""

    def __init__(self, world: World, replies: tuple[Reply, ...]) -> None:
        self._world = world
        self._replies = replies

    async def send(self, call: UpstreamCall) -> ScriptedAnswer:
        reply = self._replies[self._world.provider_calls]
        self._world.provider_calls += 1
        await _point(self._world, "provider_post")
        return ScriptedAnswer(self._world, reply)

    async def close(self) -> None:
        pass


class ScriptedAnswer:
    """Implements `providers.port.UpstreamAnswer`."""

    def __init__(self, world: World, reply: Reply) -> None:
        self._world = world
        self._reply = reply
        self.status = reply.status
        self.headers = {"content-type": "text/event-stream" if reply.pieces else "application/json"}

    async def read(self, bytes_max: int) -> bytes:
        await _point(self._world, "provider_read")
        if self.status != 200:
            return json.dumps({"error": {"message": "no"}}).encode()
        message = {"role": "assistant", "content": self._reply.text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return json.dumps({"id": "chatcmpl-1", "choices": [choice], "usage": self._reply.usage}).encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._reply.pieces:
            await _point(self._world, "provider_chunk")
            self._world.clock.sleep_ms(self._reply.piece_ms)
            yield _event(choices=[{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
        await _point(self._world, "provider_chunk")
        if self._reply.breaks:
            raise UpstreamFailure("broke")
        yield _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if self._reply.usage:
            yield _event(choices=[], usage=self._reply.usage)
        yield b"data: [DONE]\n\n"

    async def close(self) -> None:
        pass


async def _point(world: World, operation: str) -> None:
    try:
        world.point(operation)
    except ProviderFailed:
        raise UpstreamFailure("broke") from None
    await asyncio.sleep(0)  # a network is waited for: this is where a cancellation comes in


def _event(**fields: Any) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-1", "created": 1, **fields}).encode() + b"\n\n"
