"""Requests: held before the provider is called, ended exactly once."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial

from tokens_forge.ids import time_ms_of
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import (
    FREE_OF_CHARGE,
    Attempt,
    Entry,
    EntryType,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    entry_id_of,
)
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.settlement.books import AlreadySettled, Books, HoldLost, NotAvailable
from tokens_forge.settlement.runs import RunHolds
from tokens_forge.store.port import CloseHold, IntentRecord, Take, Unchanged
from tokens_forge.wallets import HoldRequest, OpenHold


class Closing(StrEnum):
    """What the sweeper found an old request to be, or made of it."""

    WAS_ENDED = "was_ended"
    RELEASED = "released"
    SETTLED = "settled"
    VOIDED = "voided"
    NOT_HELD = "not_held"
    CHANGED_UNDER_US = "changed_under_us"


class Settlement:
    """Operations on requests, and in `runs` those on the holds of whole runs. All of them block: call them from a worker thread."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.runs = RunHolds(books)

    def hold(self, intent: Intent, auth_epoch: int) -> Held:
        """Write the intent, then set its worst case aside. Raises HoldRefused; then nothing is set aside."""
        self._books.again(lambda: self._books.store.put_intent(intent))
        return self.hold_less(intent, auth_epoch, intent.hold_nano)

    def hold_less(self, intent: Intent, auth_epoch: int, nano: int) -> Held:
        """Set aside less than the written intent says: used when the first, larger hold was refused.

        Should a delayed message place that larger one after all, it stands, and the answer says so.
        """
        assert 0 < nano <= intent.hold_nano, "the intent is the most that may be held"
        request = HoldRequest(
            account_id=intent.account_id,
            kind=intent.kind,
            currency=intent.price.currency,
            hold_id=intent.request_id,
            nano=nano,
            auth_epoch=auth_epoch,
            placed_at_ms=time_ms_of(intent.request_id),
            limited_key_id=intent.key_id if intent.key_has_spend_limit else None,
            part_of=intent.part_of,
        )
        # An earlier try of ours may have arrived after all, its reply lost: also the larger one that had just been refused.
        held_nano = self._books.hold(request)
        assert held_nano <= intent.hold_nano, "the intent is the most that may be held"
        return Held(intent=intent, hold_nano=held_nano)

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        """End the request: write its entry and close its hold, together, exactly once.

        Returns the entry. When an equal entry is there already, this is a re-sent settle and that entry is returned.
        Raises AlreadySettled when somebody else ended the request in another way, HoldLost when the books are broken.
        """
        intent = held.intent
        entry = self._request_entry(held, outcome)
        charge_nano = -entry.wallet_nano
        change = CloseHold(
            hold_id=intent.request_id,
            hold_nano=held.hold_nano,
            charge_nano=charge_nano,
            limited_key_id=intent.key_id if intent.key_has_spend_limit else None,
            back_to=intent.part_of,
        )
        try:
            return self._books.post(entry, change)
        except HoldLost:
            if change.back_to is None:
                raise
            # The run's hold was released while this step was under way: then the rest is available again.
            return self._books.post(entry, replace(change, back_to=None))

    def void(self, held: Held, reason: SettlementReason, attempts: tuple[Attempt, ...]) -> Entry:
        """End the request without a charge; the receipt still says what happened."""
        assert reason in FREE_OF_CHARGE, "a void is for endings that cost nothing"
        return self.settle(held, replace(_ended(reason), attempts=attempts))

    def settle_late(self, held: Held, outcome: Outcome, voided: Entry) -> Entry:
        """Charge an answer that came after its request had been voided, at most once, in an entry of its own.

        Only what is available is taken; if the wallet cannot pay any more, the loss is the operator's and the entry says so.
        """
        assert voided.type is EntryType.REQUEST and voided.wallet_nano == 0, "only a void leaves something to charge"
        entry = self._request_entry(held, outcome, EntryType.LATE)
        charge_nano = -entry.wallet_nano
        try:
            return self._books.post(entry, Take(charge_nano) if charge_nano else Unchanged())
        except NotAvailable:
            nothing = replace(held, hold_nano=0)
            return self._books.post(self._request_entry(nothing, outcome, EntryType.LATE), Unchanged())

    def keep_outcome(self, held: Held, outcome: Outcome) -> None:
        """Keep the outcome of a request that could not be settled, for the sweeper to post."""
        self._books.again(lambda: self._books.store.record_outcome(held.intent, outcome))

    def checkpoint(self, held: Held, progress: Outcome) -> None:
        """Keep how far a long stream has got, for the sweeper to post if this process dies. One try: the next follows soon."""
        self._books.store.record_checkpoint(held.intent, progress)

    def close_abandoned(self, record: IntentRecord) -> Closing:
        """End a request that nobody else will end: by its recorded outcome, else its last checkpoint, else for nothing.

        For the sweeper, which comes when the function that ran the request is long gone. Everything it does is conditional,
        so it is harmless if that is not so.
        """
        intent = record.intent
        books = self._books
        wallet = books.again(lambda: books.store.read_wallet(intent.account_id, intent.kind))
        entry_id = entry_id_of(intent.request_id, EntryType.REQUEST)
        entry = books.again(lambda: books.store.read_entry(intent.account_id, intent.kind, entry_id))
        hold = wallet.holds.get(intent.request_id) if wallet is not None else None
        if entry is not None:
            # A hold beside an entry was placed again by a delayed message after the request had ended.
            released = hold is not None and self.release(entry, hold)
            return Closing.RELEASED if released else Closing.WAS_ENDED
        try:
            if hold is None:
                # The entry also stands in the way of a settle that was delayed, and lets a delayed hold be released.
                books.post(self._request_entry(Held(intent, 0), _ended(SettlementReason.NOT_HELD)), Unchanged())
                return Closing.NOT_HELD
            outcome = record.outcome or record.checkpoint or _ended(SettlementReason.ABANDONED)
            self.settle(Held(intent, hold.nano), outcome)
            return Closing.SETTLED if outcome.usage != Usage() else Closing.VOIDED
        except (AlreadySettled, HoldLost):
            return Closing.CHANGED_UNDER_US

    def end_for_retry(self, request_id: str) -> bool:
        """End a request whose answer is lost, for good, because a retry of it is about to run. Whether it was charged.

        A request that charged nothing gets a late entry of nothing, so that an answer that comes after all is not charged either.
        """
        books = self._books
        record = books.again(lambda: books.store.read_intent(request_id))
        if record is None:
            return False  # it never got as far as its intent, and its hold would be found by the reconciliation
        while self.close_abandoned(record) is Closing.CHANGED_UNDER_US:
            books.clock.sleep_ms(1)
        intent = record.intent
        entry = books.again(
            lambda: books.store.read_entry(intent.account_id, intent.kind, entry_id_of(request_id, EntryType.REQUEST))
        )
        assert entry is not None, "a closed request has an entry"
        if entry.wallet_nano:
            return True
        nothing = Outcome(SettlementReason.REPEATED, Usage(), UsageSource.NONE, ())
        try:
            late = books.post(self._request_entry(Held(intent, 0), nothing, EntryType.LATE), Unchanged())
        except AlreadySettled as already:
            late = already.entry
        return late.wallet_nano != 0

    def release(self, entry: Entry, hold: OpenHold) -> bool:
        """Give back a hold whose request `entry` has ended; False when it is not open any more.

        A part goes back into its run's hold, or is available again when that has been released.
        """
        whole = replace(hold, part_of=None)
        return any(
            self._books.again(
                partial(self._books.store.release_hold, entry.entry_id, entry.account_id, entry.kind, one)
            )
            for one in dict.fromkeys((hold, whole))
        )

    def _request_entry(self, held: Held, outcome: Outcome, entry_type: EntryType = EntryType.REQUEST) -> Entry:
        intent, price = held.intent, held.intent.price
        if intent.repeats is not None:
            outcome = replace(_ended(SettlementReason.REPEATED), attempts=outcome.attempts)
        # No output, no charge: such an ending counts no tokens, so that the receipt's own arithmetic gives zero.
        assert outcome.reason not in FREE_OF_CHARGE or outcome.usage == Usage()
        computed_nano = price_usage(outcome.usage, price)
        charge_nano = min(computed_nano, held.hold_nano)
        postings = (Posting("wallet", -charge_nano), Posting("revenue", charge_nano)) if charge_nano else ()
        return Entry(
            entry_id=entry_id_of(intent.request_id, entry_type),
            account_id=intent.account_id,
            kind=intent.kind,
            currency=price.currency,
            written_at_ms=self._books.clock.now_ms(),
            postings=postings,
            reference=intent.repeats,
            request=RequestFacts(
                key_id=intent.key_id,
                model=intent.model,
                endpoint=intent.endpoint,
                attempts=outcome.attempts,
                backup_used=bool(outcome.attempts) and outcome.attempts[-1].channel_id != intent.primary_channel_id,
                price_version=price.version,
                price_basis=price.basis,
                unit_prices=price.unit_prices_for(outcome.usage.input_side),
                multiplier_ppm=price.multiplier_ppm,
                usage=outcome.usage,
                usage_source=outcome.usage_source,
                reason=outcome.reason,
                hold_nano=held.hold_nano,
                charge_nano=charge_nano,
                uncharged_nano=computed_nano - charge_nano,
            ),
        )


def _ended(reason: SettlementReason) -> Outcome:
    """An outcome that charges nothing."""
    return Outcome(reason, Usage(), UsageSource.NONE, ())
