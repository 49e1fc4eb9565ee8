"""Whatever a compatible provider makes of a stream, a client reads one that keeps to OpenAI's rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from openai import OpenAI

from tests.support.behaviour import Behaviour
from tests.support.deployment import MODEL
from tests.support.http import Api
from tests.support.upstream import Upstream


def choice(index: int, text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": {} if text is None else {"content": text}, "finish_reason": finish}


def untidy(chunks: Iterable[list[dict[str, Any]]]) -> Behaviour:
    """A stream with lines that official clients cannot read, no role, and another id, time and model in each chunk."""
    body = "event: open\nid: 0\nretry: 10\n: a comment\n\n"
    for number, choices in enumerate(chunks):
        chunk = {"id": f"id-{number}", "created": number + 1, "model": f"m-{number}", "choices": choices, "usage": None}
        body += f"event: chunk\nid: {number}\ndata: {json.dumps(chunk)}\n\n"
    return Behaviour(body=(body + "data: [DONE]\n\n").encode(), content_type="text/event-stream")


TWO_ANSWERS = [
    [choice(0, "one ")],
    [choice(1, "uno ")],
    [choice(1, "due"), choice(0, "two")],
    [choice(0, None, "stop")],
    [choice(1, None, "stop")],
]


def test_an_untidy_stream_is_made_tidy(api: Api, upstream: Upstream) -> None:
    upstream.script(untidy(TWO_ANSWERS))
    response, events = api.stream(n=2)
    lines = [line for line in response.text.split("\n") if line]
    assert all(line.startswith("data: ") for line in lines) and events[-1] == "[DONE]"
    chunks = events[:-1]
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks} == {("id-0", 1, MODEL)}
    for index in (0, 1):
        mine = [one for chunk in chunks for one in chunk["choices"] if one["index"] == index]
        assert [one["delta"].get("role") for one in mine] == ["assistant", None, None]
        assert [one["finish_reason"] for one in mine] == [None, None, "stop"]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


def test_the_streaming_helper_puts_both_answers_together(api: Api, upstream: Upstream) -> None:
    upstream.script(untidy(TWO_ANSWERS))
    with (
        OpenAI(base_url=api.base_url, api_key=api.token) as client,
        client.chat.completions.stream(
            model=MODEL,
            messages=[{"role": "user", "content": "x"}],
            n=2,
            stream_options={"include_usage": True},
        ) as stream,
    ):
        final: Any = stream.get_final_completion()
    assert [one.message.content for one in final.choices] == ["one two", "uno due"]
    assert [one.message.role for one in final.choices] == ["assistant"] * 2
    assert final.usage.completion_tokens > 0, "estimated: the provider reported nothing"


def test_a_choice_without_its_finish_reason_is_no_complete_answer(api: Api, upstream: Upstream) -> None:
    upstream.script(untidy(TWO_ANSWERS[:-1]))
    _, events = api.stream(n=2)
    assert events[-1]["error"]["code"] == "stream_broken" and "[DONE]" not in events
    assert api.reasons() == ["upstream_broke"]
