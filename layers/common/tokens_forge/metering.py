"""Metering: from what came back to what may be charged. The written rules are in docs/receipts.md.

What the provider reported counts, when it can be true. Without a usable report, a finished or broken answer is estimated from the
bytes of prompt and output. An answer without any output costs nothing.
"""

from __future__ import annotations

from tokens_forge.intents import Outcome
from tokens_forge.journal import FREE_OF_CHARGE, Attempt, SettlementReason, UsageSource
from tokens_forge.pricing import Usage
from tokens_forge.quotes import estimated_tokens


def judge(
    ending: SettlementReason,
    *,
    reported: Usage | None,
    output_bytes: int,
    prompt_bytes: int,
    attempts: tuple[Attempt, ...],
) -> Outcome:
    """How a request that ended this way is settled.

    `reported` is the provider's usage, None when it is missing or cannot be true; `output_bytes` counts what the client may have
    received, `prompt_bytes` what was sent.
    """
    if ending in FREE_OF_CHARGE:
        return Outcome(ending, Usage(), UsageSource.NONE, attempts)
    if output_bytes == 0 and (reported is None or reported.output == 0):
        return Outcome(SettlementReason.NO_OUTPUT, Usage(), UsageSource.NONE, attempts)
    if reported is not None:
        return Outcome(ending, reported, UsageSource.PROVIDER, attempts)
    estimate = Usage(input=estimated_tokens(prompt_bytes), output=estimated_tokens(output_bytes))
    return Outcome(ending, estimate, UsageSource.ESTIMATED, attempts)
