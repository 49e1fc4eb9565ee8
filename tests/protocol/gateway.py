"""The gateway process of the model: intent, hold, provider, settle, as `settlement/requests.py` and `ending.py` do it.

A process that dies is one that takes no further step, so a crash needs no step of its own: the rules look at every state as if each
process had just died in it. In the same way a lost message is one that never arrives, and giving up before anything was sent
upstream is the same as dying. Two sizes of hold, one charge and one checkpoint stand for all; the keys' spend limits, the wallet's
status, epoch and number of holds are conditions of the same update as the balance, and are left to the conformance suite.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.protocol.request import Request, Stage, Step
from tests.protocol.store import SMALL_HOLD, WHOLE_HOLD, Answer, Ending, Entry, Kind, Message, Said, Store, Wallet


class Gateway:
    """What one gateway process may do next. A weakened gateway overrides one decision."""

    def __init__(self, store: Store, *, streams: bool) -> None:
        self.store = store
        self._streams = streams

    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        """Arrivals of its messages, answered or not, and its own decisions."""
        for message in request.sent:
            answer = self.store.arrive(message, request.books, wallet)
            if (answer.books, answer.wallet) != (request.books, wallet):
                written = request.written(answer.books, self.store)
                yield Step(f"{message} arrives, the gateway hears nothing", written, answer.wallet)
        awaited = self.awaited(request)
        if awaited is not None:
            answer = self.store.arrive(awaited, request.books, wallet)
            heard = self.hears(request.written(answer.books, self.store), awaited, answer)
            yield Step(f"{awaited} arrives, the gateway hears: {answer.said}", heard, answer.wallet)
        if request.stage is Stage.UPSTREAM:
            checkpoint = Message(Kind.CHECKPOINT)
            if self._streams and not (request.books.checkpoint or checkpoint in request.sent):
                streaming = request.sends(Stage.UPSTREAM, checkpoint, self.store)
                yield Step("a long stream sends a checkpoint", streaming, wallet)
            for ending in (Ending.PAID, Ending.FREE):
                settle = Message(Kind.SETTLE, request.held, ending)
                ended = request._replace(ending=ending).sends(Stage.SETTLE, settle, self.store)
                yield Step(f"the provider's answer ends, {ending}", ended, wallet)
        if request.stage is Stage.SETTLE:
            kept = request.sends(Stage.KEEP, Message(Kind.OUTCOME, ending=request.ending), self.store)
            yield Step("the gateway gives up settling, and keeps the outcome", kept, wallet)

    def awaited(self, request: Request) -> Message | None:
        """The message whose answer the process waits for."""
        match request.stage:
            case Stage.INTENT:
                return Message(Kind.INTENT)
            case Stage.HOLD:
                return Message(Kind.HOLD, WHOLE_HOLD)
            case Stage.SMALL_HOLD:
                return Message(Kind.HOLD, SMALL_HOLD)
            case Stage.SETTLE:
                return Message(Kind.SETTLE, request.held, request.ending)
            case Stage.KEEP:
                return Message(Kind.OUTCOME, ending=request.ending)
            case Stage.LATE:
                return Message(Kind.LATE, request.held, request.ending)
            case Stage.LOSS:
                return Message(Kind.LOSS, 0, request.ending)
            case _:
                return None

    def hears(self, request: Request, message: Message, answer: Answer) -> Request:
        """The answer's consequence."""
        match request.stage:
            case Stage.INTENT:
                return self.hears_of_intent(request, answer)
            case Stage.HOLD | Stage.SMALL_HOLD:
                return self.hears_of_hold(request, message, answer)
            case Stage.SETTLE:
                return self.hears_of_settle(request, message, answer)
            case Stage.KEEP:
                return request._replace(stage=Stage.KEPT)
            case _:
                return self.hears_of_late(request, message, answer)

    def hears_of_intent(self, request: Request, answer: Answer) -> Request:
        """The intent stands before anything is held."""
        return request.sends(Stage.HOLD, Message(Kind.HOLD, WHOLE_HOLD), self.store)

    def hears_of_hold(self, request: Request, message: Message, answer: Answer) -> Request:
        """`Settlement.hold`, `hold_less` and the gateway's clamp between them."""
        if answer.said is Said.DONE:
            return request._replace(stage=Stage.UPSTREAM, held=message.nano)
        if answer.said is Said.ALREADY_HELD:
            return request._replace(stage=Stage.UPSTREAM, held=answer.books.hold)
        if request.stage is Stage.HOLD and answer.wallet.available >= SMALL_HOLD:
            return request.sends(Stage.SMALL_HOLD, Message(Kind.HOLD, SMALL_HOLD), self.store)
        return request._replace(stage=Stage.REFUSED)

    def hears_of_settle(self, request: Request, message: Message, answer: Answer) -> Request:
        """`Ending._settle`."""
        if answer.said is Said.DONE or answer.books.entry == message.entry:
            return request._replace(stage=Stage.SETTLED)
        if answer.said is Said.NO_HOLD:
            return request._replace(alarm="a running request has neither an entry nor an open hold")
        assert answer.books.entry is not None
        if request.ending is Ending.FREE or not self.may_charge_late(answer.books.entry):
            return request._replace(stage=Stage.ENDED_BY_OTHERS)
        return request.sends(Stage.LATE, Message(Kind.LATE, request.held, request.ending), self.store)

    def may_charge_late(self, ended: Entry) -> bool:
        """Only a void leaves something to charge."""
        return ended.charge == 0

    def hears_of_late(self, request: Request, message: Message, answer: Answer) -> Request:
        """`Settlement.settle_late`: what cannot be taken is written down as the operator's loss."""
        if answer.said is Said.INSUFFICIENT:
            return request.sends(Stage.LOSS, Message(Kind.LOSS, 0, request.ending), self.store)
        assert answer.books.late is not None
        return request._replace(stage=Stage.CHARGED_LATE if answer.books.late.charge else Stage.LOST)
