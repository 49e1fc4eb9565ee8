"""DynamoDB's answers as bytes: the real client asks, nothing is sent, and the next scripted answer comes back.

For what no engine here does by itself: conflicts, throttling, broken and missing answers. Errors are parsed by botocore, so the
adapter meets the classes and fields that it meets in production.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.support.engines import build_client, shared_session
from tokens_forge.store.dynamodb import DynamoLedgerStore, LedgerTables

TABLES = LedgerTables("wallets", "journal", "requests")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a status and a body."""

    status: int
    body: bytes


Script = Reply | Exception


def ok(**fields: Any) -> Reply:
    """An operation that was carried out."""
    return Reply(200, json.dumps(fields).encode())


def error(code: str, status: int = 400, **fields: Any) -> Reply:
    """An operation that was refused, in DynamoDB's own shape."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return Reply(status, json.dumps({"__type": kind, "message": f"{code} it is", **fields}).encode())


def cancelled(*reasons: dict[str, Any]) -> Reply:
    """A transaction that was cancelled, with one reason for each of its items."""
    return error("TransactionCanceledException", CancellationReasons=list(reasons))


class ScriptedDynamoDB:
    """The adapter in front of a script. `asked` are the operations that it sent, with their parameters."""

    def __init__(self, *script: Script) -> None:
        self._script = list(script)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        client = build_client(shared_session(), "http://dynamodb.invalid")
        client.meta.events.register("before-send.dynamodb", self._answer)
        self.client = client
        self.store = DynamoLedgerStore(client, TABLES)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        target: bytes | str = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else target
        self.asked.append((name.partition(".")[2], json.loads(request.body)))
        reply = self._script.pop(0)
        if isinstance(reply, Exception):
            raise reply
        headers = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, reply.status, headers, _Raw(reply.body))

    @property
    def left(self) -> int:
        """How many answers nobody asked for."""
        return len(self._script)


class _Raw:
    """The part of an HTTP response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> list[bytes]:
        return [self._body]
