"""A provider that speaks the protocols of OpenAI and Anthropic over real sockets and goes wrong exactly as scripted.

    with Upstream() as up:
        up.script(Behaviour(text="one two"), error(429, retry_after="1"), Behaviour(break_at=Break.HANG_MID_CHUNK))
        ...                     # three requests to up.base_url + "/chat/completions"
        assert up.requests[0].json["model"] == "gpt-test"

Requests beyond the script get `up.default`. It runs in a thread with an event loop of its own, so the application
under test may block or be blocked without stopping its provider.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.support.behaviour import Behaviour, Break
from tests.support.chat_wire import models
from tests.support.processes import LOOPBACK
from tests.support.wires import wire_of

ANY = "any path that is posted to"
_BODY_MAX = 64 * 1024 * 1024
T = TypeVar("T")


@dataclass(slots=True)
class Received:
    """One request as it came in. Times are `time.monotonic()`."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    received_s: float
    ended_s: float | None = None
    # "answered"; "broken" as scripted; "client gone" when the caller left first; "stopped" when the test ended.
    outcome: str | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def json(self) -> Any:
        """The parsed body; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Upstream:
    """Use as a context manager. All methods may be called from any thread."""

    def __init__(self, *, default: Behaviour | None = None, model_names: list[str] | None = None) -> None:
        self.default = default or Behaviour()
        self.model_names = model_names or ["gpt-test"]
        self.requests: list[Received] = []
        self.connections = 0
        self._scripts: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://{LOOPBACK}:{self.port}/v1"

    @property
    def tls_base_url(self) -> str:
        """https to a port that speaks plain HTTP: the TLS handshake fails."""
        return f"https://{LOOPBACK}:{self.port}/v1"

    @property
    def in_flight(self) -> int:
        """Requests that were received and not answered yet."""
        return sum(1 for request in list(self.requests) if request.outcome is None)

    def script(self, *behaviours: Behaviour, path: str = ANY) -> None:
        """What the next requests to `path` (after the base URL), or the next inference requests, get in order of arrival."""
        with self._changed:
            self._scripts[path].extend(behaviours)

    @property
    def unused(self) -> int:
        """Scripted behaviours that no request came for: a test asserts 0, or it has not tested what it says."""
        return sum(len(script) for script in self._scripts.values())

    def wait_for(self, count: int, within_s: float = 10.0) -> None:
        """Wait until `count` requests have been received in all. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, within_s):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {within_s} s")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens on the port meanwhile: connections are refused by the kernel. Running answers go on."""
        self._run(self._close_listener())
        try:
            yield
        finally:
            self._run(self._listen())

    def __enter__(self) -> Upstream:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port, limit=_BODY_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close_listener(self) -> None:
        # Not `wait_closed`: from Python 3.12 on it waits for every open connection too.
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _stop(self) -> None:
        await self._close_listener()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (request := await _read_request(reader)) is not None:
                if not await self._serve(request, reader, writer):
                    break
        except _TlsHello:
            writer.write(b"HTTP/1.1 400 Plain HTTP here\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the caller left between requests, or `_stop` cancelled this task: Python 3.11 logs it otherwise
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection may carry another one."""
        behaviour = self._take(request)
        outcome = "stopped"
        # Reading on is the only way to learn that the caller left while nothing is written to it.
        answer = asyncio.ensure_future(self._answer(behaviour, request, writer))
        gone = asyncio.ensure_future(_wait_until_gone(reader))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            outcome = answer.result() if answer.done() else "client gone"
        except (ConnectionError, TimeoutError):
            outcome = "client gone"
        finally:
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
            request.ended_s = time.monotonic()
            request.outcome = outcome
            request.ended.set()
        return outcome == "answered"

    def _take(self, request: Received) -> Behaviour:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            called = request.path.partition("?")[0].removeprefix("/v1")
            for path, script in self._scripts.items():
                is_meant = request.method == "POST" if path == ANY else called == path
                if is_meant and script:
                    return script.popleft()
        if request.path.endswith("/models"):
            return Behaviour(body=models(self.model_names), content_type="application/json")
        return self.default

    async def _answer(self, behaviour: Behaviour, request: Received, writer: asyncio.StreamWriter) -> str:
        while behaviour.gate is not None and not behaviour.gate.is_set():  # noqa: ASYNC110
            # Polled, because the gate belongs to the test's threads, and a thread per held request would be too many.
            await asyncio.sleep(0.002)
        await asyncio.sleep(behaviour.delay_s)
        match behaviour.break_at:
            case Break.RESET_AT_ONCE:
                return _reset(writer)
            case Break.CLOSE_AT_ONCE:
                return "broken"
            case Break.HANG_BEFORE_HEADERS:
                await _hang()
        body = request.json if isinstance(request.json, dict) else {}
        answer_id = f"chatcmpl-test-{next(self._numbers)}"
        if behaviour.body is None and behaviour.status == 200 and body.get("stream") is True:
            return await _stream(behaviour, wire_of(request.path).frames(behaviour, body, answer_id), writer)
        content = behaviour.body
        if content is None:
            content = wire_of(request.path).whole(behaviour, body, answer_id)
        return await _buffered(behaviour, content, writer)


async def _buffered(behaviour: Behaviour, content: bytes, writer: asyncio.StreamWriter) -> str:
    headers = {
        "content-type": behaviour.content_type or "application/json",
        "content-length": str(len(content)),
    }
    writer.write(_head(behaviour, headers))
    if behaviour.break_at is None:
        writer.write(content)
        await writer.drain()
        return "answered"
    if behaviour.break_at is not Break.HANG_AFTER_HEADERS:
        writer.write(content[: len(content) // 2])
    await writer.drain()
    return await _break(behaviour.break_at, writer)


async def _stream(behaviour: Behaviour, events: list[bytes], writer: asyncio.StreamWriter) -> str:
    headers = {
        "content-type": behaviour.content_type or "text/event-stream; charset=utf-8",
        "transfer-encoding": "chunked",
    }
    writer.write(_head(behaviour, headers))
    await writer.drain()
    if behaviour.break_at is Break.HANG_AFTER_HEADERS:
        await _hang()
    for number, event in enumerate(events):
        if number == behaviour.after_frames:
            if behaviour.insert:
                writer.write(_chunk(behaviour.insert))
            if behaviour.break_at is Break.HANG_MID_CHUNK:
                chunk = _chunk(event)
                writer.write(chunk[: len(chunk) // 2])
            if behaviour.break_at is not None:
                await writer.drain()
                return await _break(behaviour.break_at, writer)
        writer.write(_chunk(event))
        await writer.drain()
        await asyncio.sleep(behaviour.frame_delay_s)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return "answered"


async def _break(at: Break, writer: asyncio.StreamWriter) -> str:
    match at:
        case Break.RESET_MID_STREAM:
            await asyncio.sleep(0.05)  # a reset discards what the caller has not read yet; let it read
            return _reset(writer)
        case Break.CLOSE_MID_STREAM:
            return "broken"
        case Break.END_EARLY:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return "answered"
    await _hang()
    raise AssertionError("a hang ends by cancellation only")


async def _hang() -> None:
    await asyncio.Event().wait()


def _reset(writer: asyncio.StreamWriter) -> str:
    """Close with RST instead of FIN: linger switched on, for zero seconds."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return "broken"


async def _wait_until_gone(reader: asyncio.StreamReader) -> None:
    """Ends at the caller's end of file. A pipelined request would be lost; no HTTP client in use pipelines."""
    with suppress(ConnectionError):
        while await reader.read(1):
            pass


class _TlsHello(Exception):
    """The caller wants TLS."""


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    try:
        first = await reader.readexactly(1)
        if first == b"\x16":  # the record type of a TLS handshake
            raise _TlsHello
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = start.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body, time.monotonic())


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)


def _head(behaviour: Behaviour, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {behaviour.status} Scripted"]
    lines += [f"{name}: {value}" for name, value in {**headers, **behaviour.headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
