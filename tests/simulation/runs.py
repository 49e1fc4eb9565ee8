"""Runs of the research assistant: a hold for the whole of it, steps like any request, an end by whoever comes first."""

from __future__ import annotations

from tests.properties.product import run_hold_of
from tests.properties.words import Run
from tests.simulation.gateways import Gateway
from tests.simulation.office import Office
from tests.simulation.scheduler import Process
from tests.simulation.world import CURRENCIES, MINUTE_MS, WALLETS, World
from tokens_forge.errors import InvalidKey
from tokens_forge.settlement import HoldRefused
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import WalletKind

STEPS_MAX = 3
ENDED_AFTER_MS_MAX = 20 * MINUTE_MS


class Runs:
    """Plans a run, and those who end it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._office = Office(world)

    def plan(self, at_ms: int) -> None:
        """One process places the hold, goes from step to step and ends the run; another one ends it too, at any time."""
        chance = self.world.chance
        where = chance.one_of(WALLETS)
        name = "l" if chance.happens(0.3) else "o"
        nano = chance.between(100, 700)
        key = self.world.key_of(where, name)
        run = Run(chance.ulid(at_ms), where, CURRENCIES[where[1]], nano, key, key_is_limited=name == "l")

        def begin() -> None:
            self.world.told.runs[run.hold_id] = run
            process = self.world.process("research")
            process.start(lambda: self._go(process, run, name))

        self.world.scheduler.at(at_ms, begin)
        for _ in range(chance.between(1, 2)):
            ends_ms = at_ms + chance.below(ENDED_AFTER_MS_MAX)
            self._office.insisted("research", lambda process: self._end(process, run), ends_ms)

    def end_all(self, process: Process) -> None:
        """Nothing of any run is left to do."""
        for run in self.world.told.runs.values():
            self._end(process, run)

    def _go(self, process: Process, run: Run, name: str) -> None:
        gateway, met = Gateway(self.world, process), self.world.told.met
        try:
            self.world.settlement(process).runs.place(run_hold_of(run), gateway.epoch_of(run.where, name))
            met["run placed"] += 1
            for _ in range(self.world.chance.between(1, STEPS_MAX)):
                gateway.ask(run.where, name, run)
            self._end(process, run)
        except InvalidKey:
            met["key refused"] += 1
        except HoldRefused as refused:
            met[f"run refused {refused.refusal.value}"] += 1
        except StoreFault:
            met["run given up"] += 1

    def _end(self, process: Process, run: Run) -> None:
        if run.hold_id not in self.world.told.runs:
            return  # it has not begun
        wallet = self.world.store.wallets[(run.where[0], WalletKind(run.where[1]))]
        self.world.settlement(process).runs.end(wallet, run.hold_id)
