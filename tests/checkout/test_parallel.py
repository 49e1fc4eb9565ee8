"""Many at once, on an engine that really serves them at once: an order is credited once, and taken back once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.faults.bank import Bank
from tests.faults.faulty_store import FaultyCalls
from tests.support.deployment import deploy
from tests.support.engines import Engine
from tokens_forge.checkout.limits import parse_limits
from tokens_forge.checkout.orders import OrderState, TakingKind
from tokens_forge.checkout.port import Standing
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.checkout.service import Checkout
from tokens_forge.clock import SystemClock
from tokens_forge.identity import Authenticator
from tokens_forge.ids import new_id
from tokens_forge.money import Money
from tokens_forge.settlement import Balances, Books, Refunds
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.store.orders import DynamoOrderStore
from tokens_forge.wallets import WalletKind

CALLERS = 12
UNIT = 10**9


def test_twelve_callers_at_once_credit_an_order_once_and_refund_it_once(concurrent_engine: Engine) -> None:
    made = deploy(concurrent_engine, "http://127.0.0.1:1/v1")
    clock, tables, client = SystemClock(), made.settings.tables, concurrent_engine.client()
    bank = Bank(FaultyCalls(lambda _: None))
    books = Books(made.ledger, clock)
    progress = Progress(DynamoOrderStore(client, tables.orders), made.ledger, Balances(books), Refunds(books), clock)
    checkout = Checkout(
        progress,
        made.ledger,
        {bank.name: bank},
        DynamoLimitStore(client, tables.state),
        clock,
        provider=bank.name,
        limits=parse_limits("USD 5 1000"),
    )
    reader = Authenticator(DynamoAccountStore(client, tables.accounts, tables.wallets), made.ledger, clock)
    buyer = reader.prove(reader.token_of(f"Bearer {made.key()}"))
    with ThreadPoolExecutor(CALLERS) as callers:
        orders = list(
            callers.map(
                lambda _: checkout.order(
                    buyer, WalletKind.OFFICIAL, "20", return_url="https://forge.test", idempotency_key="mine"
                ),
                range(CALLERS),
            )
        )
        [order_id] = {order.order_id for order in orders}
        [page] = bank.pages
        bank.pay(page)
        after = list(callers.map(lambda _: progress.bring_on(order_id, bank.read_payment(page)), range(CALLERS)))
        assert {order.state for order in after} == {OrderState.CREDITED}
        assert made.wallet().available_nano == 20 * UNIT
        refunding, refund_id = Refunding(progress, {bank.name: bank}), new_id("rfd", clock.now_ms())
        list(
            callers.map(
                lambda _: refunding.refund(
                    order_id, Money(15 * UNIT, "USD"), reason="why", actor="anna", refund_id=refund_id
                ),
                range(CALLERS),
            )
        )
        wallet = made.wallet()
        assert (wallet.available_nano, wallet.held_nano, wallet.debt_nano) == (5 * UNIT, 0, 0)
        bank.take(page, TakingKind.DISPUTE, 20 * UNIT, Standing.GONE)
        list(callers.map(lambda _: progress.bring_on(order_id, bank.read_payment(page)), range(CALLERS)))
    wallet = made.wallet()
    assert (wallet.available_nano, wallet.held_nano, wallet.debt_nano) == (0, 0, 0)
    assert made.scheduled().reconciliation.run().findings == []
