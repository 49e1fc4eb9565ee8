"""Money in and out of wallets for other reasons than requests: each with a caller who gives up, and one who asks until told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults.operation import Operation
from tests.faults.settled import intent, outcome
from tests.faults.world import OFFICIAL, World, ulid
from tokens_forge.journal import Entry
from tokens_forge.money import Money
from tokens_forge.settlement import Balances, NotAvailable

FUNDS_NANO = 10**9
PAID_NANO, HALF_NANO = 3 * 10**8, 5 * 10**8
REFUSED = "refused"
Move = Callable[[World, Balances], Entry]


def operations() -> list[Operation]:
    """Top-ups, adjustments and reversals, with and without a debt, while others move money as well."""
    top_up, adjustment = f"{ulid('p')}.top_up", f"{ulid('q')}.adjustment"
    undone_top_up, undone_charge = f"{ulid('f')}.reversal-of-top_up", f"{ulid('s')}.reversal-of-request"
    return [
        *_both("a top-up", _funded, _top_up, top_up, PAID_NANO),
        *_both("a top-up of a wallet in debt", _in_debt, _top_up, top_up, PAID_NANO, other=_pay_in),
        *_both("an adjustment upwards", _funded, _adjust(PAID_NANO), adjustment, PAID_NANO),
        *_both("an adjustment upwards, in debt", _in_debt, _adjust(PAID_NANO), adjustment, PAID_NANO, other=_pay_in),
        *_both("an adjustment downwards", _funded, _adjust(-PAID_NANO), adjustment, -PAID_NANO),
        *_both("an adjustment downwards of more than there is", _funded, _adjust(-2 * FUNDS_NANO), adjustment, 0),
        *_both(
            "an adjustment downwards while all is spent",
            _funded,
            _adjust(-PAID_NANO),
            adjustment,
            -PAID_NANO,
            other=_spend,
        ),
        *_both("a reversal of a top-up", _funded, _undo_top_up, undone_top_up, -FUNDS_NANO, other=_spend),
        *_both("a reversal of a top-up that is spent", _spent, _undo_top_up, undone_top_up, -FUNDS_NANO, other=_pay_in),
        *_both("a reversal of a charge", _spent, _undo_charge, undone_charge, FUNDS_NANO),
        *_both("a reversal of a charge, in debt", _in_debt, _undo_charge, undone_charge, FUNDS_NANO, other=_pay_in),
    ]


def _both(
    name: str,
    prepare: Callable[[World], None],
    move: Move,
    entry_id: str,
    nano: int,
    *,
    other: Callable[[World], object] | None = None,
) -> Iterator[Operation]:
    """`nano` is what the entry moves, 0 when it cannot be posted."""

    def process(world: World) -> None:
        if world.told:
            return
        try:
            world.told.append(move(world, world.balances()))
        except NotAvailable:
            world.told.append(REFUSED)

    def at_most_once(world: World) -> None:
        entry = _entry(world, entry_id)
        assert entry is None or entry.wallet_nano == nano, "another amount was moved"
        if isinstance(world.told[0] if world.told else None, Entry):
            assert entry == world.told[0], "the caller was told that it is done"

    def once(world: World) -> None:
        at_most_once(world)
        assert world.told, "the caller asked until told"
        assert _entry(world, entry_id) is not None or world.told == [REFUSED]

    def undisturbed(world: World) -> None:
        entry = _entry(world, entry_id)
        assert (entry.wallet_nano if entry is not None else 0) == nano, "it was not done"
        assert world.told == [entry or REFUSED], f"the caller was told {world.told}"

    yield Operation(f"{name}, asked once", prepare, process, at_most_once, undisturbed, other=other)
    yield Operation(f"{name}, asked until told", prepare, process, once, undisturbed, asked_again=True, other=other)


def _funded(world: World) -> None:
    world.fund_both(FUNDS_NANO)


def _spent(world: World) -> None:
    """All of it is spent for one request."""
    _funded(world)
    _spend(world)


def _spend(world: World) -> None:
    if world.wallet().available_nano == FUNDS_NANO:
        settlement = world.settlement_at_peace()
        settlement.settle(settlement.hold(intent("s", hold_nano=FUNDS_NANO), 0), outcome(FUNDS_NANO))


def _in_debt(world: World) -> None:
    """The top-up was taken back after it had been spent."""
    _spent(world)
    _undo_top_up(world, world.balances_at_peace())


def _pay_in(world: World) -> None:
    world.balances_at_peace().top_up(*OFFICIAL, Money(HALF_NANO, "USD"), order_id=f"ord_{ulid('h')}", source="bank")


def _top_up(world: World, balances: Balances) -> Entry:
    return balances.top_up(*OFFICIAL, Money(PAID_NANO, "USD"), order_id=f"ord_{ulid('p')}", source="bank")


def _adjust(nano: int) -> Move:
    def adjust(world: World, balances: Balances) -> Entry:
        return balances.adjust(*OFFICIAL, Money(nano, "USD"), adjustment_id=f"adj_{ulid('q')}", reason="because")

    return adjust


def _undo_top_up(world: World, balances: Balances) -> Entry:
    return _undo(world, balances, f"{ulid('f')}.top_up")


def _undo_charge(world: World, balances: Balances) -> Entry:
    return _undo(world, balances, f"{ulid('s')}.request")


def _undo(world: World, balances: Balances, entry_id: str) -> Entry:
    original = _entry(world, entry_id)
    assert original is not None
    return balances.reverse(original)


def _entry(world: World, entry_id: str) -> Entry | None:
    return world.store.read_entry(*OFFICIAL, entry_id)
