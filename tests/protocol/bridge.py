"""Translates between the model and the product's own store and settlement, so that one can be held against the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from tests.conformance.builders import ACCOUNT, ATTEMPTS, OFFICIAL, intent
from tests.conformance.test_random_scripts import fixed_id
from tests.protocol import store as model
from tests.protocol.store import WHOLE_HOLD, Books, Ending, Kind, Message, Said, Wallet
from tests.unit.builders import NOW_MS
from tokens_forge.clock import SystemClock
from tokens_forge.ids import time_ms_of
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Entry, EntryType, SettlementReason, UsageSource, book_of, entry_id_of
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Books as SettlementBooks
from tokens_forge.settlement import RetryRule, Settlement
from tokens_forge.store.port import CloseHold, IntentRecord, Take, Unchanged
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import HoldRequest, OpenHold
from tokens_forge.wallets import Wallet as RealWallet

UNIT_NANO = 150  # the price of one input token
INTENTS = [intent(request_id=fixed_id("req", number), hold_nano=WHOLE_HOLD * UNIT_NANO) for number in (1, 2)]
OUTCOMES = {
    Ending.PAID: Outcome(SettlementReason.COMPLETED, Usage(input=2), UsageSource.PROVIDER, ATTEMPTS),
    Ending.FREE: Outcome(SettlementReason.UPSTREAM_FAILED, Usage(), UsageSource.NONE, ATTEMPTS),
    Ending.CHECKPOINT: Outcome(SettlementReason.ABANDONED, Usage(input=1), UsageSource.ESTIMATED, ATTEMPTS),
    Ending.ABANDONED: Outcome(SettlementReason.ABANDONED, Usage(), UsageSource.NONE, ()),
}


def settlement_on(store: SimulatedLedgerStore) -> Settlement:
    """The product's settlement; it asks once."""
    return Settlement(SettlementBooks(store, SystemClock(), RetryRule(tries_max=1)))


def real(
    books: tuple[Books, Books], wallet: Wallet, made_of: type[SimulatedLedgerStore] = SimulatedLedgerStore
) -> SimulatedLedgerStore:
    """The product's store in a state of the model."""
    store = made_of()
    for ours, made in zip(books, INTENTS, strict=True):
        if ours.intent:
            kept = OUTCOMES[ours.outcome] if ours.outcome else None
            reached = OUTCOMES[Ending.CHECKPOINT] if ours.checkpoint else None
            store.intents.setdefault(made.minute, {})[made.request_id] = IntentRecord(made, kept, reached)
        for entry, late in ((ours.entry, False), (ours.late, True)):
            if entry is not None:
                written = real_entry(made, entry, late=late)
                store.journal[(book_of(ACCOUNT, OFFICIAL, written.entry_id), written.entry_id)] = written
    store.wallets[(ACCOUNT, OFFICIAL)] = RealWallet(
        ACCOUNT,
        OFFICIAL,
        "USD",
        available_nano=wallet.available * UNIT_NANO,
        held_nano=wallet.held * UNIT_NANO,
        credits_total_nano=wallet.credits * UNIT_NANO,
        debits_total_nano=wallet.debits * UNIT_NANO,
        holds={
            made.request_id: open_hold(made, ours.hold) for ours, made in zip(books, INTENTS, strict=True) if ours.hold
        },
    )
    return store


def seen(store: SimulatedLedgerStore) -> tuple[tuple[Books, Books], Wallet]:
    """The model's words for a state of the product's store."""
    wallet = store.wallets[(ACCOUNT, OFFICIAL)]
    wallet.check()
    first, second = (_seen_books(store, made) for made in INTENTS)
    amounts = (wallet.credits_total_nano, wallet.available_nano, wallet.held_nano, wallet.debits_total_nano)
    return (first, second), Wallet(*(_units(nano) for nano in amounts))


def arrive(store: SimulatedLedgerStore, made: Intent, message: Message) -> Said:
    """Do what a message of the model asks for, as one call to the product's store."""
    entry_id = entry_id_of(made.request_id, EntryType.REQUEST)
    nano = message.nano * UNIT_NANO
    match message.kind:
        case Kind.INTENT:
            store.put_intent(made)
        case Kind.CHECKPOINT:
            store.record_checkpoint(made, OUTCOMES[Ending.CHECKPOINT])
            return Said.DONE if store.read_intent(made.request_id) else Said.NO_RECORD
        case Kind.OUTCOME:
            assert message.ending is not None
            store.record_outcome(made, OUTCOMES[message.ending])
            return Said.DONE if store.read_intent(made.request_id) else Said.NO_RECORD
        case Kind.HOLD:
            placed = store.place_hold(HoldRequest(ACCOUNT, OFFICIAL, "USD", made.request_id, nano, 0, NOW_MS))
            if not placed.placed:
                assert placed.before is not None
                return Said.ALREADY_HELD if made.request_id in placed.before.holds else Said.INSUFFICIENT
        case Kind.RELEASE:
            entry = store.read_entry(ACCOUNT, OFFICIAL, entry_id)
            if not store.release_hold(entry_id, ACCOUNT, OFFICIAL, open_hold(made, message.nano)):
                return Said.NO_HOLD if entry is not None else Said.NO_ENTRY
        case _:
            return _posts(store, made, message)
    return Said.DONE


def _posts(store: SimulatedLedgerStore, made: Intent, message: Message) -> Said:
    entry = real_entry(made, message.entry, late=message.kind in (Kind.LATE, Kind.LOSS))
    charge_nano = -entry.wallet_nano
    changes: dict[Kind, Callable[[], CloseHold | Take | Unchanged]] = {
        Kind.SETTLE: lambda: CloseHold(made.request_id, message.nano * UNIT_NANO, charge_nano, None),
        Kind.LATE: lambda: Take(charge_nano),
    }
    answer = store.post(entry, changes.get(message.kind, Unchanged)())
    if answer.posted:
        return Said.DONE
    if answer.existing is not None:
        return Said.EXISTS
    return Said.NO_HOLD if message.kind is Kind.SETTLE else Said.INSUFFICIENT


def open_hold(made: Intent, hold: int) -> OpenHold:
    """A hold as the product's wallet shows it."""
    return OpenHold(made.request_id, hold * UNIT_NANO, time_ms_of(made.request_id))


@cache
def real_entry(made: Intent, entry: model.Entry, *, late: bool) -> Entry:
    """An entry of the model as the product's settlement writes it, on a store of its own."""
    store = SimulatedLedgerStore()
    store.intents[made.minute] = {made.request_id: IntentRecord(made)}
    held_units = entry.hold if not late else 0
    store.wallets[(ACCOUNT, OFFICIAL)] = RealWallet(
        ACCOUNT,
        OFFICIAL,
        "USD",
        available_nano=entry.charge * UNIT_NANO,
        held_nano=held_units * UNIT_NANO,
        credits_total_nano=(entry.charge + held_units) * UNIT_NANO,
        holds={made.request_id: open_hold(made, held_units)} if held_units else {},
    )
    settlement = settlement_on(store)
    if entry.ending is Ending.NOT_HELD:
        settlement.close_abandoned(IntentRecord(made))
        stone = store.read_entry(ACCOUNT, OFFICIAL, entry_id_of(made.request_id, EntryType.REQUEST))
        assert stone is not None
        return stone
    held = Held(made, entry.hold * UNIT_NANO)
    if not late:
        return settlement.settle(held, OUTCOMES[entry.ending])
    void = real_entry(made, model.Entry(Ending.NOT_HELD, 0), late=False)
    return settlement.settle_late(held, OUTCOMES[entry.ending], void)


def _seen_books(store: SimulatedLedgerStore, made: Intent) -> Books:
    record = store.read_intent(made.request_id)
    hold = store.wallets[(ACCOUNT, OFFICIAL)].holds.get(made.request_id)
    return Books(
        intent=record is not None,
        outcome=_ending_of(record.outcome) if record and record.outcome else None,
        checkpoint=record is not None and record.checkpoint is not None,
        hold=_units(hold.nano) if hold else 0,
        entry=_seen_entry(store, made, EntryType.REQUEST),
        late=_seen_entry(store, made, EntryType.LATE),
    )


def _seen_entry(store: SimulatedLedgerStore, made: Intent, entry_type: EntryType) -> model.Entry | None:
    entry = store.read_entry(ACCOUNT, OFFICIAL, entry_id_of(made.request_id, entry_type))
    if entry is None:
        return None
    facts = entry.request
    assert facts is not None
    if facts.reason is SettlementReason.NOT_HELD:
        ending = Ending.NOT_HELD
    else:
        ending = _ending_of(Outcome(facts.reason, facts.usage, facts.usage_source, facts.attempts))
    made_of = model.Entry(ending, _units(facts.hold_nano))
    assert made_of.charge == _units(facts.charge_nano) == -_units(entry.wallet_nano)
    return made_of


def _ending_of(outcome: Outcome) -> Ending:
    [ending] = [ending for ending, known in OUTCOMES.items() if known == outcome]
    return ending


def _units(nano: int) -> int:
    units, rest = divmod(nano, UNIT_NANO)
    assert rest == 0
    return units
