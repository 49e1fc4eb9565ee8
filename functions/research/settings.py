"""What the deployment tells the research functions, beside what it tells the proxy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResearchSettings:
    """Names. `workflow_arn` is empty for the function that runs steps: it starts nothing."""

    runs_table: str
    bucket: str
    workflow_arn: str
    edgar_user_agent: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ResearchSettings:
        """Raises KeyError that names the missing variable."""
        return cls(
            runs_table=environment["FORGE_RUNS_TABLE"],
            bucket=environment["FORGE_RESEARCH_BUCKET"],
            workflow_arn=environment.get("FORGE_RESEARCH_WORKFLOW_ARN", ""),
            edgar_user_agent=environment.get("FORGE_EDGAR_USER_AGENT") or None,
        )
