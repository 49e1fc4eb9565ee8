"""What the deployment tells checkout, through environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tokens_forge.checkout.limits import OrderLimits, parse_limits
from tokens_forge.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of tables and secrets. `public_url` is empty when buyers come back to where the order was sent to.

    `sandbox_url` is where the sandbox of payments listens; a deployment in a real account has none.
    """

    tables: Tables
    limits: Mapping[str, OrderLimits]
    secrets_prefix: str
    deployment: str
    public_url: str
    sandbox_url: str | None
    compare_window_s: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError that names the missing variable, ValueError for limits that are none or a sandbox outside `local`."""
        sandbox_url = environment.get("FORGE_PAYMENTS_SANDBOX_URL") or None
        if sandbox_url is not None and environment["FORGE_STAGE"] != "local":
            raise ValueError("the sandbox of payments gives balance for nothing: it exists in the stage `local` only")
        return cls(
            tables=Tables.from_environment(environment),
            limits=parse_limits(environment["FORGE_ORDER_LIMITS"]),
            secrets_prefix=environment["FORGE_PAYMENT_SECRETS_PREFIX"],
            deployment=environment["FORGE_DEPLOYMENT"],
            public_url=environment.get("FORGE_PUBLIC_URL", "").rstrip("/"),
            sandbox_url=sandbox_url,
            compare_window_s=int(environment.get("FORGE_COMPARE_WINDOW_S", str(3 * 24 * 3600))),
        )
