"""HTTP to data vendors. The only module of the research functions that imports the HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
        self, host: Host, path: str, query: Mapping[str, str] = ..., headers: Mapping[str, str] = ..., *, bytes_max: int
    ) -> Reply:
        """One GET. Raises VendorDown: no connection, too slow, too large."""
        ...
