"""Real HTTP to upstreams. The only module that imports the HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from tokens_forge.providers.port import UpstreamCall, UpstreamFailure

CONNECTIONS_MAX = 1000
HEADER_LINE_BYTES_MAX = 64 * 1024  # some providers put a whole policy into one header


class HttpAnswer:
    """Implements `providers.port.UpstreamAnswer`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes: whatever has arrived since the last piece, in one. Raises UpstreamFailure.

        Nothing is unpacked: we asked for no compression, and a small body can unpack to more than the memory holds.
        """
        try:
            while chunk := await self._response.content.readany():
                yield chunk
        except aiohttp.ServerTimeoutError as error:
            raise UpstreamFailure("timeout", type(error).__name__) from error
        except aiohttp.ClientError as error:
            raise UpstreamFailure("broke", type(error).__name__) from error

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Raises UpstreamFailure, also when it is longer than `bytes_max`."""
        parts, length = [], 0
        async for chunk in self.chunks():
            length += len(chunk)
            if length > bytes_max:
                raise UpstreamFailure("too_large")
            parts.append(chunk)
        return b"".join(parts)

    async def close(self) -> None:
        """Let go of the connection. It can be used again when its answer was read to the end."""
        self._response.release()


class HttpUpstream:
    """Implements `providers.port.Upstream`. Follows no redirect: a credential goes to the configured host or nowhere.

    It keeps no cookie, and connections of one event loop only: a Lambda may run each invocation on a loop of its own.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, call: UpstreamCall) -> HttpAnswer:
        """Send the call and wait for the head of its answer. Raises UpstreamFailure."""
        content_type = {} if call.body is None else {"content-type": "application/json"}
        try:
            return HttpAnswer(
                await self._on_this_loop().request(
                    "GET" if call.body is None else "POST",
                    URL(call.url, encoded=True),
                    data=call.body,
                    headers={**content_type, "accept-encoding": "identity", **call.headers},
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=call.connect_s, sock_read=call.silence_s),
                    allow_redirects=False,
                )
            )
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamFailure("refused", "connect timeout") from error
        except aiohttp.ServerTimeoutError as error:
            raise UpstreamFailure("timeout", type(error).__name__) from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamFailure("refused", type(error).__name__) from error
        except (aiohttp.ClientError, ValueError) as error:  # ValueError: what can be no address, or no header
            raise UpstreamFailure("broke", type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _on_this_loop(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session, self._loop = _session(), loop
        return self._session


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """The library would send a GET again whose connection broke; a probe counts every call that broke."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise UpstreamFailure("broke", type(error).__name__) from error


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        middlewares=(_once,),
        max_line_size=HEADER_LINE_BYTES_MAX,
        max_field_size=HEADER_LINE_BYTES_MAX,
    )
