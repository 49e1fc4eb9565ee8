"""Weakened protocols: each takes one rule away, and each must be caught.

`breaks` is the rule that the shortest way breaks. A variant changes one condition or one decision of the actors, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.protocol.checker import Protocol, Size
from tests.protocol.closers import Closers
from tests.protocol.gateway import Gateway
from tests.protocol.request import Look, Request, Stage, Step
from tests.protocol.store import WHOLE_HOLD, Answer, Books, Entry, Kind, Message, Said, Store, Wallet


class EntryWithoutCondition(Store):
    def may_enter(self, books: Books) -> bool:
        return True


class HoldWithoutItsId(Store):
    def may_set_aside(self, nano: int, books: Books) -> bool:
        return True


class IntentOverwrites(Store):
    def may_put_intent(self, books: Books) -> bool:
        return True


class LateWithoutCondition(Store):
    def may_enter_late(self, books: Books) -> bool:
        return True


class LateBeyondAvailable(Store):
    def may_take(self, wallet: Wallet, nano: int) -> bool:
        return True


class EntryAndHoldInTwoCalls(Store):
    def _end(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        entered = super()._end(message, books, wallet)
        return entered._replace(books=entered.books._replace(hold=books.hold), wallet=wallet)


class NeverChecksBalance(Store):
    def covers(self, wallet: Wallet, nano: int) -> bool:
        return True


class CheckThenDeduct(Gateway):
    """It reads the balance with one call, and sets aside with the next."""

    def hears_of_intent(self, request: Request, answer: Answer) -> Request:
        if answer.wallet.available < WHOLE_HOLD:
            return request._replace(stage=Stage.REFUSED)
        return super().hears_of_intent(request, answer)


class HoldBeforeIntentStands(Gateway):
    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        yield from super().steps(request, wallet)
        if request.stage is Stage.INTENT:
            hold = request.sends(Stage.HOLD, Message(Kind.HOLD, WHOLE_HOLD), self.store)
            yield Step("the gateway does not wait for its intent, and sends the hold", hold, wallet)


class SilenceIsAYes(Gateway):
    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        yield from super().steps(request, wallet)
        if request.stage is Stage.HOLD:
            held = request._replace(stage=Stage.UPSTREAM, held=WHOLE_HOLD)
            yield Step("the gateway hears nothing of its hold, and calls the provider", held, wallet)


class InsistsOnTheSmallHold(Gateway):
    """As the code was before this model found it."""

    def hears_of_hold(self, request: Request, message: Message, answer: Answer) -> Request:
        if answer.said is Said.ALREADY_HELD and answer.books.hold != message.nano:
            return request._replace(alarm="a hold of another size stands than was asked for")
        return super().hears_of_hold(request, message, answer)


class LateAfterAnyEnd(Gateway):
    def may_charge_late(self, ended: Entry) -> bool:
        return True


class ReleaseWithoutEntry(Store):
    def has_ended(self, books: Books) -> bool:
        return True


class ReleasesWhatIsOld(Closers):
    """It gives an old hold back, and does not look for the entry."""

    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        return Message(Kind.RELEASE, look.hold) if look.hold else super().decision(look, entry)


class HoldsExpire(Closers):
    """A clock gives holds back."""

    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        yield from super().steps(request, wallet)
        if request.books.hold:
            expired = request.written(request.books._replace(hold=0), self.store)
            yield Step("the hold expires", expired, wallet.close(request.books.hold, 0))


class NoStone(Closers):
    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        return super().decision(look, entry) if look.hold else None

    def may_pass(self, books: Books) -> bool:
        return not books.hold


class VoidsWhateverWasRecorded(Closers):
    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        return super().decision(look._replace(outcome=None, checkpoint=False), entry)


class PrefersTheCheckpoint(Closers):
    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        return super().decision(look._replace(outcome=None if look.checkpoint else look.outcome), entry)


class SettlesTheIntentsAmount(Closers):
    """It closes the amount that the intent names, not the hold's own."""

    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        return super().decision(look._replace(hold=WHOLE_HOLD if look.hold else 0), entry)


class LeavesStrayHolds(Closers):
    def must_reconcile(self, books: Books) -> bool:
        return books.entry is None


class LeavesLateIntents(Closers):
    """As the code was before this model found it."""

    def must_reconcile(self, books: Books) -> bool:
        return books.hold > 0


class CloseWithoutHold(Store):
    def may_close(self, nano: int, books: Books) -> bool:
        return True


class SettleWithoutHold(CloseWithoutHold):
    """Only releases name the hold that they close."""

    def may_release(self, nano: int, books: Books) -> bool:
        return books.hold == nano


@dataclass(frozen=True)
class Variant:
    """One weakened protocol, and the rule it breaks; empty for a rule that is only a second lock."""

    name: str
    breaks: str
    store: type[Store] = Store
    gateway: type[Gateway] = Gateway
    closers: type[Closers] = Closers

    def protocol(self, size: Size) -> Protocol:
        return Protocol(size, self.store, self.gateway, self.closers)


VARIANTS = [
    Variant("no condition on the entry", "debits are not the fold of the journal", EntryWithoutCondition),
    Variant("entry and hold in two calls", "debits are not the fold of the journal", EntryAndHoldInTwoCalls),
    Variant("hold without its own id", "held is not the sum of the open holds", HoldWithoutItsId),
    Variant("check, then deduct", "available is negative", NeverChecksBalance, CheckThenDeduct),
    Variant("no check of the balance", "available is negative", NeverChecksBalance),
    Variant("hold sent before the intent stands", "a hold is open for ever", gateway=HoldBeforeIntentStands),
    Variant(
        "silence taken for a yes", "a running request has neither an entry nor an open hold", gateway=SilenceIsAYes
    ),
    Variant(
        "the small hold insists on its size",
        "a hold of another size stands than was asked for",
        gateway=InsistsOnTheSmallHold,
    ),
    Variant("intent put over its record", "a checkpoint that was recorded in time was not posted", IntentOverwrites),
    Variant("late charge after any end", "a late charge without a void", gateway=LateAfterAnyEnd),
    Variant("late charge without its own id", "debits are not the fold of the journal", LateWithoutCondition),
    Variant("late charge beyond what is available", "available is negative", LateBeyondAvailable),
    Variant(
        "blind release",
        "a running request has neither an entry nor an open hold",
        ReleaseWithoutEntry,
        closers=ReleasesWhatIsOld,
    ),
    Variant("release by clock", "a running request has neither an entry nor an open hold", closers=HoldsExpire),
    Variant(
        "release by clock, and settle without its hold", "held is negative", SettleWithoutHold, closers=HoldsExpire
    ),
    Variant("settle and release without their hold", "held is negative", CloseWithoutHold),
    Variant("no stone", "an intent has no entry for ever", closers=NoStone),
    Variant(
        "sweeper voids whatever was recorded",
        "a checkpoint that was recorded in time was not posted",
        closers=VoidsWhateverWasRecorded,
    ),
    Variant(
        "checkpoint before outcome", "an outcome that was recorded in time was not posted", closers=PrefersTheCheckpoint
    ),
    Variant("sweeper settles the intent's amount", "a hold is open for ever", closers=SettlesTheIntentsAmount),
    Variant("stray holds are left", "a hold is open for ever", closers=LeavesStrayHolds),
    Variant("late intents are left", "an intent has no entry for ever", closers=LeavesLateIntents),
]
SECOND_LOCKS = [
    Variant("release without its check of the entry", "", ReleaseWithoutEntry),
    Variant("settle without its check of the hold", "", SettleWithoutHold),
]
