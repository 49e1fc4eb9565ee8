"""Counts what a piece of code does to DynamoDB: calls, serial round trips, write units.

    with record(client, observer=engine.client()) as calls:
        settlement.hold(...)
    assert calls.write_units == 1 and calls.round_trips == 1

The recorder hangs on the event system of one client and sees exactly what passes it. Sizes are not guessed: around
each write the item is read, consistently, through the observer, a second client that is not recorded. So count with
one caller at a time; what a second caller does to the same item in between would be booked on the first.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.item_size import Item, write_units

_SINGLE_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_UNCOUNTED_WRITES = frozenset({"BatchWriteItem", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})


@dataclass(slots=True)
class Call:
    """One API call. `code` is empty on success, else the error code or the name of botocore's exception."""

    operation: str
    parameters: Mapping[str, Any]
    started_s: float
    ended_s: float = float("inf")
    code: str = ""
    attempts: int = 1
    write_units: int = 0
    _targets: list[tuple[str, Item, Item | None]] = field(default_factory=list, repr=False)

    @property
    def tables(self) -> list[str]:
        """The tables it names, in its own order."""
        return [name for name, _ in _writes(self.operation, self.parameters)] or [self.parameters.get("TableName", "")]


@dataclass(slots=True)
class Calls:
    """What was recorded, in the order of starting."""

    all: list[Call] = field(default_factory=list)

    @property
    def write_units(self) -> int:
        """Failed conditions included: DynamoDB charges them (Developer Guide, "Conditional writes")."""
        return sum(call.write_units for call in self.all)

    @property
    def round_trips(self) -> int:
        """The longest chain of calls each of which began after the one before had ended. Parallel calls count once."""
        trips, free_at = 0, float("-inf")
        for call in sorted(self.all, key=lambda call: call.ended_s):
            if call.started_s >= free_at:
                trips, free_at = trips + call.attempts, call.ended_s
        return trips

    @property
    def operations(self) -> list[str]:
        """Operation names, with the error code after a slash where there was one."""
        return [f"{call.operation}/{call.code}" if call.code else call.operation for call in self.all]


@contextmanager
def record(client: Any, *, observer: Any) -> Iterator[Calls]:
    """Record every call of `client` inside the block. `observer` is another client of the same engine."""
    if client is observer:
        raise ValueError("the observer must be a client of its own: its reads would be recorded")
    recorder = _Recorder(observer)
    hooks = {
        "before-parameter-build.dynamodb": recorder.before,
        "after-call.dynamodb": recorder.after,
        "after-call-error.dynamodb": recorder.broke,
    }
    for event, hook in hooks.items():
        client.meta.events.register(event, hook)
    try:
        yield recorder.calls
    finally:
        for event, hook in hooks.items():
            client.meta.events.unregister(event, hook)


class _Recorder:
    def __init__(self, observer: Any) -> None:
        self.calls = Calls()
        self._observer = observer
        self._keys: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def before(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if model.name in _UNCOUNTED_WRITES:
            raise NotImplementedError(f"write units of {model.name} are not counted here")
        targets = [(table, self._key(table, attributes)) for table, attributes in _writes(model.name, params)]
        seen = [(table, key, self._read(table, key)) for table, key in targets]
        call = Call(model.name, copy.deepcopy(dict(params)), time.monotonic(), _targets=seen)
        context["forge_call"] = call
        with self._lock:
            self.calls.all.append(call)

    def after(self, parsed: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        call: Call | None = context.pop("forge_call", None)
        if call is None:
            return  # it began before the recording
        call.ended_s = time.monotonic()
        call.code = str(parsed.get("Error", {}).get("Code", ""))
        call.attempts = 1 + int(parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        self._charge(call)

    def broke(self, exception: Exception, context: dict[str, Any], **_: Any) -> None:
        call: Call | None = context.pop("forge_call", None)
        if call is not None:
            call.ended_s = time.monotonic()
            call.code = type(exception).__name__
            self._charge(call)

    def _charge(self, call: Call) -> None:
        # A refused or throttled request costs nothing; a failed condition costs what the item in the way weighs.
        free = call.code not in ("", "ConditionalCheckFailedException", "TransactionCanceledException")
        if free:
            return
        transactional = call.operation == "TransactWriteItems"
        for table, key, before in call._targets:
            after = before if call.code else self._read(table, key)
            call.write_units += write_units(before, after, transactional=transactional)

    def _read(self, table: str, key: Item) -> Item | None:
        answer = self._observer.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def _key(self, table: str, attributes: Item) -> Item:
        if table not in self._keys:
            description = self._observer.describe_table(TableName=table)["Table"]
            if description.get("GlobalSecondaryIndexes") or description.get("LocalSecondaryIndexes"):
                raise NotImplementedError(f"{table} has indexes, whose write units are not counted here")
            self._keys[table] = [part["AttributeName"] for part in description["KeySchema"]]
        return {name: attributes[name] for name in self._keys[table]}


def _writes(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, Item]]:
    """Table and attributes (the key at least) of every item that the call writes or checks in a write transaction."""
    if operation in _SINGLE_WRITES:
        return [(parameters["TableName"], parameters.get("Item") or parameters["Key"])]
    if operation == "TransactWriteItems":
        parts = [next(iter(item.values())) for item in parameters["TransactItems"]]
        return [(part["TableName"], part.get("Item") or part["Key"]) for part in parts]
    return []
