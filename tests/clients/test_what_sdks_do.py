"""What official Python clients do by themselves: the facts that retry safety and the headers of errors are built on.

Here they call a scripted provider, without the gateway between. When a new version of a client behaves otherwise, this fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from tests.support.behaviour import Behaviour, Break, error
from tests.support.upstream import Received, Upstream

SOON = {"retry_after_ms": "1"}
HELLO: Any = [{"role": "user", "content": "Say hello."}]
Ask = Callable[..., Any]


def ask_openai(base_url: str, **options: Any) -> Any:
    with openai.OpenAI(base_url=base_url, api_key="any", **options) as client:
        return client.chat.completions.create(model="gpt-test", messages=HELLO)


def ask_anthropic(base_url: str, **options: Any) -> Any:
    with anthropic.Anthropic(base_url=base_url.removesuffix("/v1"), api_key="any", **options) as client:
        return client.messages.create(model="claude-test", messages=HELLO, max_tokens=9)


BOTH = pytest.mark.parametrize("ask", [ask_openai, ask_anthropic], ids=["openai", "anthropic"])


def counts(upstream: Upstream) -> list[str]:
    return [request.headers["x-stainless-retry-count"] for request in upstream.requests]


@BOTH
def test_these_answers_and_a_broken_connection_are_tried_again(ask: Ask, upstream: Upstream) -> None:
    upstream.script(Behaviour(break_at=Break.RESET_AT_ONCE))
    upstream.script(*(error(status, **SOON) for status in (408, 409, 429, 500, 503, 504)))
    assert ask(upstream.base_url, max_retries=9)
    assert len(upstream.requests) == 8


@BOTH
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_these_are_not(ask: Ask, upstream: Upstream, status: int) -> None:
    upstream.script(error(status, **SOON))
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
        ask(upstream.base_url)
    assert len(upstream.requests) == 1


@BOTH
def test_x_should_retry_is_obeyed(ask: Ask, upstream: Upstream) -> None:
    upstream.script(error(400, x_should_retry="true", **SOON), error(500, x_should_retry="false"))
    with pytest.raises((openai.InternalServerError, anthropic.InternalServerError)):
        ask(upstream.base_url, max_retries=9)
    assert len(upstream.requests) == 2


def test_a_wait_of_more_than_two_minutes_is_no_reason_to_come_back(upstream: Upstream) -> None:
    upstream.script(error(429, retry_after="121"))
    with pytest.raises(openai.RateLimitError):
        ask_openai(upstream.base_url)
    assert len(upstream.requests) == 1


@BOTH
def test_a_call_that_times_out_becomes_three_equal_requests_without_a_key(ask: Ask, upstream: Upstream) -> None:
    never = threading.Event()
    upstream.default = Behaviour(gate=never)
    with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
        ask(upstream.base_url, timeout=0.2)
    assert counts(upstream) == ["0", "1", "2"]
    first, *others = (_told_apart(request) for request in upstream.requests)
    assert all(other == first for other in others)
    assert not any("idempotency" in name for request in upstream.requests for name in request.headers)


def _told_apart(request: Received) -> tuple[bytes, dict[str, str]]:
    counted = {"x-stainless-retry-count"}
    return request.body, {name: value for name, value in request.headers.items() if name not in counted}
