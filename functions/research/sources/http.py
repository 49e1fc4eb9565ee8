"""HTTP to data vendors. The only module of the research functions that imports the HTTP client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import httpx2 as httpx

WHOLE_S = 20.0
SILENCE_S = 10.0
NONE: Mapping[str, str] = MappingProxyType({})


class Host(StrEnum):
    """The only hosts that are ever asked. None comes from a request or from an answer."""

    SEC_WWW = "www.sec.gov"
    SEC_DATA = "data.sec.gov"
    ALPHA_VANTAGE = "www.alphavantage.co"
    FRED = "api.stlouisfed.org"
    NASDAQ = "www.nasdaq.com"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. A redirect is an answer like any other: it is not followed."""

    status: int
    content_type: str
    body: bytes


class VendorDown(Exception):
    """No usable answer came. The message names host and reason, never the query, which may hold a key."""


class Http(Protocol):
    """GET over https. Blocks."""

    def get(
        self,
        host: Host,
        path: str,
        query: Mapping[str, str] = NONE,
        headers: Mapping[str, str] = NONE,
        *,
        bytes_max: int,
    ) -> Reply:
        """One GET. Raises VendorDown: no connection, too slow, too large."""
        ...


class HttpsClient:
    """Implements `Http`. Follows no redirect and heeds no proxy of the environment; an answer has a size and a time it may take.

    Bodies come unpacked by the client, so that the size that counts is the unpacked one.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None, *, whole_s: float = WHOLE_S) -> None:
        self._client = httpx.Client(transport=transport, follow_redirects=False, trust_env=False, timeout=SILENCE_S)
        self._whole_s = whole_s

    def get(
        self,
        host: Host,
        path: str,
        query: Mapping[str, str] = NONE,
        headers: Mapping[str, str] = NONE,
        *,
        bytes_max: int,
    ) -> Reply:
        """One GET. Raises VendorDown. Nothing that it says repeats the address: the cause is not kept either."""
        until = time.monotonic() + self._whole_s
        url = httpx.URL(scheme="https", host=Host(host).value, path=path, params=dict(query))
        try:
            with self._client.stream("GET", url, headers=dict(headers)) as response:
                parts, length = [], 0
                for part in response.iter_bytes(65_536):
                    length += len(part)
                    if length > bytes_max:
                        raise VendorDown(f"{host} sent more than {bytes_max} bytes.")
                    if time.monotonic() > until:
                        raise VendorDown(f"{host} took longer than {self._whole_s:g} seconds.")
                    parts.append(part)
                return Reply(response.status_code, response.headers.get("content-type", ""), b"".join(parts))
        except httpx.TimeoutException:
            raise VendorDown(f"{host} did not answer in time.") from None
        except httpx.HTTPError as error:
            raise VendorDown(f"{host} could not be reached ({type(error).__name__}).") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
