"""The end of one request: settled once, whatever happens, and never skipped by a cancellation."""

from __future__ import annotations

import logging

from tokens_forge.intents import Held, Outcome
from tokens_forge.journal import Attempt, Entry, SettlementReason, UsageSource
from tokens_forge.pricing import Usage
from tokens_forge.settlement import AlreadySettled, HoldLost, Settlement
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import run_to_end

log = logging.getLogger("tokens_forge.ending")


class Ending:
    """Holds the one right to settle a request. `entry` is None until then, and stays so when the store does not answer:
    then the sweeper ends the request."""

    def __init__(self, settlement: Settlement, held: Held) -> None:
        self._settlement = settlement
        self.held = held
        self.settled = False
        self.entry: Entry | None = None

    @property
    def request_id(self) -> str:
        """The request, and so its receipt."""
        return self.held.intent.request_id

    async def settle(self, outcome: Outcome) -> Entry | None:
        """Write the entry. Only the first call counts; a cancellation waits until it is done."""
        if self.settled:
            return self.entry
        self.settled = True
        self.entry = await run_to_end(lambda: self._settle(outcome))
        return self.entry

    async def void(self, reason: SettlementReason, attempts: tuple[Attempt, ...]) -> Entry | None:
        """End without a charge."""
        return await self.settle(Outcome(reason, Usage(), UsageSource.NONE, attempts))

    def _settle(self, outcome: Outcome) -> Entry | None:
        try:
            return self._settlement.settle(self.held, outcome)
        except AlreadySettled as already:
            return already.entry
        except (StoreFault, HoldLost):
            log.exception("request was not settled; the sweeper will end it", extra={"request_id": self.request_id})
            return None
