"""The product with one of its conditions taken away: each of these loses, doubles or misplaces money somewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.faults.world import WatchedSettlement, World
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Entry, EntryType, book_of, entry_id_of
from tokens_forge.settlement import Books, Closing, Settlement
from tokens_forge.store.port import CloseHold, HoldAnswer, IntentRecord, PostAnswer, StoreSilent, Take, WalletChange
from tokens_forge.store.simulated import SimulatedLedgerStore, _closed
from tokens_forge.wallets import HoldRefusal, HoldRequest, OpenHold, WalletKind, why_refused


@dataclass(frozen=True, slots=True)
class Weakened:
    """`caught_at` names the operation that goes wrong, `faults` how many faults it takes."""

    name: str
    make_world: Callable[[], World]
    caught_at: str
    faults: int


class EntryWithoutCondition(SimulatedLedgerStore):
    """Writes the entry whether it is there or not, if the wallet's own condition holds."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        key = (book_of(entry.account_id, entry.kind, entry.entry_id), entry.entry_id)
        existing = self.journal.pop(key, None)
        answer = super().post(entry, change)
        if existing is not None and not answer.posted:
            self.journal[key] = existing
            return replace(answer, existing=existing)
        return answer


class EntryApartFromWallet(SimulatedLedgerStore):
    """Writes the entry first, and then the wallet if its condition holds."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        answer = super().post(entry, change)
        if not answer.posted and answer.existing is None:
            self.journal[(book_of(entry.account_id, entry.kind, entry.entry_id), entry.entry_id)] = entry
        return answer


class HoldTwice(SimulatedLedgerStore):
    """Does not ask whether this hold is open already."""

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        wallet = self.wallets[(request.account_id, request.kind)]
        if why_refused(wallet, request) is HoldRefusal.ALREADY_HELD:
            request = replace(request, hold_id=request.hold_id[:-1] + "z")
        return super().place_hold(request)


class HoldWithoutBalance(SimulatedLedgerStore):
    """Sets aside what the gateway believes is there: check, then deduct."""

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        wallet = self.wallets[(request.account_id, request.kind)]
        if why_refused(wallet, request) is not HoldRefusal.INSUFFICIENT:
            return super().place_hold(request)
        hold = OpenHold(request.hold_id, request.nano, request.placed_at_ms, request.limited_key_id)
        self._write(
            replace(
                wallet,
                available_nano=wallet.available_nano - request.nano,
                held_nano=wallet.held_nano + request.nano,
                holds={**wallet.holds, request.hold_id: hold},
            )
        )
        return HoldAnswer(placed=True)


class ReleaseBlindly(SimulatedLedgerStore):
    """Gives a hold back without asking whether it is open."""

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        if super().release_hold(entry_id, account_id, kind, hold):
            return True
        wallet = self.wallets[(account_id, kind)]
        self._write(replace(wallet, available_nano=wallet.available_nano + hold.nano))
        return True


class IntentPutAgain(SimulatedLedgerStore):
    """A second put of an intent replaces the first, with all that was recorded in it."""

    def put_intent(self, intent: Intent) -> None:
        self.intents.get(intent.minute, {}).pop(intent.request_id, None)
        super().put_intent(intent)


class SweeperVoidsBlindly(WatchedSettlement):
    """Ends every old request for nothing."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        return super().close_abandoned(IntentRecord(record.intent))


class ReleaseWithoutEntry(SimulatedLedgerStore):
    """Gives an open hold back without asking how its request ended."""

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        closed = _closed(self.wallets[(account_id, kind)], CloseHold(hold.hold_id, hold.nano, 0, hold.limited_key_id))
        if closed is not None:
            self._write(closed)
        return closed is not None


class SweeperReleasesByClock(WatchedSettlement):
    """Gives every old hold back: whoever is that late does not come any more."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        intent, store = record.intent, self._books.store
        wallet = store.read_wallet(intent.account_id, intent.kind)
        hold = wallet.holds.get(intent.request_id) if wallet is not None else None
        if hold is None:
            return super().close_abandoned(record)
        entry_id = entry_id_of(intent.request_id, EntryType.REQUEST)
        self._books.again(lambda: store.release_hold(entry_id, intent.account_id, intent.kind, hold))
        return Closing.RELEASED


class SweeperLeavesNoStone(WatchedSettlement):
    """Writes nothing for a request that was never held."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        wallet = self._books.store.read_wallet(record.intent.account_id, record.intent.kind)
        if wallet is not None and record.intent.request_id not in wallet.holds:
            return Closing.NOT_HELD
        return super().close_abandoned(record)


class HoldBeforeIntent(WatchedSettlement):
    """Sets aside first and writes down afterwards for what."""

    def hold(self, intent: Intent, auth_epoch: int) -> Held:
        held = self.hold_less(intent, auth_epoch, intent.hold_nano)
        self._books.again(lambda: self._books.store.put_intent(intent))
        return held


class OutcomeNotKept(WatchedSettlement):
    """Gives up when settling fails."""

    def keep_outcome(self, held: Held, outcome: Outcome) -> None:
        pass


class ChargesWhenInDoubt(WatchedSettlement):
    """Takes the charge by another entry when the store does not say whether the first one was written."""

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        try:
            return super().settle(held, outcome)
        except StoreSilent:
            return self._books.post(self._request_entry(held, outcome, EntryType.LATE), Take(held.hold_nano))


class GoesOnWithoutHold(WatchedSettlement):
    """Calls the provider although the store did not say that the hold stands."""

    def hold_less(self, intent: Intent, auth_epoch: int, nano: int) -> Held:
        try:
            return super().hold_less(intent, auth_epoch, nano)
        except StoreSilent:
            return Held(intent, nano)


class RetriesWithoutBound(World):
    """Asks a store that does not answer for ever."""

    def __init__(self) -> None:
        super().__init__(tries_max=10**9)


def variants() -> list[Weakened]:
    """Each with the operation that shows it, and the least number of faults that it takes there."""
    return [
        Weakened("no condition on the entry", _on(EntryWithoutCondition), "a top-up, asked once", 1),
        Weakened("entry apart from wallet", _on(EntryApartFromWallet), "a top-up of a wallet in debt, asked once", 0),
        Weakened("no condition on the hold's id", _on(HoldTwice), "a request answered", 1),
        Weakened("check, then deduct", _on(HoldWithoutBalance), "a request answered while others spend", 1),
        Weakened("blind release", _on(ReleaseBlindly), "a sweep of a hold that came again", 1),
        Weakened("intent put again", _on(IntentPutAgain), "a request that cannot be settled", 1),
        Weakened("sweeper voids blindly", by(SweeperVoidsBlindly), "a request streamed for long", 1),
        Weakened(
            "release by clock",
            lambda: World(store=ReleaseWithoutEntry(), make_settlement=SweeperReleasesByClock),
            "a request answered",
            1,
        ),
        Weakened("no stone for what never was", by(SweeperLeavesNoStone), "a request answered", 1),
        Weakened("hold before intent", by(HoldBeforeIntent), "a request answered", 1),
        Weakened("outcome not kept", by(OutcomeNotKept), "a request that cannot be settled", 0),
        Weakened("charge when in doubt", by(ChargesWhenInDoubt), "a request answered", 1),
        Weakened("provider called without a hold", by(GoesOnWithoutHold), "a request answered", 2),
        Weakened("retries without bound", RetriesWithoutBound, "a request answered", 1),
    ]


def _on(store: Callable[[], SimulatedLedgerStore]) -> Callable[[], World]:
    return lambda: World(store=store())


def by(settlement: Callable[[Books], Settlement]) -> Callable[[], World]:
    """Worlds whose processes settle like this."""
    return lambda: World(make_settlement=settlement)
