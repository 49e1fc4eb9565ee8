"""The crash matrix of checkout catches a checkout that leaves out one of its rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults import of_checkout
from tests.faults.explore import explore
from tests.faults.shop import Processes, ShopWorld
from tests.faults.world import BooksBroken
from tokens_forge.checkout.orders import Order, OrderState, Taking, TakingState
from tokens_forge.checkout.port import NameTaken
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.ids import new_id
from tokens_forge.store.simulated_orders import SimulatedOrderStore


class CreditsEachTime(Progress):
    """Credits under a new id each time, as one that is keyed by the event would."""

    def _keep_promise(self, order: Order) -> bool:
        if order.state is not OrderState.PAID:
            return super()._keep_promise(order)
        self._balances.top_up(
            order.account_id,
            order.kind,
            order.amount,
            order_id=new_id("ord", self.clock.now_ms()),
            source=order.provider,
        )
        self.save(order, order.moved(OrderState.CREDITED), "credited")
        return True


class TakesUnpromised(Progress):
    """Takes back under a new id each time."""

    def _take(self, order: Order, taking: Taking) -> None:
        renamed = replace(taking, taking_id=new_id("dsp", self.clock.now_ms()))
        self._balances.take_back(
            order.account_id,
            order.kind,
            replace(order.amount, nano=taking.nano),
            entry_id=renamed.entry_id,
            order_id=order.order_id,
            source=order.provider,
        )
        self._save_taking(order, replace(taking, state=TakingState.TAKEN), "taken")


class GivesUpWhenSilent(Refunding):
    """Believes that a provider which did not answer has done nothing."""

    def _ask_provider(self, order: Order, taking: Taking) -> bool:
        if not super()._ask_provider(order, taking):
            self._refuse(order, taking, "silence")
        return True


class TakesAnyVersion(SimulatedOrderStore):
    """Writes over whatever is there."""

    def save(self, before: Order, after: Order, line: TrailLine) -> bool:
        try:
            if super().save(before, after, line):
                return True
        except NameTaken:
            pass
        self.orders[after.order_id] = after
        return True


def with_progress(weak: type[Progress]) -> Callable[[], ShopWorld]:
    class Weakened(ShopWorld):
        def processes(self, *, at_peace: bool = False) -> Processes:
            made = super().processes(at_peace=at_peace)
            made.progress.__class__ = weak
            return made

    return Weakened


def with_refunding(weak: type[Refunding]) -> Callable[[], ShopWorld]:
    class Weakened(ShopWorld):
        def processes(self, *, at_peace: bool = False) -> Processes:
            made = super().processes(at_peace=at_peace)
            made.refunding.__class__ = weak
            return made

    return Weakened


class AnyVersion(ShopWorld):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.orders.__class__ = TakesAnyVersion


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("a webhook of a payment, asked once", with_progress(CreditsEachTime)),
        ("a webhook of a dispute, asked once", with_progress(TakesUnpromised)),
        ("a webhook of a dispute, asked once", AnyVersion),
        ("a refund whose answer is lost, while all is spent, asked until told", with_refunding(GivesUpWhenSilent)),
    ],
)
def test_a_weakened_checkout_is_caught(name: str, world: Callable[[], ShopWorld]) -> None:
    [operation] = [operation for operation in of_checkout.operations() if operation.name == name]
    with pytest.raises(BooksBroken):
        explore(operation, world, twists_max=1)
