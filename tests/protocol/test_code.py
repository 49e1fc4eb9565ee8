"""The model is the code's: in every reachable state the product's store and settlement do what the model's do."""

from __future__ import annotations

import asyncio
from functools import cache
from itertools import product
from typing import Any

import pytest

from tests.protocol.bridge import INTENTS, OUTCOMES, UNIT_NANO, arrive, real, seen, settlement_on
from tests.protocol.checker import Protocol, Search, Size
from tests.protocol.request import BEGUN, Request, Stage
from tests.protocol.store import SMALL_HOLD, WHOLE_HOLD, Books, Ending, Kind, Message, Store, Wallet
from tokens_forge.ending import Ending as GatewayEnding
from tokens_forge.intents import Held
from tokens_forge.journal import Entry, EntryType
from tokens_forge.settlement import HoldRefused
from tokens_forge.store.port import PostAnswer, StoreSilent
from tokens_forge.store.simulated import SimulatedLedgerStore

State = tuple[tuple[Books, Books], Wallet]
MESSAGES = [
    Message(Kind.INTENT),
    Message(Kind.CHECKPOINT),
    *(Message(Kind.HOLD, nano) for nano in (WHOLE_HOLD, SMALL_HOLD)),
    *(Message(Kind.OUTCOME, ending=ending) for ending in (Ending.PAID, Ending.FREE)),
    *(Message(Kind.SETTLE, nano, ending) for nano, ending in product((WHOLE_HOLD, SMALL_HOLD), OUTCOMES)),
    Message(Kind.STONE, 0, Ending.NOT_HELD),
    *(Message(Kind.LATE, nano, Ending.PAID) for nano in (WHOLE_HOLD, SMALL_HOLD)),
    Message(Kind.LOSS, 0, Ending.PAID),
    *(Message(Kind.RELEASE, nano) for nano in (WHOLE_HOLD, SMALL_HOLD)),
]
SIZE = Size(requests=2, looks_max=1, reads_apart=False, cursor=False)


@cache
def states(credits: int) -> list[State]:
    """Every state that the model's store can come to, each side of it once the first."""
    search = Search(Protocol(SIZE), credits)
    assert search.run().violation is None
    reached = {((first.books, second.books), wallet) for first, second, wallet in search.reached()}
    return sorted(reached, key=str)


@pytest.mark.parametrize("credits", [3, 5])
def test_every_message_does_the_same_to_the_products_store(credits: int) -> None:
    said = set()
    for (first, second), wallet in states(credits):
        for message in MESSAGES:
            answer = Store().arrive(message, first, wallet)
            store = real((first, second), wallet)
            assert arrive(store, INTENTS[0], message) is answer.said, (message, first, wallet)
            assert seen(store) == ((answer.books, second), answer.wallet), (message, first, wallet)
            said.add((message.kind, answer.said))
    assert len(said) >= 15, "every condition was met and missed"


def one_side(credits: int) -> list[tuple[Books, State]]:
    """Each state of the first request with its wallet, once."""
    found = {(first, wallet): ((first, second), wallet) for (first, second), wallet in states(credits)}
    return [(first, state) for (first, _), state in found.items()]


@pytest.mark.parametrize("credits", [3, 5])
def test_close_abandoned_is_the_models_look(credits: int) -> None:
    closers, closings = Protocol(SIZE).closers, set()
    for first, (books, wallet) in one_side(credits):
        if not first.intent:
            continue
        request, after = Request(Stage.ABSENT, books=first), wallet
        for _ in ("it reads", "it writes"):
            step = next(closers.steps(request, after), None)
            request, after = (step.request, step.wallet) if step else (request, after)
        store = real(books, wallet)
        record = store.read_intent(INTENTS[0].request_id)
        assert record is not None
        closings.add(settlement_on(store).close_abandoned(record).value)
        assert Store().worth_keeping(seen(store)[0][0]) == request.books
        assert seen(store)[1] == after
    assert closings == {"was_ended", "released", "settled", "voided", "not_held"}


@pytest.mark.parametrize("credits", [2, 3, 4, 5, 6])
def test_hold_and_clamp_are_the_models_gateway(credits: int) -> None:
    results = set()
    for first, (books, wallet) in one_side(credits):
        request, after = undisturbed(BEGUN._replace(books=first), wallet)
        store = real(books, wallet)
        held = held_as_the_gateway_does(store)
        assert request.stage is (Stage.UPSTREAM if held else Stage.REFUSED)
        assert request.held == held
        assert (Store().worth_keeping(seen(store)[0][0]), seen(store)[1]) == (request.books, after)
        results.add(held)
    assert results >= ({0, SMALL_HOLD} if credits < WHOLE_HOLD else {0, WHOLE_HOLD})


def held_as_the_gateway_does(store: SimulatedLedgerStore) -> int:
    """`Gateway._hold` with a clamp that knows one smaller size; 0 when it is refused."""
    settlement, made = settlement_on(store), INTENTS[0]
    try:
        return settlement.hold(made, 0).hold_nano // UNIT_NANO
    except HoldRefused as refused:
        if refused.wallet is None or refused.wallet.available_nano < SMALL_HOLD * UNIT_NANO:
            return 0
    return settlement.hold_less(made, 0, SMALL_HOLD * UNIT_NANO).hold_nano // UNIT_NANO


class SilentOnPost(SimulatedLedgerStore):
    """Answers everything but a settle."""

    def post(self, entry: Any, change: Any) -> PostAnswer:
        raise StoreSilent("no answer")


@pytest.mark.parametrize("credits", [3, 5])
def test_settle_and_what_follows_it_are_the_models_gateway(credits: int) -> None:
    stages = set()
    for first, (books, wallet) in one_side(credits):
        for held, ending in product((WHOLE_HOLD, SMALL_HOLD), (Ending.PAID, Ending.FREE)):
            begun = Request(Stage.SETTLE, held=held, ending=ending, books=first)
            request, after = undisturbed(begun, wallet)
            store = real(books, wallet)
            entry = ended_by_the_gateway(store, held, ending)
            assert (Store().worth_keeping(seen(store)[0][0]), seen(store)[1]) == (request.books, after)
            if entry is None:
                assert request.alarm
            else:
                stages.add(request.stage)
                late = request.stage in (Stage.CHARGED_LATE, Stage.LOST)
                assert entry.type is (EntryType.LATE if late else EntryType.REQUEST)
    assert stages == {Stage.SETTLED, Stage.ENDED_BY_OTHERS, Stage.CHARGED_LATE, Stage.LOST}


@pytest.mark.parametrize("credits", [3, 5])
def test_an_outcome_that_cannot_be_posted_is_kept_as_in_the_model(credits: int) -> None:
    for first, (books, wallet) in one_side(credits):
        begun = Request(Stage.KEEP, held=WHOLE_HOLD, ending=Ending.PAID, books=first)
        request, after = undisturbed(begun, wallet)
        store = real(books, wallet, SilentOnPost)
        assert ended_by_the_gateway(store, WHOLE_HOLD, Ending.PAID) is None
        assert (Store().worth_keeping(seen(store)[0][0]), seen(store)[1]) == (request.books, after)


def ended_by_the_gateway(store: SimulatedLedgerStore, held: int, ending: Ending) -> Entry | None:
    """What `Ending.settle` comes to."""
    ours = GatewayEnding(settlement_on(store), Held(INTENTS[0], held * UNIT_NANO))
    return asyncio.run(ours.settle(OUTCOMES[ending]))


def undisturbed(request: Request, wallet: Wallet) -> tuple[Request, Wallet]:
    """What a gateway comes to, up to its call of the provider, when every message arrives once and is answered."""
    gateway = Protocol(SIZE).gateway
    while request.stage is not Stage.UPSTREAM and not request.alarm:
        heard = (step for step in gateway.steps(request, wallet) if "the gateway hears: " in step.what)
        step = next(heard, None)
        if step is None:
            break
        request, wallet = step.request, step.wallet
    return request, wallet
