"""The gateway: identity → policy → quote → hold → attempts → settlement → receipt.

Each step takes what the step before returned. This module knows neither HTTP frameworks nor databases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from anyio import to_thread

from tokens_forge.catalog import Catalog, CatalogCache, Channel
from tokens_forge.chat_attempt import ChatAttempts
from tokens_forge.chat_request import ChatRequest
from tokens_forge.chat_stream import ChatStream, receipt_summary
from tokens_forge.clock import Clock
from tokens_forge.ending import Ending
from tokens_forge.errors import (
    ForgeError,
    InsufficientBalance,
    KeySpendLimit,
    NoHealthyRoute,
    NoPrice,
    StoreUnavailable,
    TooManyHolds,
    WalletFrozen,
)
from tokens_forge.identity import Authenticator, Identity
from tokens_forge.ids import new_id
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import Entry, SettlementReason
from tokens_forge.keys import Token
from tokens_forge.metering import judge
from tokens_forge.money import decimal
from tokens_forge.policy import Offer, decide, offers
from tokens_forge.providers import openai_chat
from tokens_forge.quotes import Quote, affordable_output_each, clamp, quote
from tokens_forge.routing import Routed, first_that_answers
from tokens_forge.settlement import HoldRefused, Settlement
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import run_to_end
from tokens_forge.wallets import HoldRefusal, WalletKind

Result = TypeVar("Result")
CHAT_ENDPOINT = "chat.completions"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: JSON body and headers."""

    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """A streamed answer: its headers are known, its charge is not yet."""

    stream: ChatStream
    headers: dict[str, str]


class _IdentityChanged(Exception):
    """The wallet's auth epoch has moved: the key must be read and judged again."""


class Gateway:
    """One per process. Its methods run on the event loop; whatever blocks goes to a worker thread."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalogs: CatalogCache,
        settlement: Settlement,
        attempts: ChatAttempts,
        clock: Clock,
        time_limit_s: float,
    ) -> None:
        self._authenticator = authenticator
        self._catalogs = catalogs
        self._settlement = settlement
        self._attempts = attempts
        self._clock = clock
        self._time_limit_s = time_limit_s

    async def identify(self, authorization: str | None) -> Identity:
        """Who sends this Authorization header. Raises InvalidKey."""
        return await self._prove(self._authenticator.token_of(authorization))

    async def offers(self, identity: Identity) -> list[Offer]:
        """Every model this key can call. Raises KeyNotPermitted for a management key."""
        catalog = await self._catalog(identity.wallet)
        return offers(identity.key, catalog, self._clock.now_ms())

    async def offer(self, identity: Identity, model_id: str) -> Offer:
        """One model this key can call, or the error that says why not."""
        catalog = await self._catalog(identity.wallet)
        return decide(identity.key, model_id, catalog, self._clock.now_ms())

    async def quote(self, identity: Identity, request: ChatRequest) -> Quote:
        """What a request will cost at most. Nothing is held or charged."""
        return quote(await self.offer(identity, request.model), request)

    async def chat(self, authorization: str | None, request: ChatRequest) -> Answer | StreamAnswer:
        """Answer a chat completion and charge it to the key's wallet. Raises ForgeError."""
        token = self._authenticator.token_of(authorization)
        for _ in range(2):
            identity = await self._prove(token)
            quoted = await self.quote(identity, request)
            try:
                held, quoted = await self._hold(identity, quoted)
            except _IdentityChanged:
                self._authenticator.forget(identity)
                continue
            return await self._answer(Ending(self._settlement, held), quoted)
        raise StoreUnavailable("This key is being changed right now.", headers={"retry-after": "1"})

    async def _answer(self, ending: Ending, quoted: Quote) -> Answer | StreamAnswer:
        """Everything after the hold. However it ends, the request is settled."""
        try:
            if quoted.request.stream:
                return await self._stream(ending, quoted)
            return await self._whole(ending, quoted)
        except BaseException:
            # Also a cancellation, which is no Exception. After a settle this does nothing.
            await ending.void(SettlementReason.GATEWAY_FAILED, ())
            raise

    async def _whole(self, ending: Ending, quoted: Quote) -> Answer:
        deadline_ms = self._deadline_ms()

        async def attempt(channel: Channel) -> dict[str, Any]:
            return await self._attempts.whole(quoted, channel, self._time_left_s(deadline_ms))

        routed = await first_that_answers(quoted.offer.channels, attempt, self._clock)
        if routed.result is None:
            raise await self._no_answer(ending, quoted, routed)
        body = routed.result
        outcome = judge(
            SettlementReason.COMPLETED,
            reported=openai_chat.usage_of(body.get("usage")),
            output_bytes=sum(openai_chat.output_bytes(choice.get("message")) for choice in body["choices"]),
            prompt_bytes=quoted.request.text_bytes,
            attempts=routed.attempts,
        )
        entry = await ending.settle(outcome)
        body["model"] = quoted.offer.model.model_id
        body["forge_receipt"] = receipt_summary(ending, entry)
        return Answer(body, _headers(ending, quoted, routed, entry))

    async def _stream(self, ending: Ending, quoted: Quote) -> StreamAnswer:
        deadline_ms = self._deadline_ms()

        async def attempt(channel: Channel) -> Any:
            return await self._attempts.stream(quoted, channel, self._time_left_s(deadline_ms))

        routed = await first_that_answers(quoted.offer.channels, attempt, self._clock)
        if routed.result is None:
            raise await self._no_answer(ending, quoted, routed)
        stream = ChatStream(routed.result, quoted, ending, routed.attempts, clock=self._clock, deadline_ms=deadline_ms)
        return StreamAnswer(stream, _headers(ending, quoted, routed, None))

    async def _no_answer(self, ending: Ending, quoted: Quote, routed: Routed[Any]) -> ForgeError:
        """Settle for nothing, and say why there is no answer."""
        rejected = routed.rejected
        reason = SettlementReason.UPSTREAM_REJECTED if rejected else SettlementReason.UPSTREAM_FAILED
        entry = await ending.void(reason, routed.attempts)
        error: ForgeError = rejected or NoHealthyRoute(
            f"No channel could serve {quoted.offer.model.model_id!r} right now "
            f"({', '.join(attempt.outcome for attempt in routed.attempts)}). Nothing was charged.",
            headers={"retry-after": str(max(routed.retry_after_s or 2, 1))},
        )
        error.headers.update(_headers(ending, quoted, routed, entry))
        return error

    async def _hold(self, identity: Identity, quoted: Quote) -> tuple[Held, Quote]:
        """Set the quote's maximum aside, or a clamped one when the client left the output limit to us."""
        intent = self._intent(identity, quoted)
        try:
            held = await self._on_ledger(lambda: self._settlement.hold(intent, identity.auth_epoch))
            return held, quoted
        except HoldRefused as refused:
            available_nano = refused.wallet.available_nano if refused.wallet else 0
            smaller = clamp(quoted, available_nano) if refused.refusal is HoldRefusal.INSUFFICIENT else None
            if smaller is None:
                raise self._refusal(refused, quoted, identity) from None
        nano = smaller.max_charge_nano
        try:
            held = await self._on_ledger(lambda: self._settlement.hold_less(intent, identity.auth_epoch, nano))
            return held, smaller
        except HoldRefused as refused:
            raise self._refusal(refused, quoted, identity) from None

    def _intent(self, identity: Identity, quoted: Quote) -> Intent:
        return Intent(
            request_id=new_id("req", self._clock.now_ms()),
            account_id=identity.account_id,
            kind=quoted.offer.kind,
            key_id=identity.key.key_id,
            key_has_spend_limit=identity.key.spend_limit_nano is not None,
            model=quoted.offer.model.model_id,
            endpoint=CHAT_ENDPOINT,
            primary_channel_id=quoted.offer.primary.channel_id,
            price=quoted.offer.price,
            hold_nano=quoted.max_charge_nano,
        )

    def _refusal(self, refused: HoldRefused, quoted: Quote, identity: Identity) -> Exception:
        """The client's error for a refused hold."""
        kind, currency, needed_nano = quoted.offer.kind, quoted.offer.price.currency, quoted.max_charge_nano
        wallet = refused.wallet
        if refused.refusal is HoldRefusal.AUTH_EPOCH:
            return _IdentityChanged()
        if refused.refusal is HoldRefusal.FROZEN:
            return WalletFrozen(f"The {kind.label} of this account is frozen.", extras={"wallet": kind.value})
        if refused.refusal is HoldRefusal.TOO_MANY_HOLDS:
            message = f"Too many requests on the {kind.label} are under way at once."
            return TooManyHolds(message, extras={"wallet": kind.value}, headers={"retry-after": "1"})
        if refused.refusal is HoldRefusal.KEY_SPEND_LIMIT:
            assert wallet is not None
            left_nano = wallet.key_spend_left_nano.get(identity.key.key_id, 0)
            return KeySpendLimit(kind=kind, currency=currency, needed_nano=needed_nano, left_nano=left_nano)
        if refused.refusal in (HoldRefusal.INSUFFICIENT, HoldRefusal.NO_WALLET):
            available_nano = wallet.available_nano if wallet else 0
            return InsufficientBalance(
                kind=kind,
                currency=currency,
                needed_nano=needed_nano,
                available_nano=available_nano,
                held_nano=wallet.held_nano if wallet else 0,
                affordable_output_tokens=affordable_output_each(quoted, available_nano),
            )
        assert refused.refusal is HoldRefusal.CURRENCY, refused.refusal
        assert wallet is not None
        return _wrong_currency(kind, wallet.currency, currency)

    async def _on_ledger(self, operation: Callable[[], Result]) -> Result:
        """Run a hold to its end: one that was placed while its request was cancelled is voided by `_answer`."""
        try:
            return await run_to_end(operation)
        except StoreFault as fault:
            raise StoreUnavailable(
                "The ledger did not answer. Nothing was sent to a provider.", headers={"retry-after": "1"}
            ) from fault

    async def _prove(self, token: Token) -> Identity:
        cached = self._authenticator.prove_cached(token)
        return cached if cached is not None else await to_thread.run_sync(self._authenticator.prove, token)

    async def _catalog(self, kind: WalletKind) -> Catalog:
        fresh = self._catalogs.fresh(kind)
        return fresh if fresh is not None else await to_thread.run_sync(self._catalogs.read, kind)

    def _deadline_ms(self) -> int:
        return self._clock.now_ms() + int(self._time_limit_s * 1000)

    def _time_left_s(self, deadline_ms: int) -> float:
        return (deadline_ms - self._clock.now_ms()) / 1000


def _wrong_currency(kind: WalletKind, wallet_currency: str, price_currency: str) -> ForgeError:
    return NoPrice(
        f"The {kind.label} of this account is kept in {wallet_currency}; this model's price is in {price_currency}.",
        extras={"wallet": kind.value, "currency": wallet_currency},
    )


def _headers(ending: Ending, quoted: Quote, routed: Routed[Any], entry: Entry | None) -> dict[str, str]:
    """The settlement path of this answer, as far as it is known by now."""
    served_by = routed.attempts[-1].channel_id if routed.attempts else quoted.offer.primary.channel_id
    headers = {
        "x-forge-receipt-id": ending.request_id,
        "x-forge-wallet": quoted.offer.kind.value,
        "x-forge-route": served_by,
        "x-forge-backup-used": "true" if served_by != quoted.offer.primary.channel_id else "false",
    }
    if entry is not None and entry.request is not None:
        headers["x-forge-charge"] = f"{decimal(entry.request.charge_nano)} {entry.currency}"
    return headers
