"""Holds of whole runs: placed, used by steps, tried again, and ended while a step is still under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from tests.faults.invariants import charged_nano
from tests.faults.operation import Operation
from tests.faults.serving import InlineLoop
from tests.faults.settled import intent, outcome
from tests.faults.world import OFFICIAL, World, ulid
from tokens_forge.ending import Ending
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import EntryType
from tokens_forge.settlement import HoldRefused, RunHold, Settlement

FUNDS_NANO = 10**9
RUN_NANO, STEP_NANO = 7 * 10**8, 4 * 10**8  # two steps together would be dearer than the run
EXACT_NANO = 3 * 10**8
SPENT_NANO = FUNDS_NANO - RUN_NANO  # by somebody else, of what the run leaves
KEY_LIMIT_NANO = 8 * 10**8
HOLD_ID = f"hold_{ulid('r')}"


def operations() -> list[Operation]:
    """A run from its beginning to its end, and each of its parts with somebody else at work on it."""
    return [
        _run("a run of two steps", _funded, _two_steps, 2 * EXACT_NANO),
        _run("a run of two steps with a limited key", _limited, _two_steps, 2 * EXACT_NANO),
        _run("the hold of a run while all is spent", _funded, _place, 0, more_nano=SPENT_NANO, other=_spend),
        _run("a step of a run that is ended meanwhile", _placed, _first_step, EXACT_NANO, other=_end_at_peace),
        _run("a step while others spend", _placed, _first_step, EXACT_NANO, more_nano=SPENT_NANO, other=_spend),
        _run("a step of a run that is tried again", _placed, _tried_again, EXACT_NANO, asked_again=True),
        _run("a late answer of a step", _voided, _late_answer, EXACT_NANO, other=_end_at_peace),
        _run("the end of a run", _one_step_done, _end, EXACT_NANO, more_nano=EXACT_NANO, other=_answer_of_second),
        _run("the end of a run, asked until told", _one_step_done, _end, EXACT_NANO, asked_again=True),
        _run("the end of a run that never got its hold", _funded, _end, 0, other=_place_at_peace),
    ]


def step_of(letter: str) -> Intent:
    """A request that takes its part out of the run."""
    return replace(intent(letter, hold_nano=STEP_NANO), part_of=HOLD_ID)


def _run(
    name: str,
    prepare: Callable[[World], None],
    process: Callable[[World], object],
    undisturbed_nano: int,
    *,
    more_nano: int = 0,
    asked_again: bool = False,
    other: Callable[[World], object] | None = None,
) -> Operation:
    """`undisturbed_nano` is what is charged when nothing goes wrong, `more_nano` what the other process may add to it. In the end
    somebody ends the run."""

    def check(world: World) -> None:
        charged = charged_nano(world)
        allowed = {part * EXACT_NANO + others for part in (0, 1, 2) for others in {0, more_nano}}
        assert charged in allowed and charged <= undisturbed_nano + more_nano, f"{charged} nano were charged"
        ends = [entry for entry in world.store.journal.values() if entry.type is EntryType.RUN]
        assert [entry.wallet_nano for entry in ends] == [0], "a run ends once, and its end moves nothing"

    def check_undisturbed(world: World) -> None:
        assert charged_nano(world) == undisturbed_nano, f"{charged_nano(world)} nano were charged"

    return Operation(
        name, prepare, process, check, check_undisturbed, asked_again=asked_again, other=other, afterwards=_end
    )


def _funded(world: World) -> None:
    world.fund_both(FUNDS_NANO)


def _limited(world: World) -> None:
    _funded(world)
    world.key_limit_nano = KEY_LIMIT_NANO
    world.store.set_key_spend_limit(*OFFICIAL, step_of("x").key_id, KEY_LIMIT_NANO)


def _placed(world: World) -> None:
    _funded(world)
    _place_at_peace(world)


def _one_step_done(world: World) -> None:
    """The second one is under way."""
    _placed(world)
    settlement = world.settlement_at_peace()
    settlement.settle(settlement.hold(step_of("x"), 0), outcome(EXACT_NANO))
    settlement.hold(step_of("y"), 0)


def _voided(world: World) -> None:
    """The sweeper took a slow step for abandoned."""
    _placed(world)
    world.settlement_at_peace().hold(step_of("x"), 0)
    world.run(World.sweep, {})


def _place(world: World) -> None:
    _place_with(world.settlement(), limited=world.key_limit_nano is not None)


def _place_at_peace(world: World) -> None:
    _place_with(world.settlement_at_peace(), limited=False)


def _place_with(settlement: Settlement, *, limited: bool) -> None:
    hold = RunHold(HOLD_ID, *OFFICIAL, "USD", RUN_NANO, step_of("x").key_id if limited else None)
    with suppress(HoldRefused):
        settlement.runs.place(hold, 0)


def _two_steps(world: World) -> None:
    _place(world)
    for letter in ("x", "y"):
        _step(world, letter)
    _end(world)


def _first_step(world: World) -> None:
    _step(world, "x")


def _step(world: World, letter: str) -> None:
    """One request of the run, from its intent to its entry, as the gateway makes it."""
    settlement, step = world.settlement(), step_of(letter)
    limited = world.key_limit_nano is not None
    try:
        held = settlement.hold(replace(step, key_has_spend_limit=limited), 0)
    except HoldRefused:
        return
    _settle(world, settlement, held)


def _tried_again(world: World) -> None:
    """A try whose answer is lost is ended for good before the next one begins; one that was charged is the last."""
    settlement = world.settlement()
    for letter in ("x", "y", "z"):
        step = step_of(letter)
        if world.store.read_intent(step.request_id) is None:
            _step(world, letter)
            return
        if settlement.end_for_retry(step.request_id):
            return


def _late_answer(world: World) -> None:
    _settle(world, world.settlement(), Held(step_of("x"), STEP_NANO))


def _answer_of_second(world: World) -> None:
    """The step that was under way ends while its run is ended."""
    step = step_of("y")
    hold = world.wallet().holds.get(step.request_id)
    if hold is not None:
        world.settlement_at_peace().settle(Held(step, hold.nano), outcome(EXACT_NANO))


def _settle(world: World, settlement: Settlement, held: Held) -> None:
    world.loop(InlineLoop).run_until_complete(Ending(settlement, held).settle(outcome(EXACT_NANO)))


def _spend(world: World) -> None:
    """Another request takes all that is available, and is charged what the run would leave."""
    available_nano = world.wallet().available_nano
    other = intent("s", hold_nano=FUNDS_NANO)
    if world.store.read_intent(other.request_id) is None and available_nano:
        settlement = world.settlement_at_peace()
        settlement.settle(settlement.hold(replace(other, hold_nano=available_nano), 0), outcome(SPENT_NANO))


def _end(world: World) -> None:
    world.settlement().runs.end(world.wallet(), HOLD_ID)


def _end_at_peace(world: World) -> None:
    world.settlement_at_peace().runs.end(world.wallet(), HOLD_ID)
