"""What must be true when all is quiet, beside the books themselves: everybody was told the truth, and every request has one end."""

from __future__ import annotations

from collections import Counter

from tests.properties.receipt_check import published_recompute
from tests.properties.words import Ending
from tests.simulation.replay import check_against_reference
from tests.simulation.told import ToldMove, ToldRequest
from tests.simulation.witness import Violation
from tests.simulation.world import STRANGER, World
from tokens_forge.intents import Outcome
from tokens_forge.journal import Entry, EntryType, RequestFacts, SettlementReason
from tokens_forge.pricing import Usage
from tokens_forge.receipts import receipt

NANO = 10**9
Notes = dict[str, Outcome]


def check_everything(world: World, notes: Notes) -> None:
    """Raises Violation when a promise was broken."""
    check_against_reference(world)
    _Checks(world).all(notes)


def notes_for_the_sweeper(world: World) -> Notes:
    """How those requests must end that hold something still, and whose end was written down: by entry id.

    Left out are requests that a message on its way may still end, or write something else about.
    """
    restless = set()
    for delayed in world.weather.calls.delayed:
        subject = delayed.call.arguments[0]
        restless.add(getattr(subject, "request_id", None) or getattr(subject, "entry_id", None))
    journal = {entry_id for _, entry_id in world.store.journal}
    notes = {}
    for wallet in world.store.wallets.values():
        for hold_id in wallet.holds:
            record = world.store.read_intent(hold_id)
            entry_id = f"{hold_id.removeprefix('req_')}.request"
            note = record and (record.outcome or record.checkpoint)
            if note and entry_id not in journal and hold_id not in restless and entry_id not in restless:
                notes[entry_id] = note
    return notes


class _Checks:
    """Goes through everything that was told, and through the journal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.met = world.told.met
        self.journal = {entry_id: entry for (_, entry_id), entry in world.store.journal.items()}
        self.asked_by = {
            change.arguments[0].entry_id: change.by for change in world.witness.changes if change.operation == "post"
        }

    def all(self, notes: Notes) -> None:
        for told in self.world.told.requests.values():
            self._request(told)
        for entry_id, move in self.world.told.moves.items():
            self._move(entry_id, move)
        for entry_id, note in notes.items():
            facts = _facts(self.journal[entry_id])
            if (facts.reason, facts.usage, facts.attempts) != (note.reason, note.usage, note.attempts):
                raise Violation(f"{entry_id} left {note}, and ended as {facts}")
            is_checkpoint = note.reason is SettlementReason.ABANDONED
            self.met[f"sweeper took the {'checkpoint' if is_checkpoint else 'recorded outcome'}"] += 1
        self._sums()
        self._insist(not self.world.frozen_by_mistake, f"frozen by mistake: {self.world.frozen_by_mistake}")

    def _request(self, told: ToldRequest) -> None:
        """One entry for each intent, at most one late one; the customer pays once, for what was really reported."""
        ulid = told.request.ulid
        record = self.world.store.read_intent(f"req_{ulid}")
        entry, late = self.journal.get(f"{ulid}.request"), self.journal.get(f"{ulid}.late")
        if told.request.where[0] != STRANGER:  # the reconciliation looks at accounts, and there is none
            self._insist((record is None) == (entry is None), f"{ulid} has an intent or an entry, not both")
        if entry is None:
            self._insist(late is None and told.entry is None and not told.sent, f"{ulid} has no entry")
            return
        self._insist(entry.wallet_nano == 0 or late is None, f"{ulid} was charged, and has a late entry")
        if told.entry is not None:
            self._insist(self.journal.get(told.entry.entry_id) == told.entry, f"{ulid} was told of another entry")
        for each in (entry, late):
            if each is not None:
                self._receipt(each, told)

    def _receipt(self, entry: Entry, told: ToldRequest) -> None:
        facts = _facts(entry)
        self._insist(facts.charge_nano == 0 or told.sent, f"{entry.entry_id} charges for what was never sent")
        self._insist(facts.charge_nano <= facts.hold_nano <= told.request.most, f"{entry.entry_id} exceeds its hold")
        if told.held_nano is not None and facts.reason is not SettlementReason.NOT_HELD:
            self._insist(
                facts.hold_nano in (told.held_nano, 0), f"{entry.entry_id} names a hold that nobody was told of"
            )
        self._insist(
            facts.reason is SettlementReason.NOT_HELD
            or (facts.reason is SettlementReason.ABANDONED and facts.usage == Usage())
            or _ending(facts) in told.endings,
            f"{entry.entry_id} says what nobody reported",
        )
        nano = published_recompute()(receipt(entry)) * NANO
        self._insist(nano == facts.charge_nano == -entry.wallet_nano, f"{entry.entry_id} does not recompute")
        self._note(entry, facts, told)

    def _note(self, entry: Entry, facts: RequestFacts, told: ToldRequest) -> None:
        met = self.met
        if entry.type is EntryType.LATE:
            met["late settle charged" if facts.charge_nano else "late settle: operator's loss"] += 1
            return
        met[f"ended {facts.reason.value}"] += 1
        met["usage above the hold"] += facts.uncharged_nano > 0
        met["stone over a request that ran"] += facts.reason is SettlementReason.NOT_HELD and told.sent
        met["settled by a late message"] += self.asked_by[entry.entry_id] == "late message"

    def _move(self, entry_id: str, move: ToldMove) -> None:
        """What was acknowledged has happened; what was not, has happened at most once: its entry's id sees to that."""
        entry = self.journal.get(entry_id)
        if move.entry is not None:
            self._insist(entry == move.entry, f"{entry_id} was acknowledged, and is not so in the journal")
        if entry is not None:
            self._insist(
                (entry.account_id, entry.kind.value) == move.where and entry.wallet_nano == move.nano,
                f"{entry_id} moved something else than was asked for",
            )
            self.met["refused, and happened after all"] += move.was_refused and move.entry is None
            self.met[f"{entry.type.value} done"] += 1
            self.met["done, and nobody was told"] += move.entry is None

    def _sums(self) -> None:
        """Every currency sums to zero, every wallet is the fold of its journal, and no limited key has spent past its limit."""
        trial, owns, spent = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
        for entry in self.journal.values():
            trial[entry.currency] += sum(posting.nano for posting in entry.postings)
            owns[(entry.account_id, entry.kind.value)] += entry.wallet_nano
            if entry.request is not None and entry.type is EntryType.REQUEST:
                spent[entry.request.key_id] += entry.request.charge_nano
        self._insist(not any(trial.values()), "a currency does not sum to zero")
        allowed = Counter[str]()
        for change in self.world.witness.changes:
            if change.operation == "set_key_spend_limit":
                allowed[change.arguments[2]] += change.arguments[3]
        for key_id, nano in allowed.items():
            self._insist(spent[key_id] <= nano, f"{key_id} spent past its limit")
        for (account_id, kind), wallet in self.world.store.wallets.items():
            self._insist(not wallet.holds and wallet.held_nano == 0, f"{account_id} {kind.value} has a hold left")
            self._insist(wallet.balance_nano == owns[(account_id, kind.value)], f"{account_id} {kind.value} is no fold")
            self.met["ended in debt"] += wallet.debt_nano > 0

    @staticmethod
    def _insist(holds: bool, otherwise: str) -> None:
        if not holds:
            raise Violation(otherwise)


def _facts(entry: Entry) -> RequestFacts:
    assert entry.request is not None
    return entry.request


def _ending(facts: RequestFacts) -> Ending:
    usage = facts.usage
    return Ending(
        facts.reason.value,
        (usage.input, usage.cached_input, usage.cache_write, usage.output),
        usage.reasoning,
        facts.usage_source.value,
        tuple((attempt.channel_id, attempt.outcome, attempt.duration_ms) for attempt in facts.attempts),
    )
