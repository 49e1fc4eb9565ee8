"""What ends requests that nobody else ends: the sweeper with each kind of record, the reconciliation, and late answers."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.invariants import charged_nano
from tests.faults.operation import Operation
from tests.faults.serving import InlineLoop
from tests.faults.settled import ATTEMPTS, intent, outcome
from tests.faults.world import DRAINED_AT_MS, World
from tokens_forge.ending import Ending
from tokens_forge.intents import Held
from tokens_forge.journal import Entry, EntryType, SettlementReason, entry_id_of
from tokens_forge.settlement import AlreadySettled, HoldRefused

FUNDS_NANO = 10**9
HELD_NANO = 4 * 10**8
EXACT_NANO, PART_NANO = 3 * 10**8, 9 * 10**7
ONE = intent("x", hold_nano=HELD_NANO)


def operations() -> list[Operation]:
    """Sweeps, reconciliations, voids, releases and late answers."""
    return [
        _sweep("an abandoned request", _hold, 0),
        _sweep("a request with a checkpoint", _checkpoint, PART_NANO),
        _sweep("a request with an outcome", _outcome, EXACT_NANO),
        _sweep("a request that was never held", _intend, 0),
        _sweep("a request that was ended", _settle, EXACT_NANO),
        _sweep("a hold that came again", _stray, EXACT_NANO),
        _reconcile("of a hold that came after the sweeper", _stray_after_sweep, EXACT_NANO),
        _reconcile("of a request that came after the sweeper", _intend_after_sweep, 0),
        _reconcile("of a request that was held after the sweeper", _hold_after_sweep, 0),
        Operation("a void", _fund, _void, _charged(0), _ended(SettlementReason.UPSTREAM_FAILED)),
        Operation("a release", _stray, _release, _charged(EXACT_NANO)),
        Operation("a late answer", _void_by_sweeper, _settle_late, _charged(0, EXACT_NANO), _charged(EXACT_NANO)),
        Operation("a late answer that the wallet cannot pay", _spend_after_void, _settle_late, _charged(FUNDS_NANO)),
    ]


def _sweep(what: str, prepare: Callable[[World], None], nano: int) -> Operation:
    return Operation(f"a sweep of {what}", prepare, World.sweep, _charged(nano))


def _reconcile(what: str, prepare: Callable[[World], None], nano: int) -> Operation:
    return Operation(f"a reconciliation {what}", prepare, World.reconcile, _charged(nano))


def _charged(*nano: int) -> Callable[[World], None]:
    def check(world: World) -> None:
        assert charged_nano(world) in nano, f"{charged_nano(world)} nano were charged"

    return check


def _ended(reason: SettlementReason) -> Callable[[World], None]:
    def check(world: World) -> None:
        [facts] = [entry.request for entry in world.store.journal.values() if entry.request is not None]
        assert facts.reason is reason, f"it ended as {facts.reason}"

    return check


def _fund(world: World) -> None:
    world.fund_both(FUNDS_NANO)


def _intend(world: World) -> None:
    _fund(world)
    world.store.put_intent(ONE)


def _hold(world: World) -> None:
    _fund(world)
    world.settlement_at_peace().hold(ONE, 0)


def _checkpoint(world: World) -> None:
    _hold(world)
    progress = outcome(PART_NANO, SettlementReason.ABANDONED)
    world.settlement_at_peace().checkpoint(Held(ONE, HELD_NANO), progress)


def _outcome(world: World) -> None:
    _checkpoint(world)
    world.settlement_at_peace().keep_outcome(Held(ONE, HELD_NANO), outcome(EXACT_NANO))


def _settle(world: World) -> None:
    _fund(world)
    settlement = world.settlement_at_peace()
    settlement.settle(settlement.hold(ONE, 0), outcome(EXACT_NANO))


def _stray(world: World) -> None:
    """Settled, and then its hold comes a second time."""
    _settle(world)
    world.settlement_at_peace().hold(ONE, 0)


def _stray_after_sweep(world: World) -> None:
    _settle(world)
    world.run(World.sweep, {})
    world.settlement_at_peace().hold(ONE, 0)


def _intend_after_sweep(world: World) -> None:
    world.came_late = True
    _fund(world)
    world.run(World.sweep, {})
    world.store.put_intent(ONE)


def _hold_after_sweep(world: World) -> None:
    world.came_late = True
    _fund(world)
    world.run(World.sweep, {})
    world.settlement_at_peace().hold(ONE, 0)


def _void(world: World) -> None:
    settlement = world.settlement()
    try:
        settlement.void(settlement.hold(ONE, 0), SettlementReason.UPSTREAM_FAILED, ATTEMPTS)
    except (AlreadySettled, HoldRefused) as raised:
        world.told.append(type(raised).__name__)


def _release(world: World) -> None:
    entry = _entry(world)
    hold = world.wallet().holds[ONE.request_id]
    world.clock.time_ms = DRAINED_AT_MS
    world.settlement().release(entry, hold)


def _entry(world: World) -> Entry:
    entry = world.store.read_entry(ONE.account_id, ONE.kind, entry_id_of(ONE.request_id, EntryType.REQUEST))
    assert entry is not None
    return entry


def _void_by_sweeper(world: World) -> None:
    _hold(world)
    world.run(World.sweep, {})


def _spend_after_void(world: World) -> None:
    """What the void gave back is spent for another request before the answer comes."""
    _void_by_sweeper(world)
    settlement = world.settlement_at_peace()
    settlement.settle(settlement.hold(intent("y", hold_nano=FUNDS_NANO), 0), outcome(FUNDS_NANO))


def _settle_late(world: World) -> None:
    """A gateway that was slow comes with its answer."""
    ending = Ending(world.settlement(), Held(ONE, HELD_NANO))
    world.loop(InlineLoop).run_until_complete(ending.settle(outcome(EXACT_NANO)))
