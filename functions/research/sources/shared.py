"""What every run of a deployment shares: a limit of requests per second to one vendor, and a cache of small answers."""

from __future__ import annotations

from typing import Protocol

from tokens_forge.clock import Clock


class RateLimit(Protocol):
    """Leave to send one request. Blocks."""

    def wait(self, clock: Clock, wait_ms_max: int) -> bool:
        """Wait for a turn, this long at most; False when there was none."""
        ...


class Cache(Protocol):
    """Answers that may be used again for a while. Blocks. A cache that fails is a miss."""

    def read(self, key: str, now_ms: int) -> bytes | None:
        """What was kept, if it is still good."""
        ...

    def keep(self, key: str, content: bytes, expires_at_ms: int) -> None:
        """Keep it; what is too large for an item is not kept."""
        ...
