"""The product with one rule left out, in many ways. Each must be caught: a simulation that cannot fail proves nothing."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.weakened_runs import EndTrustsItsEntry, StepNeedsItsRun, ends_by
from tests.simulation.world import Parts
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import Entry, book_of
from tokens_forge.reconciliation import Reconciled, Reconciliation
from tokens_forge.settlement import Closing, HoldRefused, Settlement
from tokens_forge.store.port import CloseHold, Credit, HoldAnswer, IntentRecord, PostAnswer, Take, WalletChange
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import HoldRefusal, HoldRequest, OpenHold, Wallet, WalletKind, why_refused


class EntriesAreOverwritten(SimulatedLedgerStore):
    """An entry is put whether there is one or not."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        key = (book_of(entry.account_id, entry.kind, entry.entry_id), entry.entry_id)
        old = self.journal.pop(key, None)
        answer = super().post(entry, change)
        if not answer.posted and old is not None:
            self.journal[key] = old
        return answer


class CapturesWithoutItsHold(EntriesAreOverwritten):
    """A capture names no hold: what is not held is taken from what is available. Nor does the entry stand in the way."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        wallet = self.wallets[(entry.account_id, entry.kind)]
        if isinstance(change, CloseHold) and change.hold_id not in wallet.holds and change.charge_nano:
            return super().post(entry, Take(change.charge_nano))
        return super().post(entry, change)


class ReleasesWithoutAnEntry(SimulatedLedgerStore):
    """A release does not ask whether the request has ended."""

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        key = (account_id, kind)
        wallet = self.wallets[key]
        if hold.hold_id not in wallet.holds:
            return False
        self.wallets[key] = _released(wallet, hold)
        return True


class ReleasesByTheClock(Settlement):
    """An old hold is given back because it is old."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        intent, store = record.intent, self._books.store
        wallet = store.read_wallet(intent.account_id, intent.kind)
        hold = wallet.holds.get(intent.request_id) if wallet is not None else None
        if hold is None:
            return super().close_abandoned(record)
        store.release_hold(f"{intent.request_id[4:]}.request", intent.account_id, intent.kind, hold)
        return Closing.RELEASED


class ReleasesTwice(SimulatedLedgerStore):
    """A release does not name the hold that it closes."""

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        self.wallets[(account_id, kind)] = _released(self.wallets[(account_id, kind)], hold)
        return True


class HoldsTwice(SimulatedLedgerStore):
    """A hold does not ask whether it stands already."""

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        wallet = self.wallets.get((request.account_id, request.kind))
        if wallet is not None and request.hold_id in wallet.holds:
            return super().place_hold(replace(request, hold_id=request.hold_id[:-1] + "z"))
        return super().place_hold(request)


class DeductsUnasked(SimulatedLedgerStore):
    """A hold takes what it is told to take: see LooksThenDeducts."""

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        key = (request.account_id, request.kind)
        wallet = self.wallets.get(key)
        if wallet is None or why_refused(wallet, request) is not HoldRefusal.INSUFFICIENT:
            return super().place_hold(request)
        hold = OpenHold(request.hold_id, request.nano, request.placed_at_ms, request.limited_key_id)
        self.wallets[key] = replace(
            wallet,
            available_nano=wallet.available_nano - request.nano,
            held_nano=wallet.held_nano + request.nano,
            holds={**wallet.holds, hold.hold_id: hold},
        )
        return HoldAnswer(placed=True)


class LooksThenDeducts(Settlement):
    """The balance is read first, and deducted in a second step."""

    def hold_less(self, intent: Intent, auth_epoch: int, nano: int) -> Held:
        wallet = self._books.again(lambda: self._books.store.read_wallet(intent.account_id, intent.kind))
        if wallet is not None and wallet.available_nano < nano:
            raise HoldRefused(HoldRefusal.INSUFFICIENT, wallet)
        return super().hold_less(intent, auth_epoch, nano)


class KeysLiveOn(SimulatedLedgerStore):
    """A hold does not compare the auth epoch."""

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        wallet = self.wallets.get((request.account_id, request.kind))
        return super().place_hold(replace(request, auth_epoch=wallet.auth_epoch if wallet is not None else 0))


class FreezesAreForgotten(SimulatedLedgerStore):
    """A freeze is not remembered."""

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        self._existing(account_id, kind)


class DebtIsGuessed(SimulatedLedgerStore):
    """A credit pays no debt, whatever is owed."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        key = (entry.account_id, entry.kind)
        wallet = self.wallets.get(key)
        if not isinstance(change, Credit) or wallet is None or not wallet.debt_nano:
            return super().post(entry, change)
        self.wallets[key] = replace(wallet, debt_nano=0)
        answer = super().post(entry, replace(change, pays_debt_nano=0))
        self.wallets[key] = replace(self.wallets[key], debt_nano=wallet.debt_nano) if answer.posted else wallet
        return answer


class TakesOverdraw(SimulatedLedgerStore):
    """What is taken need not be there."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        key = (entry.account_id, entry.kind)
        wallet = self.wallets.get(key)
        if not isinstance(change, Take) or wallet is None or wallet.available_nano >= change.nano:
            return super().post(entry, change)
        missing_nano = change.nano - wallet.available_nano
        self.wallets[key] = replace(wallet, available_nano=change.nano)
        answer = super().post(entry, replace(change, becomes_debt_nano=0))
        now = self.wallets[key]
        self.wallets[key] = replace(now, available_nano=-missing_nano) if answer.posted else wallet
        return answer


class LimitsAreSpentForGood(SimulatedLedgerStore):
    """A key does not get back what its request did not use."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        return super().post(entry, replace(change, limited_key_id=None) if isinstance(change, CloseHold) else change)


class SetsNoStone(Settlement):
    """An intent without a hold is left as it is."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        intent, store = record.intent, self._books.store
        wallet = store.read_wallet(intent.account_id, intent.kind)
        if wallet is None or intent.request_id not in wallet.holds:
            return Closing.NOT_HELD
        return super().close_abandoned(record)


class ReadsNoNotes(Settlement):
    """What was kept for the sweeper is not looked at."""

    def close_abandoned(self, record: IntentRecord) -> Closing:
        return super().close_abandoned(IntentRecord(record.intent))


class BelievesAScan(Reconciliation):
    """What a scan shows is taken for true."""

    def _end_hold(self, wallet: Wallet, hold: OpenHold) -> bool:
        return False


class LeavesLateIntents(Reconciliation):
    """What came after the sweeper is told and not ended."""

    def _end_intent(self, record: IntentRecord, done: Reconciled) -> None:
        return


# Each with the number of seeds within which it is caught.
WEAKENED: dict[str, tuple[Parts, int]] = {
    "entries are overwritten": (Parts(EntriesAreOverwritten), 20),
    "a capture names no hold, and its entry no condition": (Parts(CapturesWithoutItsHold), 20),
    "blind release": (Parts(ReleasesWithoutAnEntry, ReleasesByTheClock), 20),
    "a release does not name its hold": (Parts(ReleasesTwice), 200),
    "a hold does not ask whether it stands": (Parts(HoldsTwice), 50),
    "look, then deduct": (Parts(DeductsUnasked, LooksThenDeducts), 50),
    "the auth epoch is not compared": (Parts(KeysLiveOn), 200),
    "a freeze is not remembered": (Parts(FreezesAreForgotten), 50),
    "a credit pays no debt": (Parts(DebtIsGuessed), 100),
    "a take does not look": (Parts(TakesOverdraw), 50),
    "a limited key gets nothing back": (Parts(LimitsAreSpentForGood), 20),
    "no stone": (Parts(settlement=SetsNoStone), 20),
    "notes for the sweeper are not read": (Parts(settlement=ReadsNoNotes), 200),
    "a scan is believed": (Parts(reconciliation=BelievesAScan), 200),
    "late intents are left": (Parts(reconciliation=LeavesLateIntents), 400),
    "a step needs its run": (Parts(settlement=StepNeedsItsRun), 100),
    "the end of a run trusts its entry": (Parts(settlement=ends_by(EndTrustsItsEntry)), 400),
}


def _released(wallet: Wallet, hold: OpenHold) -> Wallet:
    left = dict(wallet.key_spend_left_nano)
    if hold.limited_key_id is not None:
        left[hold.limited_key_id] = left.get(hold.limited_key_id, 0) + hold.nano
    return replace(
        wallet,
        available_nano=wallet.available_nano + hold.nano,
        held_nano=wallet.held_nano - hold.nano,
        holds={hold_id: other for hold_id, other in wallet.holds.items() if hold_id != hold.hold_id},
        key_spend_left_nano=left,
    )
