"""Holding: set a quote's maximum aside before anything is sent, or say which limit stands in the way."""

from __future__ import annotations

from tokens_forge.before_sending import before_sending
from tokens_forge.errors import (
    EstimateExceeded,
    ForgeError,
    InsufficientBalance,
    KeySpendLimit,
    NoPrice,
    RunSpent,
    TooManyHolds,
    WalletFrozen,
)
from tokens_forge.identity import Identity
from tokens_forge.intents import Held, Intent
from tokens_forge.keys import Key
from tokens_forge.money import decimal
from tokens_forge.quotes import Quote, affordable_output_each, clamp
from tokens_forge.settlement import HoldRefused, Settlement
from tokens_forge.threads import run_to_end
from tokens_forge.wallets import HoldRefusal, HoldRequest, Wallet, why_refused


class IdentityChanged(Exception):
    """The wallet's auth epoch has moved: the key must be read and judged again."""


class Holding:
    """Places holds. Its methods run on the event loop."""

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement

    async def hold(self, identity: Identity, quoted: Quote, request_id: str, repeats: str | None) -> tuple[Held, Quote]:
        """Set the quote's maximum aside, or a clamped one when the client left the output limit to us.

        Raises ForgeError when the wallet refuses or a run's step costs more than was estimated, IdentityChanged when the key must
        be judged again. It runs to its end: a hold that was placed while its request was cancelled is voided by whoever asked
        for it.
        """
        if identity.part is not None and quoted.max_charge_nano > identity.part.nano_max:
            raise EstimateExceeded(
                quoted.offer.kind, quoted.offer.price.currency, quoted.max_charge_nano, identity.part.nano_max
            )
        intent = _intent(identity, quoted, request_id, repeats)
        try:
            held = await before_sending(run_to_end(lambda: self._settlement.hold(intent, identity.auth_epoch)))
            return held, quoted
        except HoldRefused as refused:
            can_be_smaller = identity.part is None and refused.refusal in (
                HoldRefusal.INSUFFICIENT,
                HoldRefusal.KEY_SPEND_LIMIT,
            )
            smaller = clamp(quoted, spendable_nano(refused.wallet, identity.key)) if can_be_smaller else None
            if smaller is None:
                raise _refusal(refused, quoted, identity) from None
        nano = smaller.max_charge_nano
        try:
            held = await before_sending(
                run_to_end(lambda: self._settlement.hold_less(intent, identity.auth_epoch, nano))
            )
            return held, smaller
        except HoldRefused as refused:
            raise _refusal(refused, quoted, identity) from None


def spendable_nano(wallet: Wallet | None, key: Key) -> int:
    """What this key could set aside of the wallet now: what is available, within the key's own spend limit."""
    if wallet is None:
        return 0
    if key.spend_limit_nano is None:
        return wallet.available_nano
    return min(wallet.available_nano, wallet.key_spend_left_nano.get(key.key_id, 0))


def standing_in_the_way(wallet: Wallet, quoted: Quote, identity: Identity) -> ForgeError | None:
    """The error that a call of this quote would give now; None when its hold would pass. The hold's own conditions decide."""
    request = HoldRequest(
        account_id=identity.account_id,
        kind=quoted.offer.kind,
        currency=quoted.offer.price.currency,
        hold_id="quote",
        nano=quoted.max_charge_nano,
        auth_epoch=wallet.auth_epoch,
        placed_at_ms=0,
        limited_key_id=identity.key.key_id if identity.key.spend_limit_nano is not None else None,
    )
    refusal = why_refused(wallet, request)
    if refusal is None:
        return None
    error = _refusal(HoldRefused(refusal, wallet), quoted, identity)
    assert isinstance(error, ForgeError), "a quote has the wallet's own epoch"
    return error


def _intent(identity: Identity, quoted: Quote, request_id: str, repeats: str | None) -> Intent:
    return Intent(
        request_id=request_id,
        account_id=identity.account_id,
        kind=quoted.offer.kind,
        key_id=identity.key.key_id,
        key_has_spend_limit=identity.key.spend_limit_nano is not None,
        model=quoted.offer.model.model_id,
        endpoint=quoted.request.endpoint,
        primary_channel_id=quoted.offer.primary.channel_id,
        price=quoted.offer.price,
        hold_nano=quoted.max_charge_nano,
        repeats=repeats,
        part_of=identity.part.hold_id if identity.part is not None else None,
    )


def _refusal(refused: HoldRefused, quoted: Quote, identity: Identity) -> Exception:
    """The client's error for a refused hold."""
    kind, currency, needed_nano = quoted.offer.kind, quoted.offer.price.currency, quoted.max_charge_nano
    wallet = refused.wallet
    if refused.refusal is HoldRefusal.AUTH_EPOCH:
        return IdentityChanged()
    if refused.refusal is HoldRefusal.FROZEN:
        return WalletFrozen(f"The {kind.label} of this account is frozen.", extras={"wallet": kind.value})
    if refused.refusal is HoldRefusal.TOO_MANY_HOLDS:
        message = f"Too many requests on the {kind.label} are under way at once."
        return TooManyHolds(message, extras={"wallet": kind.value}, headers={"retry-after": "1"})
    if refused.refusal is HoldRefusal.KEY_SPEND_LIMIT:
        assert wallet is not None
        left_nano = wallet.key_spend_left_nano.get(identity.key.key_id, 0)
        affordable = affordable_output_each(quoted, spendable_nano(wallet, identity.key))
        return KeySpendLimit(
            kind=kind,
            currency=currency,
            needed_nano=needed_nano,
            left_nano=left_nano,
            affordable_output_tokens=affordable,
        )
    if refused.refusal in (HoldRefusal.RUN_ENDED, HoldRefusal.RUN_SPENT):
        return RunSpent(
            f"This run has not {decimal(needed_nano)} {currency} of its hold left.", extras={"wallet": kind.value}
        )
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
    assert refused.refusal is HoldRefusal.CURRENCY and wallet is not None, refused.refusal
    return _wrong_currency(quoted, wallet.currency)


def _wrong_currency(quoted: Quote, wallet_currency: str) -> ForgeError:
    kind, price = quoted.offer.kind, quoted.offer.price
    return NoPrice(
        f"The {kind.label} of this account is kept in {wallet_currency}; this model's price is in {price.currency}.",
        extras={"wallet": kind.value, "currency": wallet_currency},
    )
