"""Goes through every single twist and every pair of twists of an operation and of the drain that follows it.

A run is a row of stages: the operation, perhaps asked again, then sweepers, reconciliations and deliveries. Two runs whose world is
the same after a stage go on in the same way, so each different world is gone on from once: nothing is left out by that. `paths`
count the runs that a world stands for, by the number of twists in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.faults.invariants import check_at_rest, check_cancelled, check_stage, fingerprint
from tests.faults.operation import Operation
from tests.faults.twists import OF_MESSAGES, Point, Script, Twist, one_more
from tests.faults.world import BooksBroken, Moment, World
from tests.support.dynamodb_faults import Crash
from tokens_forge.store.port import StoreFault


@dataclass(frozen=True, slots=True)
class Stage:
    """One process, or deliveries in one order or another; without `twisted` nothing goes wrong in it."""

    name: str
    ways: tuple[Callable[[World], object], ...]  # beside the first only when several messages are under way
    twisted: bool = True
    cancellable: bool = False
    other: bool = False


@dataclass(slots=True)
class Reached:
    """A world at the end of a stage: how it can be reached, and by how many runs with 0, 1 and 2 twists.

    `healed` means: also by a run with no twist, or with one that only concerned a message. Asking again must have made up for it.
    """

    moment: Moment
    trail: tuple[str, ...]
    paths: list[int] = field(default_factory=lambda: [0, 0, 0])
    healed: bool = False


@dataclass(slots=True)
class Explored:
    """`points` are the calls of the run in which nothing goes wrong, `runs` what was really carried out."""

    operations: int = 0
    points: int = 0
    singles: int = 0
    pairs: int = 0
    runs: int = 0
    worlds: int = 0

    def add(self, other: Explored) -> None:
        for name in ("operations", "points", "singles", "pairs", "runs", "worlds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def __str__(self) -> str:
        return (
            f"{self.operations} operations, {self.points} call points, {self.singles} single faults, {self.pairs} pairs"
            f" ({self.runs} runs, {self.worlds} different ends)"
        )


def explore(operation: Operation, make_world: Callable[[], World] = World, *, twists_max: int) -> Explored:
    """Raises BooksBroken at the first run that breaks an invariant."""
    world = make_world()
    try:
        world.other = operation.other
        operation.prepare(world)
        return _Exploration(operation, world, twists_max).run()
    finally:
        world.close()


class _Exploration:
    def __init__(self, operation: Operation, world: World, twists_max: int) -> None:
        self._operation = operation
        self._world = world
        self._twists_max = twists_max
        self._done = Explored(operations=1)

    def run(self) -> Explored:
        start = Reached(self._world.now(), (), [1, 0, 0], healed=True)
        reached = [start]
        for stage in _stages(self._operation):
            ends: dict[str, Reached] = {}
            for state in reached:
                self._leave(state, stage, ends)
            reached = list(ends.values())
        for state in reached:
            self._world.back_to(state.moment)
            try:
                check_at_rest(self._world, start.moment)
                self._operation.check(self._world)
                if state.healed:
                    self._operation.check_undisturbed(self._world)
            except AssertionError as broken:
                raise self._broken(state.trail, broken) from broken
            self._done.singles += state.paths[1]
            self._done.pairs += state.paths[2]
        self._done.worlds = len(reached)
        return self._done

    def _leave(self, state: Reached, stage: Stage, ends: dict[str, Reached]) -> None:
        """Run a stage from a world in every way that its twists allow."""
        none, one, _ = state.paths
        for way in stage.ways if len(state.moment.delayed) > 1 else stage.ways[:1]:
            points = self._once(state, stage, way, {}, state.paths, ends)
            if none:
                self._done.points += len(points)
            if not stage.twisted or not (none or one) or self._twists_max == 0:
                continue
            for script in one_more({}, points, cancellable=stage.cancellable, other=stage.other):
                singly = [0, none, one if self._twists_max > 1 else 0]
                if not any(singly):
                    continue
                then = self._once(state, stage, way, script, singly, ends)
                if none and self._twists_max > 1:
                    for twice in one_more(script, then, cancellable=stage.cancellable, other=stage.other):
                        self._once(state, stage, way, twice, [0, 0, none], ends)

    def _once(
        self,
        state: Reached,
        stage: Stage,
        way: Callable[[World], object],
        script: Script,
        paths: list[int],
        ends: dict[str, Reached],
    ) -> list[Point]:
        world = self._world
        world.back_to(state.moment)
        self._done.runs += 1
        raised = world.run(way, script)
        points = world.points
        trail = (*state.trail, *(f"{stage.name}[{i}] {points[i].operation}: {script[i].name}" for i in sorted(script)))
        try:
            if isinstance(raised, BaseException) and not isinstance(raised, Crash | StoreFault):
                raise BooksBroken(f"{stage.name} raised {raised!r}") from raised
            check_stage(state.moment, world)
            if script and set(script.values()) == {Twist.CANCELLED}:
                check_cancelled(world)
        except AssertionError as broken:
            raise self._broken(trail, broken) from broken
        key = fingerprint(world)
        end = ends.get(key)
        if end is None:
            end = ends[key] = Reached(world.now(), trail)
        for twists, count in enumerate(paths):
            end.paths[twists] += count
        # Its other fault, if it had one before, was of another path into this world.
        end.healed |= state.healed if not script else bool(paths[1]) and OF_MESSAGES.issuperset(script.values())
        return points

    def _broken(self, trail: tuple[str, ...], broken: AssertionError) -> BooksBroken:
        return BooksBroken(f"{self._operation.name}; {' then '.join(trail) or 'nothing went wrong'}: {broken}")


def _stages(operation: Operation) -> Iterator[Stage]:
    other = operation.other is not None
    yield Stage("operation", (operation.process,), cancellable=operation.cancellable, other=other)
    if operation.asked_again:
        yield Stage("asked again", (operation.process,), other=other)
        yield Stage("asked for the last time", (operation.process,), twisted=False)
    for twisted in (True, True, False):
        if operation.afterwards is not None:
            yield Stage("afterwards", (operation.afterwards,), twisted)
        yield Stage("sweep", (World.sweep,), twisted)
        yield Stage("reconcile", (World.reconcile,), twisted)
        if twisted:
            in_order, backwards = World.deliver_all, lambda world: world.deliver_all(newest_first=True)
            yield Stage("deliver", (in_order, backwards), twisted=False)
