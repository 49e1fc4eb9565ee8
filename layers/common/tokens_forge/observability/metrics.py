"""Metrics in CloudWatch's embedded format: members of a log line, and a head that says which of them are metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Each combination of a name and its dimensions is paid for by the month, so the only dimensions are the service and the wallet.
Accounts, keys, models and channels are plain members: a query finds them, and they cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Unit(StrEnum):
    """CloudWatch's names."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    NONE = "None"


@dataclass(slots=True)
class Metrics:
    """The metrics of one line. Those of a wallet have the wallet as a second dimension."""

    wallet: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    _of_service: list[dict[str, str]] = field(default_factory=list)
    _of_wallet: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, value: float, unit: Unit = Unit.COUNT) -> None:
        """A metric of the service."""
        self.values[name] = value
        self._of_service.append({"Name": name, "Unit": unit})

    def add_of_wallet(self, name: str, value: float, unit: Unit = Unit.COUNT) -> None:
        """A metric of the service and the wallet, which must be known."""
        assert self.wallet is not None
        self.values[name] = value
        self._of_wallet.append({"Name": name, "Unit": unit})

    def members(self, namespace: str, service: str, now_ms: int) -> Mapping[str, Any]:
        """What they add to a log line."""
        groups = [(["service"], self._of_service), (["service", "wallet"], self._of_wallet)]
        directives = [
            {"Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics}
            for dimensions, metrics in groups
            if metrics
        ]
        known = {"service": service} if self.wallet is None else {"service": service, "wallet": self.wallet}
        return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": directives}, **known, **self.values}
