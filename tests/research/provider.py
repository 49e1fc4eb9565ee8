"""A provider in this process, and a process that dies at a chosen moment: for tests with very many runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tokens_forge.providers.port import UpstreamCall, UpstreamFailure


class Killed(BaseException):
    """The process died. Nothing of it runs any more: every later call of its clients raises this too."""


@dataclass
class Process:
    """One invocation's process. It dies before its `dies_after`-th call of a client after the provider was asked, or never."""

    dies_before_answer: bool = False
    dies_after: int | None = None
    answered: bool = False
    calls_since: int = 0
    is_dead: bool = False

    def point(self, operation: str) -> None:
        """One call of a client. Raises Killed.

        A query is not counted: the view of the circuits is refreshed beside the request, at a time of its own.
        """
        if self.answered and self.dies_after is not None and operation != "query":
            self.is_dead = self.is_dead or self.calls_since >= self.dies_after
            self.calls_since += 1
        if self.is_dead:
            raise Killed

    def wrap(self, client: Any) -> Any:
        """The same client, as this process has it."""
        return _Client(client, self)


class _Client:
    def __init__(self, inner: Any, process: Process) -> None:
        self._inner = inner
        self._process = process

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute) or name == "exceptions":
            return attribute

        def call(*positions: Any, **arguments: Any) -> Any:
            self._process.point(name)
            return attribute(*positions, **arguments)

        return call


@dataclass
class Answer:
    """Implements `providers.port.UpstreamAnswer`."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    async def read(self, bytes_max: int) -> bytes:
        return self.body

    async def close(self) -> None:
        """Nothing to close."""


def answered(text: str, *, output_tokens: int = 21) -> Answer:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": 300, "completion_tokens": output_tokens, "total_tokens": 300 + output_tokens}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "any",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    return Answer(200, json.dumps(body).encode())


def refused(status: int, **headers: str) -> Answer:
    """An error in OpenAI's shape."""
    body = {"error": {"message": "scripted", "type": "api_error", "param": None, "code": None}}
    return Answer(status, json.dumps(body).encode(), headers)


@dataclass
class Provider:
    """Implements `providers.port.Upstream`. What `script` holds comes first, then the usual answer; `asked` counts the calls."""

    text: str
    script: list[Answer | UpstreamFailure] = field(default_factory=list)
    asked: int = 0
    process: Process = field(default_factory=Process)
    when_asked: Callable[[], None] | None = None

    async def send(self, call: UpstreamCall) -> Answer:
        self.asked += 1
        if self.when_asked is not None:
            self.when_asked()
        if self.process.dies_before_answer:
            self.process.is_dead = True
            raise Killed
        given = self.script.pop(0) if self.script else answered(self.text)
        if isinstance(given, UpstreamFailure):
            raise given
        self.process.answered = True
        return given

    async def close(self) -> None:
        """Nothing to close."""
