"""What the store did, in order, done again by the reference ledger: each step must be possible, and the books be the same."""

from __future__ import annotations

from tests.properties.product import line_of, purse_of
from tests.properties.reference import Purse, Record, Reference
from tests.properties.words import Answer
from tests.simulation.told import Told
from tests.simulation.witness import Change, Violation
from tests.simulation.world import World
from tokens_forge.intents import Intent
from tokens_forge.journal import Entry, EntryType
from tokens_forge.store.port import CloseHold, WalletChange
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet


def check_against_reference(world: World) -> None:
    """Raises Violation where the reference would have done otherwise."""
    replay = _Replay(world.told)
    for change in world.witness.changes:
        replay.do(change)
    replay.same_books(world)


class _Replay:
    """Hands each change to the reference, with amounts as the actors asked for them, not as the product stored them."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.reference = Reference()

    def do(self, change: Change) -> None:
        what, reference = change.arguments, self.reference
        match change.operation:
            case "place_hold":
                answer, expected = self._hold(what[0]), "held"
            case "post":
                answer, expected = self._post(what[0], what[1]), "entry"
            case "release_hold":
                answer, expected = self._release(what[0]), "released"
            case "open_wallet":
                answer, expected = self._open(what[0]), "done"
            case "put_intent":
                answer, expected = self._intent(what[0]), "done"
            case "freeze_wallet":
                answer, expected = reference.freeze((what[0], what[1].value)).word, "done"
            case "raise_auth_epoch":
                answer, expected = reference.raise_epoch((what[0], what[1].value)).word, "done"
            case "set_key_spend_limit":
                answer, expected = reference.limit_key((what[0], what[1].value), what[2], what[3]).word, "done"
            case _:
                return
        if answer != expected:
            raise Violation(f"the store did this, and the reference ledger says {answer!r}: {change}")

    def same_books(self, world: World) -> None:
        """Every wallet and every entry, whole."""
        for key, wallet in world.store.wallets.items():
            theirs, ours = purse_of(wallet), self._purse(wallet)
            if theirs != ours:
                raise Violation(f"the wallet {key} is {theirs}, the reference ledger has {ours}")
        for (_, entry_id), entry in world.store.journal.items():
            told = self.told.requests.get(entry_id[:26])
            line = line_of(entry, told.request if told is not None else None)
            if line != self.reference.journal.get(entry_id):
                raise Violation(f"{line} is written, the reference has {self.reference.journal.get(entry_id)}")
        if len(world.store.journal) != len(self.reference.journal):
            raise Violation("an entry was written once and is not in the journal any more")

    def _hold(self, request: HoldRequest) -> str:
        if run := self.told.runs.get(request.hold_id):
            return self.reference.place_run(run, request.auth_epoch).word
        told = self.told.requests[request.hold_id.removeprefix("req_")]
        return self.reference.hold_less(told.request, request.auth_epoch, request.nano).word

    def _post(self, entry: Entry, change: WalletChange) -> str:
        return self._posted(entry, change).word

    def _posted(self, entry: Entry, change: WalletChange) -> Answer:
        ulid, reference = entry.entry_id[:26], self.reference
        if entry.type is EntryType.RUN:
            run = self.told.runs[entry.reference or ""]
            return reference.end_run(run) if isinstance(change, CloseHold) else reference.note_end(run)
        if entry.type in (EntryType.REQUEST, EntryType.LATE):
            request = self.told.requests[ulid].request
            facts = line_of(entry, request).facts
            assert facts is not None
            if entry.type is EntryType.LATE:
                return reference.settle_late(request, facts.hold, facts.ending)
            if isinstance(change, CloseHold):
                self.told.met["step outlived its run"] += request.part_of is not None and change.back_to is None
                return reference.settle(request, change.hold_nano, facts.ending, apart=change.back_to is None)
            return reference.never_held(request)
        move = self.told.moves[entry.entry_id]
        if entry.type is EntryType.REVERSAL:
            assert move.reverses is not None
            return reference.reverse(move.reverses)
        if entry.type is EntryType.TOP_UP:
            return reference.top_up(move.where, move.nano, move.currency, ulid)
        return reference.adjust(move.where, move.nano, move.currency, ulid)

    def _release(self, hold: OpenHold) -> str:
        if run := self.told.runs.get(hold.hold_id):
            self.told.met["run's hold came again"] += 1
            return self.reference.release_run(run)
        record = self.reference.intents[hold.hold_id.removeprefix("req_")]
        return self.reference.close_abandoned(record, apart=hold.part_of is None)

    def _open(self, wallet: Wallet) -> str:
        return self.reference.open((wallet.account_id, wallet.kind.value), wallet.currency).word

    def _intent(self, intent: Intent) -> str:
        request = self.told.requests[intent.request_id.removeprefix("req_")].request
        self.reference.intents[request.ulid] = Record(request)
        return "done"

    def _purse(self, wallet: Wallet) -> Purse | None:
        return self.reference.purses.get((wallet.account_id, wallet.kind.value))
