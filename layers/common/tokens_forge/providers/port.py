"""An upstream call as routing sees it: a port, so that a test may stand behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class UpstreamFailure(Exception):
    """The call did not work. `outcome` is a short word for the receipt, such as `refused`, `timeout`, `broke`, `garbage`."""

    def __init__(self, outcome: str, detail: str = "") -> None:
        super().__init__(f"{outcome}: {detail}" if detail else outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One POST to one channel, or a GET when there is no body. `headers` carry the credential; time limits are in seconds."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    connect_s: float = 5.0
    silence_s: float = 60.0


class UpstreamAnswer(Protocol):
    """An answer whose head has arrived and whose body is still to be read."""

    status: int
    headers: dict[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UpstreamFailure."""
        ...

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Raises UpstreamFailure, also when it is longer than `bytes_max`."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class Upstream(Protocol):
    """Calls channels."""

    async def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send the call and wait for the head of its answer. Raises UpstreamFailure."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
