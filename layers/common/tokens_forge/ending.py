"""The end of one request: settled once, whatever happens, and never skipped by a cancellation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from anyio import to_thread

from tokens_forge.intents import Held, Outcome
from tokens_forge.journal import Attempt, Entry, SettlementReason, UsageSource
from tokens_forge.observer import SILENT, Ended, Observer, Step
from tokens_forge.pricing import Usage
from tokens_forge.settlement import AlreadySettled, HoldLost, Settlement
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import run_to_end

log = logging.getLogger("tokens_forge.ending")


class Ending:
    """Holds the one right to settle a request. `entry` is None until then, and stays so when the store does not answer:
    then the sweeper ends the request. What is in `afterwards` is given back then: slots, mostly."""

    def __init__(self, settlement: Settlement, held: Held, observer: Observer = SILENT) -> None:
        self._settlement = settlement
        self._observer = observer
        self._hold_lost = False
        self.held = held
        self.afterwards: list[Callable[[Outcome], Awaitable[None]]] = []
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
        with self._observer.timing(Step.SETTLE):
            self.entry = await run_to_end(lambda: self._settle(outcome))
        self._observer.ended(Ended(self.held, outcome, self.entry, self._hold_lost))
        for give_back in self.afterwards:
            await give_back(outcome)
        return self.entry

    async def checkpoint(self, progress: Outcome) -> None:
        """Keep how far a long stream has got. A store that does not answer costs the stream nothing."""
        try:
            await to_thread.run_sync(self._settlement.checkpoint, self.held, progress)
        except StoreFault:
            log.warning("checkpoint was not kept", extra=self._about())

    async def void(self, reason: SettlementReason, attempts: tuple[Attempt, ...]) -> Entry | None:
        """End without a charge."""
        return await self.settle(Outcome(reason, Usage(), UsageSource.NONE, attempts))

    def _settle(self, outcome: Outcome) -> Entry | None:
        try:
            return self._settlement.settle(self.held, outcome)
        except AlreadySettled as already:
            return self._settle_late(outcome, already.entry)
        except StoreFault:
            log.exception("request was not settled; its outcome is kept for the sweeper", extra=self._about())
            self._keep(outcome)
        except HoldLost:
            self._hold_lost = True
            log.exception("request has neither hold nor entry", extra=self._about())
        return None

    def _settle_late(self, outcome: Outcome, ended: Entry) -> Entry | None:
        """The sweeper was first: it may have voided an answer that has come after all."""
        if ended.wallet_nano or outcome.usage == Usage():
            return ended
        try:
            return self._settlement.settle_late(self.held, outcome, ended)
        except AlreadySettled as already:
            # An earlier try of ours arrived after all, or a retry has taken this request over and bars a late charge.
            return already.entry
        except StoreFault:
            log.exception("late answer was not charged", extra=self._about())
            return ended

    def _keep(self, outcome: Outcome) -> None:
        try:
            self._settlement.keep_outcome(self.held, outcome)
        except StoreFault:
            log.exception("outcome was not kept; the sweeper will void the request", extra=self._about())

    def _about(self) -> dict[str, str]:
        return {"receipt_id": self.request_id}
