"""The scheduled work: sweepers that overlap, and reconciliations in the middle of everything."""

from __future__ import annotations

from tests.simulation.scheduler import Process
from tests.simulation.witness import Violation
from tests.simulation.world import World
from tokens_forge.reconciliation import Reconciled
from tokens_forge.settlement import Closing
from tokens_forge.store.port import StoreFault
from tokens_forge.sweeper import SweepReport

CAME_TOO_LATE = "intent_without_entry"


class Jobs:
    """Runs the scheduled functions, each run in a process of its own."""

    def __init__(self, world: World) -> None:
        self.world = world

    def sweep_at(self, at_ms: int) -> None:
        self.world.scheduler.at(at_ms, lambda: self._start("sweeper", self.sweep))

    def reconcile_at(self, at_ms: int) -> None:
        self.world.scheduler.at(at_ms, lambda: self._start("reconciliation", self.reconcile))

    def sweep(self, process: Process) -> SweepReport:
        """One run of the sweeper."""
        report = self.world.sweeper(process).run(lambda: True)
        for closing, count in report.closings.items():
            self.world.told.met[f"sweeper: {closing.value}"] += count
        if report.closings[Closing.CHANGED_UNDER_US]:
            raise Violation("the sweeper gave up on a request, and its cursor moves on")
        return report

    def reconcile(self, process: Process) -> Reconciled:
        """One run of the reconciliation. All books are right, so it must find nothing at any moment, but what came too late."""
        done = self.world.reconciliation(process).run()
        self.world.told.met["reconciliation: wallet busy"] += done.busy
        self.world.told.met["reconciliation: intent came too late"] += len(done.findings)
        if any(finding.problem != CAME_TOO_LATE for finding in done.findings):
            raise Violation(f"the reconciliation found {done.findings}")
        return done

    def _start(self, name: str, job: object) -> None:
        process = self.world.process(name)

        def run() -> None:
            try:
                self.sweep(process) if name == "sweeper" else self.reconcile(process)
            except StoreFault:
                self.world.told.met[f"{name}: given up"] += 1

        process.start(run)
