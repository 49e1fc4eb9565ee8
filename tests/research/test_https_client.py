"""The one HTTP client of the data sources: fixed hosts, https, no redirect, a size and a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from functions.research.sources.http import Host, HttpsClient, VendorDown

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, *, whole_s: float = 5.0) -> HttpsClient:
    return HttpsClient(httpx.MockTransport(handler), whole_s=whole_s)


def test_a_request_goes_to_a_fixed_host_over_https() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"fine": True})

    reply = client(answer).get(Host.FRED, "/fred/series", {"api_key": "a b&c"}, {"user-agent": "me"}, bytes_max=100)
    assert (reply.status, reply.body) == (200, b'{"fine":true}')
    assert str(asked[0].url) == "https://api.stlouisfed.org/fred/series?api_key=a+b%26c"
    assert asked[0].headers["user-agent"] == "me"


def test_another_host_is_not_asked() -> None:
    with pytest.raises(ValueError):
        client(lambda _: httpx.Response(200)).get("169.254.169.254", "/", bytes_max=10)  # type: ignore[arg-type]


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": "http://169.254.169.254/latest"})

    assert client(answer).get(Host.NASDAQ, "/feed", bytes_max=10).status == 302
    assert asked == ["www.nasdaq.com"]


def test_an_answer_that_is_too_large_is_cut_off_whatever_it_unpacks_to() -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    headers = {"content-encoding": "gzip"}
    with pytest.raises(VendorDown, match="more than 1000 bytes"):
        client(lambda _: httpx.Response(200, headers=headers, content=packed)).get(Host.FRED, "/", bytes_max=1000)


def test_an_answer_that_trickles_is_cut_off() -> None:
    class Trickle(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b" " * 65_536

    with pytest.raises(VendorDown, match="took longer than"):
        client(lambda _: httpx.Response(200, stream=Trickle()), whole_s=0.05).get(Host.FRED, "/", bytes_max=10**12)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("theuserskey"), httpx.ReadTimeout("theuserskey"), httpx.ReadError("")]
)
def test_what_went_wrong_is_said_without_the_address(error: httpx.HTTPError) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(VendorDown) as down:
        client(fail).get(Host.FRED, "/", {"api_key": "theuserskey"}, bytes_max=10)
    assert "theuserskey" not in repr(down.value)
    assert down.value.__cause__ is None and down.value.__suppress_context__


def test_only_one_module_imports_the_http_client() -> None:
    modules = Path("functions/research").rglob("*.py")
    assert [path.name for path in modules if "httpx" in path.read_text()] == ["http.py"]
