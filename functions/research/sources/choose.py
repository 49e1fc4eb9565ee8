"""The sources of one run, put together."""

from __future__ import annotations

from collections.abc import Callable

from functions.research.request import ResearchRequest, VendorKeys
from functions.research.sources.http import Http
from functions.research.sources.port import Source
from functions.research.sources.shared import Cache, RateLimit


def sources_of(
    request: ResearchRequest,
    keys: VendorKeys,
    *,
    http: Http,
    read_csv: Callable[[str], bytes],
    edgar_limit: RateLimit,
    cache: Cache,
    edgar_user_agent: str | None,
) -> tuple[Source, ...]:
    """Those that the request names.

    `read_csv` gives the uploaded file kept under a sha256. `edgar_user_agent` is "Name email" of whoever operates this
    deployment: EDGAR answers nobody without one, so that it is missing when this is None.
    """
    raise NotImplementedError
