"""One run: a seed in, a result out. Everything that happens follows from the seed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.simulation.checks import check_everything, notes_for_the_sweeper
from tests.simulation.gateways import Gateway
from tests.simulation.jobs import Jobs
from tests.simulation.office import Office
from tests.simulation.runs import Runs
from tests.simulation.world import MINUTE_MS, SKEW_MS_MAX, START_MS, SWEEP_AFTER_S, WALLETS, Parts, World

DRAINS_MAX = 40
RUNS_SHARE = 0.25  # of seeds have a research run


@dataclass(frozen=True)
class Result:
    """What one seed gave."""

    seed: int
    steps: int
    faults: Counter[str]
    met: Counter[str]


def simulate(seed: int, parts: Parts | None = None, trace: Callable[[str], None] | None = None) -> Result:
    """Run one seed to its end. Raises AssertionError when a promise was broken."""
    with _quiet():
        world = World(seed, parts or Parts(), trace)
        _plan(world)
        world.scheduler.run()
        notes = notes_for_the_sweeper(world)
        _drain(world)
        check_everything(world, notes)
    faults = Counter({fault.name: count for fault, count in world.weather.counts.items()})
    world.told.met["process stalled"] += world.weather.stalls
    return Result(seed, world.scheduler.steps, faults, world.told.met)


def _plan(world: World) -> None:
    """Who comes when. Some runs are crowded into a minute, some are spread over many."""
    chance = world.chance
    span_ms = MINUTE_MS * chance.one_of((1, 6, 12))

    def moment() -> int:
        return START_MS + chance.below(span_ms)

    office, jobs = Office(world), Jobs(world)
    office.open_for_business()
    gateways = [_Front(world) for _ in range(chance.between(2, 3))]
    for _ in range(chance.between(6, 14)):
        world.scheduler.at(moment(), chance.one_of(gateways).a_client_comes)
    for plan, most in ((office.reverse, 3), (office.revoke, 1), (office.limit, 1)):
        for _ in range(chance.between(0, most)):
            plan(moment())
    for _ in range(chance.between(0, 5)):
        office.adjust(moment() + chance.below(12 * MINUTE_MS))
    for _ in range(chance.between(0, 2)):
        office.top_up(chance.one_of(WALLETS), moment())
    if chance.happens(0.15):
        office.freeze(moment())
    for _ in range(chance.between(2, 6)):
        at_ms = moment() + chance.below(10 * MINUTE_MS)
        jobs.sweep_at(at_ms)
        if chance.happens(0.7):
            jobs.sweep_at(at_ms + chance.below(2_000))
    for _ in range(chance.between(0, 3)):
        jobs.reconcile_at(moment() + chance.below(10 * MINUTE_MS))
    if chance.happens(RUNS_SHARE):
        Runs(world).plan(moment())


class _Front:
    """Where clients of one gateway arrive: when its process has died, the next one is started."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._gateway = self._started()

    def a_client_comes(self) -> None:
        if not self._gateway.process.alive:
            self._gateway = self._started()
        self._gateway.process.start(self._gateway.serve)

    def _started(self) -> Gateway:
        return Gateway(self._world, self._world.process("gateway"))


def _drain(world: World) -> None:
    """Everybody is dead or done. The sweeper and the reconciliation run until nothing changes, while late messages arrive."""
    jobs, runs = Jobs(world), Runs(world)
    world.scheduler.now_ms += SWEEP_AFTER_S * 1000 + 2 * SKEW_MS_MAX + 2 * MINUTE_MS  # past the sweep age by any clock
    world.weather.clear_up()
    for _ in range(DRAINS_MAX):
        before = (dict(world.store.wallets), len(world.store.journal))
        pending = len(world.weather.calls.delayed)
        world.scheduler.now_ms += MINUTE_MS
        world.act(runs.end_all, "research")
        world.act(jobs.sweep, "sweeper")
        if world.weather.calls.delayed and world.chance.happens(0.7):
            world.weather.one_arrives()
        findings = world.act(jobs.reconcile, "reconciliation").findings
        if world.weather.calls.delayed:
            world.weather.one_arrives()
        elif not pending and before == (world.store.wallets, len(world.store.journal)):
            assert findings == [], "nothing is on its way any more"
            return
    raise AssertionError("the sweeper and the reconciliation do not come to an end")


@contextmanager
def _quiet() -> Iterator[None]:
    """The product logs each fault that it survives; here there are thousands."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
