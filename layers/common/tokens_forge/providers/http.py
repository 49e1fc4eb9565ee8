"""Real HTTP to upstreams. The only module that imports the HTTP client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx

from tokens_forge.providers.port import UpstreamCall, UpstreamFailure

CONNECTIONS_MAX = 1000
KEPT_ALIVE_MAX = 100


class HttpAnswer:
    """Implements `providers.port.UpstreamAnswer`."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UpstreamFailure.

        Nothing is unpacked: we asked for no compression, and a small body can unpack to more than the memory holds.
        """
        try:
            async for chunk in self._response.aiter_raw():
                yield chunk
        except httpx.TimeoutException as error:
            raise UpstreamFailure("timeout", type(error).__name__) from error
        except httpx.HTTPError as error:
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
        """Let go of the connection."""
        await self._response.aclose()


class HttpUpstream:
    """Implements `providers.port.Upstream`. Follows no redirect: a credential goes to the configured host or nowhere."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=KEPT_ALIVE_MAX)
        self._client = httpx.AsyncClient(limits=limits, follow_redirects=False, trust_env=False)

    async def send(self, call: UpstreamCall) -> HttpAnswer:
        """Send the call and wait for the head of its answer. Raises UpstreamFailure."""
        content_type = {} if call.body is None else {"content-type": "application/json"}
        request = self._client.build_request(
            "GET" if call.body is None else "POST",
            call.url,
            content=call.body,
            headers={**content_type, "accept-encoding": "identity", **call.headers},
            timeout=httpx.Timeout(call.silence_s, connect=call.connect_s),
        )
        try:
            return HttpAnswer(await self._client.send(request, stream=True))
        except httpx.ConnectTimeout as error:
            raise UpstreamFailure("refused", "connect timeout") from error
        except httpx.TimeoutException as error:
            raise UpstreamFailure("timeout", type(error).__name__) from error
        except httpx.ConnectError as error:
            raise UpstreamFailure("refused", type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamFailure("broke", type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
