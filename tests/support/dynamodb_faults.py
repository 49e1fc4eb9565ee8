"""A DynamoDB client whose next calls go wrong as scripted.

    client = FaultyDynamoDB(engine.client(), [None, Fault.REPLY_LOST, Fault.THROTTLE])

The first call passes, the second is done but its answer is lost, the third is throttled, all later ones pass. It has
the method names of the client it stands in front of and raises the classes of that client, so the code under test
cannot tell the difference.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

_NOWHERE = "http://dynamodb.invalid"


class Crash(BaseException):
    """The process died here. Not an Exception: no handler of the product may survive it."""


class Fault(Enum):
    """What happens to one call. The first five leave the table as it was; in the others the call is carried out."""

    THROTTLE = "refused: too many requests"
    CONFLICT = "refused: another transaction touches the item"
    NO_CONNECTION = "nobody answers, nothing is sent"
    CONNECT_TIMEOUT = "the connection does not come about, nothing is sent"
    CRASH_BEFORE = "the process dies before the call"
    REPLY_LOST = "carried out, but the answer never comes"
    TWICE = "carried out, and once more; the second answer is seen"
    CRASH_AFTER = "carried out, then the process dies"


@dataclass(frozen=True, slots=True)
class Seen:
    """One call that came by."""

    operation: str
    fault: Fault | None


class FaultyDynamoDB:
    """Stands in front of a low-level client. Threads take from the script in their order of arrival."""

    def __init__(self, client: Any, script: Iterable[Fault | None] = ()) -> None:
        self._client = client
        self._script: deque[tuple[str | None, Fault | None]] = deque((None, fault) for fault in script)
        self._lock = threading.Lock()
        self.seen: list[Seen] = []

    def then(self, *faults: Fault | None, on: str | None = None) -> None:
        """Add to the script. With `on` ("transact_write_items") these wait for that operation; other calls pass by."""
        with self._lock:
            self._script.extend((on, fault) for fault in faults)

    @property
    def left(self) -> int:
        """How many entries of the script were not reached: a test asserts 0, or it has not tested what it says."""
        return len(self._script)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        # Anything that is not an API call (`exceptions`, `meta`, `get_paginator`) is the client's own.
        if name not in self._client.meta.method_to_api_mapping:
            return method

        def call(**parameters: Any) -> Any:
            return self._call(name, method, parameters)

        return call

    def _call(self, operation: str, method: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        fault = self._next(operation)
        match fault:
            case None:
                return method(**parameters)
            case Fault.THROTTLE:
                raise self._error("ProvisionedThroughputExceededException", operation)
            case Fault.CONFLICT:
                raise self._conflict(operation, parameters)
            case Fault.NO_CONNECTION:
                raise EndpointConnectionError(endpoint_url=_NOWHERE)
            case Fault.CONNECT_TIMEOUT:
                raise ConnectTimeoutError(endpoint_url=_NOWHERE)
            case Fault.CRASH_BEFORE:
                raise Crash(operation)
            case Fault.TWICE:
                self._carry_out(method, parameters)
                return method(**parameters)
            case Fault.REPLY_LOST:
                self._carry_out(method, parameters)
                raise ReadTimeoutError(endpoint_url=_NOWHERE)
            case Fault.CRASH_AFTER:
                self._carry_out(method, parameters)
                raise Crash(operation)

    def _next(self, operation: str) -> Fault | None:
        with self._lock:
            fault = None
            if self._script and self._script[0][0] in (None, operation):
                fault = self._script.popleft()[1]
            self.seen.append(Seen(operation, fault))
            return fault

    def _carry_out(self, method: Callable[..., Any], parameters: dict[str, Any]) -> None:
        # If DynamoDB refuses it (a condition, say), that answer is lost as well.
        with suppress(self._client.exceptions.ClientError):
            method(**parameters)

    def _conflict(self, operation: str, parameters: dict[str, Any]) -> Exception:
        if operation != "transact_write_items":
            return self._error("TransactionConflictException", operation)
        # Reasons are positional. The last item is the contended one: in a settlement that is the wallet.
        codes = ["None"] * (len(parameters["TransactItems"]) - 1) + ["TransactionConflict"]
        reasons: list[dict[str, str]] = [{"Code": code} for code in codes]
        return self._error(
            "TransactionCanceledException",
            operation,
            message=f"Transaction cancelled, see reasons [{', '.join(codes)}]",
            CancellationReasons=reasons,
        )

    def _error(self, code: str, operation: str, message: str = "injected by a test", **fields: Any) -> Exception:
        kind = self._client.exceptions.from_code(code)
        response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
            **fields,
        }
        error: Exception = kind(response, self._client.meta.method_to_api_mapping[operation])
        return error
