"""What every run of a deployment shares: a limit of requests per second to one vendor, and a cache of small answers."""

from __future__ import annotations

import logging
import zlib
from typing import Any, Protocol

from tokens_forge.clock import Clock
from tokens_forge.store.codec import number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.port import StoreFault

COUNTER_KEPT_S = 60
CACHED_BYTES_MAX = 300_000
UNPACKED_BYTES_MAX = 4_000_000

log = logging.getLogger("tokens_forge.research.shared")


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


class DynamoRateLimit:
    """Implements `RateLimit` with one counter for each second in the state table.

    A second takes half of what the vendor allows: a second of the vendor's touches two of ours, so that it never sees more than
    it allows. When the table does not answer there is no leave: the vendor's limit counts for more than one run.
    """

    def __init__(self, client: Any, table: str, vendor: str, *, vendor_requests_per_s: int) -> None:
        self._client = client
        self._table = table
        self._vendor = vendor
        self._requests_per_s = vendor_requests_per_s // 2

    def wait(self, clock: Clock, wait_ms_max: int) -> bool:
        """Wait for a second that has room."""
        until_ms = clock.now_ms() + wait_ms_max
        while True:
            now_ms = clock.now_ms()
            if self._take(now_ms // 1000):
                return True
            rest_ms = 1000 - now_ms % 1000
            if now_ms + rest_ms > until_ms:
                return False
            clock.sleep_ms(rest_ms)

    def _take(self, second: int) -> bool:
        try:
            with faults():
                self._client.update_item(
                    TableName=self._table,
                    Key={"scope": text(f"vendor_limit#{self._vendor}"), "item": text(str(second))},
                    UpdateExpression="ADD requests :one SET expires_at = :expires",
                    ConditionExpression="attribute_not_exists(requests) OR requests < :most",
                    ExpressionAttributeValues={
                        ":one": number(1),
                        ":most": number(self._requests_per_s),
                        ":expires": number(second + COUNTER_KEPT_S),
                    },
                )
        except ConditionFailed:
            return False
        except StoreFault:
            log.warning("the shared limit could not be counted", exc_info=True)
            return False
        return True


class DynamoCache:
    """Implements `Cache` in the state table, compressed."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, key: str, now_ms: int) -> bytes | None:
        """What was kept, if it is still good: the table deletes late, so that the time is looked at here."""
        try:
            with faults():
                answer = self._client.get_item(TableName=self._table, Key=_key(key))
        except StoreFault:
            log.warning("the cache could not be read", exc_info=True)
            return None
        item = answer.get("Item")
        if item is None or int(item["expires_at"]["N"]) * 1000 <= now_ms:
            return None
        return zlib.decompressobj().decompress(item["content"]["B"], UNPACKED_BYTES_MAX)

    def keep(self, key: str, content: bytes, expires_at_ms: int) -> None:
        """Keep it; what is too large for an item is not kept."""
        packed = zlib.compress(content)
        if len(packed) > CACHED_BYTES_MAX or len(content) > UNPACKED_BYTES_MAX:
            return
        item = {**_key(key), "content": {"B": packed}, "expires_at": number(expires_at_ms // 1000)}
        try:
            with faults():
                self._client.put_item(TableName=self._table, Item=item)
        except StoreFault:
            log.warning("the cache could not be written", exc_info=True)


def _key(key: str) -> dict[str, Any]:
    return {"scope": text("vendor_cache"), "item": text(key)}
