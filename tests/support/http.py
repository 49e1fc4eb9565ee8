"""A plain HTTP client for tests: what curl would see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from tests.support import contract
from tokens_forge.receipts import recompute

# Reading the certificates of the world takes a client of plain HTTP 20 ms, each time.
PLAIN: Mapping[str, Any] = {"timeout": 30, "verify": False}


@dataclass(frozen=True)
class Event:
    """One server-sent event; the end mark of OpenAI's older protocols is the string `[DONE]`."""

    name: str | None
    data: Any


@dataclass(frozen=True)
class Api:
    """Calls one deployment with one key."""

    base_url: str
    token: str | None

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return documented(httpx.get(self.base_url + path, headers=self.headers(), params=parameters, **PLAIN))

    def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return documented(httpx.post(self.base_url + path, headers=self.headers(), content=content, **PLAIN))

    def events(self, path: str, body: Any) -> tuple[httpx.Response, list[Event]]:
        """A whole stream in any protocol: names, where events have them, and data; nothing of an answer that is not 200."""
        response = self.post(path, body)
        if response.status_code != 200:
            return response, []
        blocks = [block.split("\n") for block in response.text.split("\n\n")]
        events = []
        for block in blocks:
            lines = [line.partition(": ") for line in block if line and not line.startswith(":")]
            assert all(field in ("event", "data") for field, _, _ in lines), "only names and data"
            fields = {field: value for field, _, value in lines}
            if fields:
                data = fields["data"]
                events.append(Event(fields.get("event"), data if data == "[DONE]" else json.loads(data)))
        return response, events

    def explained(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """The whole receipt behind the summary in an answer that cost something, recomputed."""
        receipt: dict[str, Any] = self.get(f"/receipts/{summary['id']}").json()
        assert recompute(receipt) == receipt["charge"] == summary["charge"] != "0.00"
        return receipt

    def reasons(self) -> list[str]:
        """How every request of the key's wallet ended, oldest first."""
        return [receipt["settlement_reason"] for receipt in self.get("/receipts").json()["data"]][::-1]

    def chat(self, **fields: Any) -> httpx.Response:
        return self.post("/chat/completions", chat_body(**fields))

    def stream(self, **fields: Any) -> tuple[httpx.Response, list[Any]]:
        """The whole stream: each event parsed, the end mark as the string `[DONE]`; nothing of an answer that is not 200."""
        response = self.post("/chat/completions", chat_body(stream=True, **fields))
        if response.status_code != 200:
            return response, []
        lines = [line for line in response.text.split("\n") if line]
        assert all(line.startswith(("data: ", ":")) for line in lines), "only data and comment lines"
        payloads = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return response, [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


def documented(response: httpx.Response) -> httpx.Response:
    """The answer, which is as the OpenAPI document says. Raises Broken."""
    request = response.request
    contract.check(
        request.method,
        request.url.path,
        status=response.status_code,
        headers=response.headers,
        content=response.content,
    )
    return response


def chat_body(**fields: Any) -> dict[str, Any]:
    """A small chat request."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}], **fields}
