"""The sources of one run, put together."""

from __future__ import annotations

from collections.abc import Callable

from functions.research.request import ResearchRequest, VendorKeys
from functions.research.sources.alpha_vantage import AlphaVantage
from functions.research.sources.csv_upload import CsvUpload
from functions.research.sources.edgar import Edgar
from functions.research.sources.fred import Fred
from functions.research.sources.http import Http
from functions.research.sources.port import Source
from functions.research.sources.rss import NewsFeed
from functions.research.sources.sample import Sample
from functions.research.sources.shared import Cache, RateLimit
from functions.research.words import SourceName


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
    every: dict[SourceName, Source] = {
        SourceName.CSV: CsvUpload(read_csv),
        SourceName.SAMPLE: Sample(),
        SourceName.ALPHA_VANTAGE: AlphaVantage(http, keys.alpha_vantage or ""),
        SourceName.EDGAR: Edgar(http, edgar_limit, cache, edgar_user_agent),
        SourceName.FRED: Fred(http, keys.fred or ""),
        SourceName.RSS: NewsFeed(http),
    }
    return tuple(every[source] for source in request.sources)
