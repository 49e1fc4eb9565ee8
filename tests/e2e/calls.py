"""A small call by OpenAI's public client, as several tests make it."""

from __future__ import annotations

from typing import Any

from openai import OpenAI

from tests.support.http import Api

MODEL = "gpt-4o-mini"
HELLO: Any = [{"role": "user", "content": "Say hello."}]
KEYS = {"official": "FORGE_OFFICIAL_KEY", "routed": "FORGE_ROUTED_KEY"}


def plain_by_openai(api: Api) -> dict[str, Any]:
    """The receipt in a whole answer."""
    with OpenAI(base_url=api.base_url, api_key=api.token) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)
    summary: dict[str, Any] = answer.forge_receipt
    return summary
