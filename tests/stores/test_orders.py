"""Orders as they are stored: the same on DynamoDB and in memory, so that the crash matrix is about the real conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tests.unit.order_builders import ACCOUNT, order, refund
from tokens_forge.checkout.orders import Order, OrderState, Taking, TakingKind, TakingState
from tokens_forge.checkout.port import NameTaken, OrderStore, Repeat, Repeated
from tokens_forge.checkout.trail import TrailLine, step_line
from tokens_forge.ids import day_of
from tokens_forge.money import Money
from tokens_forge.store.orders import DynamoOrderStore
from tokens_forge.store.port import StoreSilent, StoreThrottled
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.wallets import WalletKind


@pytest.fixture(params=["simulated", "moto"])
def store(request: pytest.FixtureRequest) -> Iterator[OrderStore]:
    if request.param == "simulated":
        yield SimulatedOrderStore()
    else:
        yield store_on(request.getfixturevalue("moto"))


def store_on(engine: Engine, *faults: Fault, page: int | None = None) -> DynamoOrderStore:
    client: Any = FaultyDynamoDB(engine.client(), faults) if faults else engine.client()
    return DynamoOrderStore(client, engine.table_names["FORGE_ORDERS_TABLE"])


def line(made: Order, what: str = "created", at_ms: int = NOW_MS, **facts: str) -> TrailLine:
    return step_line(made, at_ms, what, **facts)


def paid(store: OrderStore, made: Order, payment_id: str = "pi_1") -> Order:
    """Written, opened, paid, credited."""
    store.create(made, line(made))
    opened = made.moved(OrderState.AWAITING_PAYMENT, session_id="cs_1", page_url="https://pay.test/cs_1")
    known = opened.moved(OrderState.PAID, payment_id=payment_id)
    credited = known.moved(OrderState.CREDITED)
    for before, after in ((made, opened), (opened, known), (known, credited)):
        assert store.save(before, after, line(after, after.state.value))
    return credited


def test_an_order_comes_back_as_it_was_written(store: OrderStore) -> None:
    credited = paid(store, order())
    taken = credited.with_taking(refund())
    dispute = Taking("dsp_" + "1" * 26, TakingKind.DISPUTE, 0, TakingState.ACCEPTED, provider_id="du_1", closed=True)
    both = taken.with_taking(dispute)
    assert store.save(credited, taken, line(taken)) and store.save(taken, both, line(both))
    assert store.read(both.order_id) == both and store.read("ord_nobody") is None
    assert store.order_of_payment("stripe", "pi_1") == both.order_id
    assert store.order_of_payment("sandbox", "pi_1") is None
    assert store.order_of_refund("rfd_" + "0" * 26) == both.order_id and store.order_of_refund("rfd_1") is None


def test_only_the_version_it_was_made_from_is_written_over(store: OrderStore) -> None:
    made = order()
    store.create(made, line(made))
    one = made.moved(OrderState.AWAITING_PAYMENT, session_id="cs_1")
    other = made.moved(OrderState.FAILED)
    assert store.save(made, one, line(one, "one")) and not store.save(made, other, line(other, "other"))
    assert not store.save(made, one, line(one, "one")), "a message that comes twice"
    assert store.read(made.order_id) == one
    assert [each.what for each in store.trail(made.order_id)] == ["created", "one"]
    unknown = order()
    assert not store.save(unknown, unknown.moved(OrderState.FAILED), line(unknown.moved(OrderState.FAILED)))


def test_the_state_machine_is_kept(store: OrderStore) -> None:
    made = order()
    store.create(made, line(made))
    credited = replace(made, state=OrderState.CREDITED, version=2, payment_id="pi_1")
    with pytest.raises(AssertionError, match="does not become"):
        store.save(made, credited, line(credited))
    assert store.read(made.order_id) == made


def test_a_payment_pays_for_one_order_and_a_refund_is_of_one(store: OrderStore) -> None:
    first = paid(store, order())
    other = order()
    store.create(other, line(other))
    opened = other.moved(OrderState.AWAITING_PAYMENT, session_id="cs_2")
    assert store.save(other, opened, line(opened))
    stolen = opened.moved(OrderState.PAID, payment_id="pi_1")
    with pytest.raises(NameTaken):
        store.save(opened, stolen, line(stolen))
    assert store.read(other.order_id) == opened and store.order_of_payment("stripe", "pi_1") == first.order_id
    second = paid(store, order(), "pi_2")
    for before, expected in ((first, True), (second, False)):
        after = before.with_taking(refund())
        if expected:
            assert store.save(before, after, line(after))
        else:
            with pytest.raises(NameTaken):
                store.save(before, after, line(after))
    assert store.read(second.order_id) == second


def test_an_idempotency_key_makes_one_order_of_its_account(store: OrderStore) -> None:
    made, again = order(), order()
    repeat = Repeat(ACCOUNT, "mine", "official 20")
    assert store.create(made, line(made), repeat) is None
    assert store.create(made, line(made), repeat) is None, "the same message again"
    assert store.create(again, line(again), replace(repeat, asked="x")) == Repeated(made.order_id, "official 20")
    assert store.read(again.order_id) is None
    assert store.create(again, line(again), replace(repeat, account_id="acc_another00000")) is None
    assert store.create(order(), line(order())) is None, "without a key each is an order of its own"
    assert store.create(made, line(made)) is None and store.read(made.order_id) == made


def test_a_line_is_written_once_and_the_trail_is_in_order(store: OrderStore) -> None:
    made = order()
    store.create(made, line(made))
    late, early = TrailLine("event#b", NOW_MS + 2, "late"), TrailLine("event#c", NOW_MS + 1, "early", {"a": "b"})
    assert store.note(made.order_id, late) and store.note(made.order_id, early)
    assert not store.note(made.order_id, replace(late, what="again"))
    assert [each.what for each in store.trail(made.order_id)] == ["created", "early", "late"]
    assert store.trail(made.order_id)[1] == early and store.trail("ord_nobody") == []


def test_orders_are_listed_by_account_and_by_day(store: OrderStore) -> None:
    made = [order(NOW_MS + step) for step in range(5)]
    foreign, older = order(account="acc_another00000"), order(NOW_MS - 86_400_000)
    routed = order(account="acc_another00000", kind=WalletKind.ROUTED, amount=Money(10**9, "CNY"))
    for each in (*made, foreign, older, routed):
        store.create(each, line(each))
    newest_first = [older, *made][::-1]
    assert store.of_account(ACCOUNT, before=None, limit=100) == newest_first
    assert store.of_account(ACCOUNT, before=None, limit=2) == newest_first[:2]
    assert store.of_account(ACCOUNT, before=newest_first[1].order_id, limit=2) == newest_first[2:4]
    assert store.of_account("acc_nobody000000", before=None, limit=2) == []
    of_day = [each.order_id for each in sorted((*made, foreign), key=lambda each: each.order_id, reverse=True)]
    assert list(store.of_day(WalletKind.OFFICIAL, day_of(NOW_MS))) == of_day
    assert list(store.of_day(WalletKind.ROUTED, day_of(NOW_MS))) == [routed.order_id]
    assert list(store.of_day(WalletKind.OFFICIAL, "1999-01-01")) == []


def test_lists_longer_than_a_page_of_dynamodb_are_whole(moto: Engine) -> None:
    store = store_on(moto)
    made = [order(NOW_MS + step) for step in range(7)]
    for each in made:
        store.create(each, line(each))
    pages = Pages(moto.client(), 3)
    small = DynamoOrderStore(pages, moto.table_names["FORGE_ORDERS_TABLE"])
    assert small.of_account(ACCOUNT, before=None, limit=7) == made[::-1]
    assert list(small.of_day(WalletKind.OFFICIAL, day_of(NOW_MS))) == [each.order_id for each in made[::-1]]
    pages.unread = 2
    assert small.of_account(ACCOUNT, before=None, limit=7) == made[::-1], "a part of a batch is asked for again"
    pages.unread = 7
    with pytest.raises(StoreThrottled):
        small.of_account(ACCOUNT, before=None, limit=7)


class Pages:
    """A client whose pages are small, and which does not read all of a batch."""

    def __init__(self, client: Any, size: int) -> None:
        self._client = client
        self._size = size
        self.unread = 0

    def query(self, **arguments: Any) -> Any:
        return self._client.query(**{**arguments, "Limit": self._size})

    def batch_get_item(self, RequestItems: Any) -> Any:
        [(table, asked)] = RequestItems.items()
        unread, self.unread = self.unread, max(self.unread - 7, 0)
        keys, rest = asked["Keys"][unread:], asked["Keys"][:unread]
        answer: dict[str, Any] = {"Responses": {}}
        if keys:
            answer = self._client.batch_get_item(RequestItems={table: {**asked, "Keys": keys}})
        return {**answer, "UnprocessedKeys": {table: {"Keys": rest}} if rest else {}}


@pytest.mark.parametrize("fault", [Fault.TWICE, Fault.REPLY_LOST])
def test_a_step_whose_message_comes_twice_or_whose_reply_is_lost_is_taken_once(moto: Engine, fault: Fault) -> None:
    made = order()
    calm = store_on(moto)
    calm.create(made, line(made))
    opened = made.moved(OrderState.AWAITING_PAYMENT, session_id="cs_1")
    store = store_on(moto, fault)
    try:
        store.save(made, opened, line(opened))
    except StoreSilent:
        assert not store.save(made, opened, line(opened))
    assert calm.read(made.order_id) == opened and len(calm.trail(made.order_id)) == 2
