"""Metering: from what came back to what may be charged. The written rules are in docs/receipts.md.

What the provider reported counts, when it can be true. Without a usable report, a finished or broken answer is estimated from the
bytes of prompt and output. An answer without any output costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tokens_forge.intents import Outcome
from tokens_forge.journal import FREE_OF_CHARGE, Attempt, SettlementReason, UsageSource
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.quotes import estimated_tokens


def _costs_nothing(used: Usage) -> Money | None:
    return None


def judge(
    ending: SettlementReason,
    *,
    reported: Usage | None,
    output_bytes: int,
    prompt_bytes: int,
    attempts: tuple[Attempt, ...],
    makes_output: bool = True,
    cost_of: Callable[[Usage], Money | None] = _costs_nothing,
) -> Outcome:
    """How a request that ended this way is settled.

    `reported` is the provider's usage, None when it is missing or cannot be true; `output_bytes` counts what the client may have
    received, `prompt_bytes` what was sent. The last attempt is the one that served: what it cost us by `cost_of` is booked on it,
    whatever the customer is charged.
    """
    generated = estimated_tokens(output_bytes) if makes_output else 0
    used = reported or Usage(input=estimated_tokens(prompt_bytes), output=generated)
    if reported is not None or output_bytes > 0:
        attempts = (*attempts[:-1], *(replace(served, cost=cost_of(used)) for served in attempts[-1:]))
    if ending in FREE_OF_CHARGE:
        return Outcome(ending, Usage(), UsageSource.NONE, attempts)
    if output_bytes == 0 and used.output == 0:
        return Outcome(SettlementReason.NO_OUTPUT, Usage(), UsageSource.NONE, attempts)
    return Outcome(ending, used, UsageSource.PROVIDER if reported is not None else UsageSource.ESTIMATED, attempts)
