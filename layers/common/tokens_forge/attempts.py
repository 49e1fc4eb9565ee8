"""One attempt of a request on one channel, up to the first byte that the client may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from anyio import fail_after, to_thread

from tokens_forge.channels import require_safe_url
from tokens_forge.clock import Clock
from tokens_forge.credentials import CredentialMissing, Credentials
from tokens_forge.errors import RequestError, UpstreamRejected
from tokens_forge.providers.counting import details_of, object_of
from tokens_forge.providers.port import Upstream, UpstreamAnswer, UpstreamCall, UpstreamFailure
from tokens_forge.providers.retry_after import retry_after_s
from tokens_forge.providers.sse import data_lines
from tokens_forge.providers.wire import StreamReader, WholeAnswer, Wire, Wires
from tokens_forge.quotes import Quote
from tokens_forge.routing import NO_CREDENTIAL, AttemptFailed, Target

ANSWER_BYTES_MAX = 32 * 1024 * 1024
ERROR_BYTES_MAX = 64 * 1024
ERROR_MESSAGE_LETTERS_MAX = 1000

# The request itself is wrong: no other channel would take it. 401 and 403 are about our credential, 404 about the channel's
# models, 408, 409 and 429 about the moment: a backup may serve those.
_CLIENT_FAULTS = frozenset(UpstreamRejected.statuses)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Of one attempt, in seconds. `first_byte_s` is for streams; a whole answer sends its first byte when it is complete.

    `trial_s` is the first-byte limit of the one stream that tries an open circuit: its client would rather have the backup.
    """

    connect_s: float = 5.0
    first_byte_s: float = 30.0
    trial_s: float = 5.0
    whole_s: float = 300.0
    silence_s: float = 60.0


@dataclass(slots=True)
class OpenStream:
    """A stream whose first event has arrived. `first` is what the client gets for it.

    `rest` are the payloads that arrived together with it, `arriving` those after them, as they come.
    """

    answer: UpstreamAnswer
    reader: StreamReader
    first: bytes
    rest: list[bytes]
    arriving: AsyncIterator[list[bytes]]


class Attempts:
    """Calls channels."""

    def __init__(
        self,
        upstream: Upstream,
        credentials: Credentials,
        wires: Wires,
        limits: TimeLimits,
        clock: Clock,
        *,
        loopback_allowed: bool,
    ) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._wires = wires
        self._limits = limits
        self._clock = clock
        self._loopback_allowed = loopback_allowed

    async def whole(self, quoted: Quote, target: Target, time_left_s: float) -> WholeAnswer:
        """The complete answer. Raises AttemptFailed or UpstreamRejected."""
        wire = self._wire(quoted, target)
        try:
            with fail_after(max(min(time_left_s, self._limits.whole_s), 0)):
                answer = await self._send(wire, quoted, target)
                try:
                    return wire.whole(await answer.read(ANSWER_BYTES_MAX), quoted, self._clock.now_ms() // 1000)
                finally:
                    await answer.close()
        except TimeoutError:
            raise AttemptFailed("timeout") from None
        except UpstreamFailure as failure:
            raise AttemptFailed(failure.outcome) from failure

    async def stream(self, quoted: Quote, target: Target, request_id: str, time_left_s: float) -> OpenStream:
        """The open stream with its first event. Raises AttemptFailed or UpstreamRejected."""
        wire = self._wire(quoted, target)
        first_byte_s = self._limits.trial_s if target.is_trial else self._limits.first_byte_s
        try:
            with fail_after(max(min(time_left_s, first_byte_s), 0)):
                answer = await self._send(wire, quoted, target)
                try:
                    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                        raise UpstreamFailure("garbage", "not an event stream")
                    arriving = data_lines(answer.chunks())
                    reader = wire.reader(quoted, request_id, self._clock.now_ms() // 1000)
                    payloads = await anext(arriving, None)
                    first = reader.take(payloads[0]) if payloads else None
                    if payloads is None or first is None:
                        raise UpstreamFailure("empty")
                    return OpenStream(answer, reader, first, payloads[1:], arriving)
                except BaseException:
                    await answer.close()
                    raise
        except TimeoutError:
            raise AttemptFailed("timeout") from None
        except UpstreamFailure as failure:
            raise AttemptFailed(failure.outcome) from failure

    def _wire(self, quoted: Quote, target: Target) -> Wire:
        wire = self._wires.get((quoted.request.endpoint, target.channel.protocol))
        if wire is None:
            raise AttemptFailed("no_wire")
        return wire

    async def _send(self, wire: Wire, quoted: Quote, target: Target) -> UpstreamAnswer:
        """Send the request; an answer comes back only for status 200."""
        channel = target.channel
        try:
            require_safe_url(channel.base_url, loopback_allowed=self._loopback_allowed)
        except ValueError:
            raise AttemptFailed("unsafe_url") from None
        try:
            body = wire.body(quoted, channel)
        except RequestError as error:
            raise UpstreamRejected(error.message, status=error.status, code=error.code, param=error.param) from None
        call = UpstreamCall(
            url=channel.base_url.rstrip("/") + wire.path(quoted, channel),
            headers=wire.headers(await self._credential(target.credential), quoted),
            body=body,
            connect_s=self._limits.connect_s,
            silence_s=self._limits.whole_s if not quoted.request.stream else self._limits.silence_s,
        )
        answer = await self._upstream.send(call)
        if answer.status == 200:
            return answer
        try:
            problem = await answer.read(ERROR_BYTES_MAX)
        except UpstreamFailure:
            problem = b""
        finally:
            await answer.close()
        if answer.status in _CLIENT_FAULTS:
            raise _rejection(answer.status, problem)
        if answer.status == 401:
            self._credentials.forget(target.credential)  # it may have been changed: the next call reads it again
        wait_s = retry_after_s(answer.headers, self._clock.now_ms())
        raise AttemptFailed(f"http_{answer.status}", status=answer.status, retry_after_s=wait_s)

    async def _credential(self, name: str) -> str:
        fresh = self._credentials.fresh(name)
        if fresh is not None:
            return fresh
        try:
            return await to_thread.run_sync(self._credentials.read, name)
        except CredentialMissing:
            raise AttemptFailed(NO_CREDENTIAL) from None


def _rejection(status: int, body: bytes) -> UpstreamRejected:
    """What the provider says is wrong with the request: its words, not its headers."""
    try:
        error = details_of(object_of(body), "error")
    except UpstreamFailure:
        error = {}
    message, code, param = error.get("message"), error.get("code"), error.get("param")
    return UpstreamRejected(
        message[:ERROR_MESSAGE_LETTERS_MAX] if isinstance(message, str) else "The provider refused this request.",
        status=status,
        code=code if isinstance(code, str) else "upstream_rejected",
        param=param if isinstance(param, str) else None,
    )
