"""One attempt of a chat completion on one channel, up to the first byte that the client may see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from anyio import fail_after, to_thread

from tokens_forge.catalog import Channel
from tokens_forge.credentials import CredentialMissing, Credentials
from tokens_forge.errors import UpstreamRejected
from tokens_forge.providers import openai_chat
from tokens_forge.providers.port import Upstream, UpstreamAnswer, UpstreamCall, UpstreamFailure
from tokens_forge.providers.sse import data_lines
from tokens_forge.quotes import Quote
from tokens_forge.routing import AttemptFailed

ANSWER_BYTES_MAX = 32 * 1024 * 1024
ERROR_BYTES_MAX = 64 * 1024
ERROR_MESSAGE_LETTERS_MAX = 1000
RETRY_AFTER_S_MAX = 60

# The request itself is wrong: no other channel would take it. 401 and 403 are about our credential, 404 about the channel's
# models, 408, 409 and 429 about the moment: a backup may serve those.
_CLIENT_FAULTS = frozenset({400, 413, 415, 422})


@dataclass(slots=True)
class OpenStream:
    """A stream whose first event has arrived. `rest` gives the events after it."""

    answer: UpstreamAnswer
    first: dict[str, Any] | None
    rest: AsyncIterator[bytes]


class ChatAttempts:
    """Calls channels that speak the OpenAI chat protocol."""

    def __init__(self, upstream: Upstream, credentials: Credentials, *, connect_s: float, silence_s: float) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._connect_s = connect_s
        self._silence_s = silence_s

    async def whole(self, quoted: Quote, channel: Channel, time_left_s: float) -> dict[str, Any]:
        """The complete answer. Raises AttemptFailed or UpstreamRejected."""
        try:
            with fail_after(max(time_left_s, 0)):
                answer = await self._send(quoted, channel)
                try:
                    return _completion(await answer.read(ANSWER_BYTES_MAX))
                finally:
                    await answer.close()
        except TimeoutError:
            raise AttemptFailed("timeout") from None
        except UpstreamFailure as failure:
            raise AttemptFailed(failure.outcome) from failure

    async def stream(self, quoted: Quote, channel: Channel, time_left_s: float) -> OpenStream:
        """The open stream with its first event. Raises AttemptFailed or UpstreamRejected."""
        try:
            with fail_after(max(time_left_s, 0)):
                answer = await self._send(quoted, channel)
                try:
                    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                        raise UpstreamFailure("garbage", "not an event stream")
                    rest = data_lines(answer.chunks())
                    first = event_of(await anext(rest, b""))
                    if first is None or "error" in first:
                        raise UpstreamFailure("error_event" if first else "empty")
                    return OpenStream(answer, first, rest)
                except BaseException:
                    await answer.close()
                    raise
        except TimeoutError:
            raise AttemptFailed("timeout") from None
        except UpstreamFailure as failure:
            raise AttemptFailed(failure.outcome) from failure

    async def _send(self, quoted: Quote, channel: Channel) -> UpstreamAnswer:
        """Send the request; an answer comes back only for status 200."""
        call = UpstreamCall(
            url=channel.base_url.rstrip("/") + openai_chat.PATH,
            bearer=await self._bearer(channel),
            body=openai_chat.upstream_body(quoted, channel),
            connect_s=self._connect_s,
            silence_s=self._silence_s,
        )
        answer = await self._upstream.post(call)
        if answer.status == 200:
            return answer
        try:
            body = await answer.read(ERROR_BYTES_MAX)
        except UpstreamFailure:
            body = b""
        finally:
            await answer.close()
        if answer.status in _CLIENT_FAULTS:
            raise _rejection(answer.status, body)
        raise AttemptFailed(f"http_{answer.status}", retry_after_s(answer.headers.get("retry-after")))

    async def _bearer(self, channel: Channel) -> str:
        fresh = self._credentials.fresh(channel.credential)
        if fresh is not None:
            return fresh
        try:
            return await to_thread.run_sync(self._credentials.read, channel.credential)
        except CredentialMissing:
            raise AttemptFailed("no_credential") from None


def event_of(payload: bytes) -> dict[str, Any] | None:
    """The JSON object of one event; None for the end mark. Raises UpstreamFailure for anything else."""
    if payload in (b"[DONE]", b""):
        return None
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError):
        raise UpstreamFailure("garbage", "an event is not JSON") from None
    if not isinstance(event, dict):
        raise UpstreamFailure("garbage", "an event is not an object")
    return event


def retry_after_s(header: str | None) -> int | None:
    """Seconds to wait, at most a minute; None when the header is absent or absurd."""
    if header is None or not header.isascii() or not header.isdigit() or len(header) > 9:
        return None
    return min(int(header), RETRY_AFTER_S_MAX)


def _completion(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise UpstreamFailure("garbage", "not JSON") from None
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise UpstreamFailure("garbage", "no choices")
    return dict(answer)


def _rejection(status: int, body: bytes) -> UpstreamRejected:
    """What the provider says is wrong with the request: its words, not its headers."""
    try:
        error = json.loads(body)["error"]
        message, code, param = error["message"], error.get("code"), error.get("param")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message, code, param = None, None, None
    return UpstreamRejected(
        message[:ERROR_MESSAGE_LETTERS_MAX] if isinstance(message, str) else "The provider refused this request.",
        status=status,
        code=code if isinstance(code, str) else "upstream_rejected",
        param=param if isinstance(param, str) else None,
    )
