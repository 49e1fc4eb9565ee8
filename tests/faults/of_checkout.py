"""Orders, webhooks, refunds and disputes, killed at every call of a store or of the bank; the daily comparison finishes the rest.

What must hold at the end is the same for all: the wallet has of an order what the bank has of its payment, neither more nor less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from tests.faults.of_balances import FUNDS_NANO
from tests.faults.operation import Operation
from tests.faults.settled import intent, outcome
from tests.faults.shop import BOUGHT_NANO, ORDER_ID, SESSION_ID, open_order, shop_of
from tests.faults.world import ACCOUNT, World, ulid
from tokens_forge.checkout.comparison import OrderFinding
from tokens_forge.checkout.orders import UNFINISHED, Order, OrderState, TakingKind
from tokens_forge.checkout.port import PaymentStatus, ProviderSilent, Standing
from tokens_forge.errors import ForgeError, PaymentProviderSilent
from tokens_forge.identity import Identity
from tokens_forge.keys import Key, KeyKind
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind

REFUND_ID = f"rfd_{ulid('e')}"
REFUNDED_NANO = 6 * 10**8
KEY = Key("key_0123456789abcdefghjk", ACCOUNT, KeyKind.OFFICIAL, "test", "", 0)


def operations() -> list[Operation]:
    """Each asked once, and until told."""
    return [
        *_both("an order", _funded, _order),
        *_both("a webhook of a payment", _paid_unheard, _webhook, other=_webhook_aside),
        *_both("a webhook of a refund by hand", _refunded_unheard, _webhook, other=_spend, owing=True),
        *_both("a webhook of a dispute", _disputed_unheard, _webhook, other=_webhook_aside),
        *_both("a webhook of a dispute of what is spent", _disputed_when_spent, _webhook, other=_pay_in, owing=True),
        *_both("a webhook of a dispute that was won", _won_unheard, _webhook, other=_webhook_aside, owing=True),
        *_both("a refund", _credited, _refund, other=_webhook_aside),
        *_both("a refund while all is spent", _credited, _refund, other=_spend),
        *_both("a refund while somebody opens a dispute", _credited, _refund, other=_dispute),
        *_both("a refund that the bank refuses", _credited_at_a_stern_bank, _refund),
        *_both(
            "a refund whose answer is lost, while all is spent",
            _credited_at_a_deaf_bank,
            _refund,
            other=_spend,
            afterwards=_compare_twice,
        ),
        *_both("a refund asked by two", _credited, _refund, other=_refund_aside),
    ]


def _both(
    name: str,
    prepare: Callable[[World], object],
    process: Callable[[World], object],
    *,
    other: Callable[[World], object] | None = None,
    owing: bool = False,
    afterwards: Callable[[World], object] | None = None,
) -> Iterator[Operation]:
    """`owing`: what goes back was spent already, so that a debt is right. A refund of ours never makes one."""

    def fits(world: World) -> None:
        _fits(world)
        assert owing or not world.wallet().debt_nano, "a debt, though what was to go back was there"

    def prepared(world: World) -> None:
        prepare(world)

    for asked, again in (("once", False), ("until told", True)):
        yield Operation(
            f"{name}, asked {asked}",
            prepared,
            process,
            fits,
            asked_again=again,
            other=other,
            afterwards=afterwards or _compare,
        )


def _fits(world: World) -> None:
    """The wallet has of each order what the bank has of its payment, and nothing is left half done."""
    shop = shop_of(world)
    for order in shop.orders.orders.values():
        page = shop.bank.pages.get(order.session_id or "")
        paid = page is not None and page.status is PaymentStatus.PAID
        assert order.is_credited is paid and order.state is not OrderState.PAID, f"{order.state} though paid is {paid}"
        assert not [taking for taking in order.takings if taking.state in UNFINISHED], "a taking is half done"
        backs = page.back if page is not None else ()
        gone_nano = sum(back.amount.nano for back in backs if back.standing in (Standing.GONE, Standing.LOST))
        has_nano = order.amount.nano - min(gone_nano, order.amount.nano) if paid else 0
        entries = [entry for entry in shop.store.journal.values() if _is_of(order, entry.reference, entry.entry_id)]
        assert sum(entry.wallet_nano for entry in entries) == has_nano, "the wallet has another part than the bank"
        assert (order.remaining_nano if paid else 0) == has_nano, "the order says another part than the bank"


def _is_of(order: Order, reference: str | None, entry_id: str) -> bool:
    takings = {taking.entry_id for taking in order.takings}
    return reference == order.order_id or entry_id in takings or reference in takings


def _compare(world: World) -> None:
    shop = shop_of(world)
    done = shop.processes().comparison.run(shop.bank, lambda: True)
    # A refund on its way, a bank that is silent: another run finds them settled.
    passing = {"provider_did_not_answer", "refund_not_answered"}
    found: list[OrderFinding] = [finding for finding in done.findings if finding.problem not in passing]
    assert not found, f"the comparison found {found}"


def _compare_twice(world: World) -> None:
    """A bank that never answers a refund is asked on one day, and seen to have made it on the next."""
    _compare(world)
    _compare(world)


def _funded(world: World) -> None:
    world.fund(WalletKind.OFFICIAL, FUNDS_NANO)
    world.fund(WalletKind.ROUTED, FUNDS_NANO)


def _paid_unheard(world: World) -> None:
    _funded(world)
    open_order(world)
    shop_of(world).bank.pay(SESSION_ID)


def _credited(world: World) -> None:
    _paid_unheard(world)
    _webhook_aside(world)


def _credited_at_a_stern_bank(world: World) -> None:
    _credited(world)
    shop_of(world).bank.refuses = True


def _credited_at_a_deaf_bank(world: World) -> None:
    _credited(world)
    shop_of(world).bank.loses_answers = True


def _refunded_unheard(world: World) -> None:
    _credited(world)
    shop_of(world).bank.take(SESSION_ID, TakingKind.REFUND, REFUNDED_NANO, Standing.GONE)


def _dispute(world: World) -> None:
    """The whole payment, though a part of it may be refunded."""
    shop_of(world).bank.take(SESSION_ID, TakingKind.DISPUTE, BOUGHT_NANO, Standing.GONE)


def _disputed_unheard(world: World) -> None:
    _refunded_unheard(world)
    _dispute(world)


def _disputed_when_spent(world: World) -> None:
    _credited(world)
    _spend(world)
    _dispute(world)


def _won_unheard(world: World) -> None:
    _disputed_when_spent(world)
    _webhook_aside(world)
    shop_of(world).bank.take(SESSION_ID, TakingKind.DISPUTE, BOUGHT_NANO, Standing.BACK)


def _spend(world: World) -> None:
    nano = world.wallet().available_nano
    if nano:
        settlement = world.settlement_at_peace()
        with suppress(Exception):
            settlement.settle(settlement.hold(intent("s", hold_nano=nano), 0), outcome(nano))


def _pay_in(world: World) -> None:
    world.balances_at_peace().top_up(
        ACCOUNT, WalletKind.OFFICIAL, Money(REFUNDED_NANO, "USD"), order_id=f"ord_{ulid('h')}", source="bank"
    )


def _order(world: World) -> None:
    shop = shop_of(world)
    buyer = Identity(KEY, 0, "USD")
    with suppress(PaymentProviderSilent):
        shop.processes().checkout.order(
            buyer, WalletKind.OFFICIAL, "1.00", return_url="https://forge.test", idempotency_key="mine"
        )


def _webhook(world: World) -> None:
    shop = shop_of(world)
    with suppress(ProviderSilent):
        shop.processes().webhooks.receive(shop.bank, ORDER_ID.encode(), None)


def _webhook_aside(world: World) -> None:
    shop = shop_of(world)
    at_peace = shop.processes(at_peace=True)
    at_peace.progress.bring_on(ORDER_ID, shop.bank.pages[SESSION_ID])


def _refund(world: World) -> None:
    with suppress(ForgeError):
        shop_of(world).processes().refunding.refund(
            ORDER_ID, Money(REFUNDED_NANO, "USD"), reason="because", actor="anna", refund_id=REFUND_ID
        )


def _refund_aside(world: World) -> None:
    shop_of(world).processes(at_peace=True).refunding.refund(
        ORDER_ID, Money(REFUNDED_NANO, "USD"), reason="because", actor="anna", refund_id=REFUND_ID
    )
