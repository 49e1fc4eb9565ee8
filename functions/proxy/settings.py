"""What the deployment tells the proxy, through environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tokens_forge.attempts import TimeLimits
from tokens_forge.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of tables; limits in seconds. `in_lambda` is false under `make run` and in tests."""

    tables: Tables
    attempts: TimeLimits
    time_limit_s: float
    answers_bucket: str
    is_local: bool
    in_lambda: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError that names the missing variable."""
        return cls(
            tables=Tables.from_environment(environment),
            attempts=TimeLimits(
                connect_s=float(environment.get("FORGE_UPSTREAM_CONNECT_S", "5")),
                first_byte_s=float(environment.get("FORGE_UPSTREAM_FIRST_BYTE_S", "30")),
                whole_s=float(environment.get("FORGE_UPSTREAM_WHOLE_S", "300")),
                silence_s=float(environment.get("FORGE_UPSTREAM_SILENCE_S", "60")),
            ),
            time_limit_s=float(environment.get("FORGE_TIME_LIMIT_S", "840")),
            answers_bucket=environment["FORGE_ANSWERS_BUCKET"],
            is_local=environment.get("FORGE_STAGE", "local") == "local",
            in_lambda="AWS_LAMBDA_FUNCTION_NAME" in environment,
        )
