"""Checkout as its buyer sees it: order balance for a wallet, pay on the provider's page, see it credited."""

from __future__ import annotations

from collections.abc import Mapping

from tokens_forge.checkout.limits import OrderLimits, parse_amount
from tokens_forge.checkout.orders import Order, OrderState
from tokens_forge.checkout.port import PaymentProvider, ProviderRefused, ProviderSilent, Repeat
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.trail import TrailLine, step_line
from tokens_forge.clock import Clock
from tokens_forge.errors import (
    IdempotencyKeyReused,
    KeyNotPermitted,
    NotFound,
    PaymentProviderRefused,
    PaymentProviderSilent,
    RateLimited,
    WalletFrozen,
)
from tokens_forge.identity import Identity
from tokens_forge.ids import new_id, random_letters, ulid_of
from tokens_forge.keys import KeyLimits
from tokens_forge.limits import MINUTE_MS, LimitStore
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import Wallet, WalletKind, WalletStatus

PAGE_TOKEN_LETTERS = 32
ORDERS_A_MINUTE = KeyLimits(requests_per_minute=20)  # of one account
CHECKS_A_MINUTE = KeyLimits(requests_per_minute=6)  # of one order
IDEMPOTENCY_KEY_LETTERS_MAX = 255
BUSY = {"retry-after": "5"}


class Checkout:
    """Works on the orders of one account at a time. Its methods block, and raise StoreFault."""

    def __init__(
        self,
        progress: Progress,
        ledger: LedgerStore,
        providers: Mapping[str, PaymentProvider],
        limiter: LimitStore,
        clock: Clock,
        *,
        provider: str,
        limits: Mapping[str, OrderLimits],
    ) -> None:
        """`provider` is the one that new orders are paid with."""
        self._progress = progress
        self._ledger = ledger
        self._providers = providers
        self._limiter = limiter
        self._clock = clock
        self._provider = provider
        self.limits = limits

    def wallet(self, account_id: str, kind: WalletKind) -> Wallet:
        """The wallet that an order would fill. Raises NotFound."""
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            raise NotFound(f"This account has no {kind.label}.")
        return wallet

    def order(
        self, buyer: Identity, kind: WalletKind, amount: str, *, return_url: str, idempotency_key: str | None = None
    ) -> Order:
        """A new order with its payment page, or the same one again under the same Idempotency-Key.

        Raises ForgeError. A provider that does not answer leaves the order `created`; its page is opened by asking again.
        """
        may_buy(buyer, kind)
        wallet = self.wallet(buyer.account_id, kind)
        if wallet.status is not WalletStatus.ACTIVE:
            raise WalletFrozen(f"The {kind.label} of this account is frozen.", extras={"wallet": kind.value})
        money = parse_amount(amount, wallet.currency, self.limits)
        now_ms = self._clock.now_ms()
        order = Order(
            order_id=new_id("ord", now_ms),
            account_id=buyer.account_id,
            kind=kind,
            amount=money,
            provider=self._provider,
            key_id=buyer.key.key_id,
            page_token=random_letters(PAGE_TOKEN_LETTERS),
            created_at_ms=now_ms,
            return_url=return_url,
        )
        repeat = None
        if idempotency_key is not None:
            repeat = Repeat(buyer.account_id, idempotency_key, f"{kind.value} {money} {money.currency}")
        return self._with_page(self._written(order, repeat))

    def _written(self, order: Order, repeat: Repeat | None) -> Order:
        self._count(f"orders#{order.account_id}", ORDERS_A_MINUTE, "order", "20 orders a minute")
        shown = f"{order.amount} {order.amount.currency}"
        line = step_line(order, order.created_at_ms, "created", wallet=order.kind.value, amount=shown, key=order.key_id)
        before = self._progress.again(lambda: self._progress.store.create(order, line, repeat))
        if before is None:
            return order
        if repeat is not None and before.asked != repeat.asked:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was sent with another wallet or amount before.", param="Idempotency-Key"
            )
        return self._progress.read(before.order_id)

    def find(self, account_id: str, order_id: str) -> Order:
        """An order of this account. Raises NotFound, also for another account's."""
        order = self.find_anybodys(order_id)
        if order is None or order.account_id != account_id:
            raise NotFound(f"This account has no order {order_id!r}.")
        return order

    def find_anybodys(self, order_id: str) -> Order | None:
        """An order by its id alone."""
        if not order_id.startswith("ord_"):
            return None
        try:
            ulid_of(order_id)
        except ValueError:
            return None
        return self._progress.store.read(order_id)

    def orders_of(self, account_id: str, *, before: str | None, limit: int) -> list[Order]:
        """The account's orders, newest first."""
        return self._progress.store.of_account(account_id, before=before, limit=limit)

    def trail(self, order: Order) -> list[TrailLine]:
        """Everything that happened to an order, oldest first."""
        return self._progress.store.trail(order.order_id)

    def check(self, order: Order) -> Order:
        """ "I have paid": ask the provider, and follow what it says. Raises RateLimited, PaymentProviderSilent."""
        self._count(f"checks#{order.order_id}", CHECKS_A_MINUTE, "check", "6 checks of an order a minute")
        order = self._with_page(order)
        if order.session_id is None:
            return order  # refused by the provider: there is no page to ask about
        try:
            payment = self._providers[order.provider].read_payment(order.session_id)
        except ProviderSilent:
            raise PaymentProviderSilent(order.order_id, BUSY) from None
        except ProviderRefused as refused:
            raise PaymentProviderRefused(order.order_id, str(refused)) from None
        return self._progress.bring_on(order.order_id, payment)

    def _with_page(self, order: Order) -> Order:
        """The order with its page, opened now if it has none yet."""
        if order.state is not OrderState.CREATED:
            return order
        try:
            page = self._providers[order.provider].open_page(order, order.kind.label)
        except ProviderSilent:
            raise PaymentProviderSilent(order.order_id, BUSY) from None
        except ProviderRefused as refused:
            self._progress.save(order, order.moved(OrderState.FAILED), "page_refused", why=str(refused))
            raise PaymentProviderRefused(order.order_id, str(refused)) from None
        after = order.moved(OrderState.AWAITING_PAYMENT, session_id=page.session_id, page_url=page.url)
        self._progress.save(order, after, "page_opened", provider=order.provider, session=page.session_id)
        return self._progress.read(order.order_id)

    def _count(self, what: str, limits: KeyLimits, limit: str, words: str) -> None:
        now_ms = self._clock.now_ms()
        if not self._limiter.count(what, now_ms // MINUTE_MS, 0, limits).admitted:
            wait_s = -(-(MINUTE_MS - now_ms % MINUTE_MS) // 1000)
            raise RateLimited(f"At most {words}.", headers={"retry-after": str(wait_s)}, limit=f"checkout_{limit}")


def may_buy(buyer: Identity, kind: WalletKind) -> None:
    """A wallet is filled with a key of that wallet, or with the account's management key. Raises KeyNotPermitted."""
    if buyer.key.kind.wallet not in (None, kind):
        raise KeyNotPermitted(
            f"This key belongs to the {WalletKind(buyer.key.kind.value).label}. Order {kind.label} with a key of that wallet, "
            "or with the account's management key.",
            param="wallet",
        )
