"""How long a request may take: what the deployment allows, and never longer than the function that runs it."""

from __future__ import annotations

import json

from starlette.types import Scope

from tokens_forge.clock import Clock

SETTLE_MS = 10_000  # kept back from the function's time, so that settling always gets its turn
_CONTEXT_HEADER = b"x-amzn-lambda-context"


class Deadlines:
    """Gives each request its deadline. `in_lambda` says that a context header comes from the Web Adapter, not from a client."""

    def __init__(self, clock: Clock, time_limit_s: float, *, in_lambda: bool) -> None:
        self._clock = clock
        self._time_limit_ms = int(time_limit_s * 1000)
        self._in_lambda = in_lambda

    def of(self, scope: Scope) -> int:
        """When the request must have ended, in ms since 1970."""
        now_ms = self._clock.now_ms()
        limit_ms = now_ms + self._time_limit_ms
        if not self._in_lambda:
            return limit_ms
        function_ms = _adapter_deadline_ms(scope) or _mangum_deadline_ms(scope, now_ms)
        return min(limit_ms, function_ms - SETTLE_MS) if function_ms is not None else limit_ms


def _adapter_deadline_ms(scope: Scope) -> int | None:
    """From the Lambda Web Adapter's header: the invocation's `deadline` in ms since 1970."""
    for name, value in scope["headers"]:
        if name == _CONTEXT_HEADER:
            try:
                deadline_ms = json.loads(value)["deadline"]
            except (ValueError, KeyError, TypeError):
                return None
            return deadline_ms if type(deadline_ms) is int else None
    return None


def _mangum_deadline_ms(scope: Scope, now_ms: int) -> int | None:
    """From the context object that Mangum passes on."""
    context = scope.get("aws.context")
    return now_ms + context.get_remaining_time_in_millis() if context is not None else None
