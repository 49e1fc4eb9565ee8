"""A provider that costs next to nothing: fixed answers over plain sockets, so that a benchmark sees the gateway.

    python -m bench.upstream PORT

The first piece of a stream says when it was sent, in nanoseconds of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from tests.support.processes import LOOPBACK

CHUNKS = 100
BETWEEN_CHUNKS_S = 0.002  # else the kernel hands many chunks over as one, and they cost a gateway less than real ones
USAGE = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
_COMMON = {"id": "chatcmpl-bench", "created": 1, "model": "gpt-4o-mini"}
_BODY = json.dumps(
    _COMMON
    | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 20}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
).encode()
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
    + str(len(_BODY)).encode()
    + b"\r\n\r\n"
    + _BODY
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(content: str | None, *, finish: str | None = None, usage: bool = False) -> bytes:
    """One event of a stream as one HTTP chunk."""
    delta = {} if content is None else {"role": "assistant", "content": content}
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    payload = _COMMON | {"object": "chat.completion.chunk", "choices": choices, "usage": USAGE if usage else None}
    return _chunk(b"data: " + json.dumps(payload).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


WORD = event("word ")
END = event(None, finish="stop") + event(None, usage=True) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests until the caller leaves."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_content_length(head))
            if b'"stream":true' in body.replace(b" ", b""):
                writer.write(STREAM_HEAD + event(str(time.monotonic_ns())))
                for _ in range(CHUNKS - 1):
                    await writer.drain()
                    await asyncio.sleep(BETWEEN_CHUNKS_S)
                    writer.write(WORD)
                writer.write(END)
            else:
                writer.write(WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(serve_connection, LOOPBACK, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
