"""Pool members' state in DynamoDB."""

from __future__ import annotations

from typing import Any


class DynamoPoolStore:
    """Implements `pools.PoolStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
