"""What the deployment tells the proxy, through environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tokens_forge.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of tables; limits in seconds."""

    tables: Tables
    connect_s: float
    silence_s: float
    time_limit_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError that names the missing variable."""
        return cls(
            tables=Tables.from_environment(environment),
            connect_s=float(environment.get("FORGE_UPSTREAM_CONNECT_S", "5")),
            silence_s=float(environment.get("FORGE_UPSTREAM_SILENCE_S", "60")),
            time_limit_s=float(environment.get("FORGE_TIME_LIMIT_S", "840")),
        )
