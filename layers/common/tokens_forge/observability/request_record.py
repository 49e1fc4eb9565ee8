"""What is known of one HTTP request while it runs: filled by whoever learns something, written once, at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tokens_forge.errors import ForgeError
from tokens_forge.observer import Ended, Step

# A context variable, because requests run side by side in one process: each task sees its own record.
_current: ContextVar[RequestRecord | None] = ContextVar("request_record", default=None)


@dataclass(slots=True)
class RequestRecord:
    """One request. `gateway_request_id` is API Gateway's own, under which its access log has the request."""

    request_id: str
    method: str
    gateway_request_id: str | None = None
    began_s: float = field(default_factory=time.perf_counter)
    first_byte_s: float | None = None
    path: str | None = None
    status: int | None = None
    error: ForgeError | None = None
    account_id: str | None = None
    key_id: str | None = None
    wallet: str | None = None
    model: str | None = None
    endpoint: str | None = None
    stream: bool = False
    took_s: dict[Step, float] = field(default_factory=dict)
    ended: Ended | None = None
    is_written: bool = False

    def ids(self) -> dict[str, str]:
        """What every line of this request says."""
        known = {
            "request_id": self.request_id,
            "account_id": self.account_id,
            "key_id": self.key_id,
            "wallet": self.wallet,
        }
        return {name: value for name, value in known.items() if value is not None}


def current_record() -> RequestRecord | None:
    """The request that this task serves, if it serves one."""
    return _current.get()


@contextmanager
def recording(record: RequestRecord) -> Iterator[None]:
    """Whatever runs inside belongs to this request, tasks that it starts included."""
    token = _current.set(record)
    try:
        yield
    finally:
        _current.reset(token)


def failed(error: ForgeError) -> None:
    """The request that this task serves is answered with this error."""
    record = _current.get()
    if record is not None:
        record.error = error
