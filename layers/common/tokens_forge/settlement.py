"""Settlement: the one place where money moves.

Each request: put an intent, hold the worst case, call upstream, settle. A hold and its entry are two-phase: pending, then posted
or voided, and it can only be resolved once, because the entry's key is the request and the hold's key is the request too.
Re-sending any step is harmless, so faults of the store are answered by doing the same thing again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tokens_forge.clock import Clock
from tokens_forge.ids import time_ms_of
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import (
    FREE_OF_CHARGE,
    Attempt,
    Entry,
    EntryType,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    entry_id_of,
)
from tokens_forge.money import Money
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.store.port import (
    CloseHold,
    Credit,
    LedgerStore,
    StoreConflict,
    StoreSilent,
    StoreThrottled,
    WalletChange,
)
from tokens_forge.wallets import HoldRefusal, HoldRequest, Wallet, WalletKind, why_refused

Answer = TypeVar("Answer")


class HoldRefused(Exception):
    """The wallet set nothing aside. `wallet` is how it stood at that moment."""

    def __init__(self, refusal: HoldRefusal, wallet: Wallet | None) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.wallet = wallet


class AlreadySettled(Exception):
    """Another process ended this request first; `entry` is how."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.entry_id)
        self.entry = entry


class HoldLost(Exception):
    """The request has no entry and no open hold. This must not happen: it is an alarm, and nothing was written."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Exponential backoff with full jitter, and a bound. `random_unit` gives numbers in [0, 1)."""

    tries_max: int = 8
    first_wait_ms: float = 4
    wait_max_ms: float = 400
    random_unit: Callable[[], float] = field(default=random.random)

    def wait_ms(self, tries: int) -> float:
        """How long to wait after this many failed tries."""
        return self.random_unit() * min(self.wait_max_ms, self.first_wait_ms * 2.0 ** (tries - 1))


class Settlement:
    """Operations on wallets and the journal. All of them block: call them from a worker thread."""

    def __init__(self, store: LedgerStore, clock: Clock, retry: RetryRule | None = None) -> None:
        self._store = store
        self._clock = clock
        self._retry = retry or RetryRule()

    def hold(self, intent: Intent, auth_epoch: int) -> Held:
        """Write the intent, then set its worst case aside. Raises HoldRefused; then nothing is set aside."""
        self._again(lambda: self._store.put_intent(intent))
        return self.hold_less(intent, auth_epoch, intent.hold_nano)

    def hold_less(self, intent: Intent, auth_epoch: int, nano: int) -> Held:
        """Set aside at most what the written intent says: used when the first, larger hold was refused."""
        assert 0 < nano <= intent.hold_nano, "the intent is the most that may be held"
        request = HoldRequest(
            account_id=intent.account_id,
            kind=intent.kind,
            currency=intent.price.currency,
            hold_id=intent.request_id,
            nano=nano,
            auth_epoch=auth_epoch,
            placed_at_ms=time_ms_of(intent.request_id),
            limited_key_id=intent.key_id if intent.key_has_spend_limit else None,
        )
        answer = self._again(lambda: self._store.place_hold(request))
        if not answer.placed:
            refusal = why_refused(answer.before, request)
            assert refusal is not None, "the store refused a hold that its own item allows"
            if refusal is not HoldRefusal.ALREADY_HELD:
                raise HoldRefused(refusal, answer.before)
            # Our own earlier try arrived after all, though its reply was lost.
            assert answer.before is not None and answer.before.holds[request.hold_id].nano == nano
        return Held(intent=intent, hold_nano=nano)

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        """End the request: write its entry and close its hold, together, exactly once.

        Returns the entry. When an equal entry is there already, this is a re-sent settle and that entry is returned.
        Raises AlreadySettled when somebody else ended the request in another way, HoldLost when the books are broken.
        """
        intent = held.intent
        entry = self._request_entry(held, outcome)
        charge_nano = -entry.wallet_nano
        change = CloseHold(
            hold_id=intent.request_id,
            hold_nano=held.hold_nano,
            charge_nano=charge_nano,
            limited_key_id=intent.key_id if intent.key_has_spend_limit else None,
        )
        return self._post(entry, change)

    def void(self, held: Held, reason: SettlementReason, attempts: tuple[Attempt, ...]) -> Entry:
        """End the request without a charge; the receipt still says what happened."""
        assert reason in FREE_OF_CHARGE, "a void is for endings that cost nothing"
        return self.settle(held, Outcome(reason, Usage(), UsageSource.NONE, attempts))

    def top_up(self, account_id: str, kind: WalletKind, amount: Money, *, order_id: str, source: str) -> Entry:
        """Credit a wallet once for an order; asking again returns the same entry.

        `source` names the clearing account (a payment provider). Raises HoldRefused (no wallet, or another currency).
        """
        assert amount.nano > 0
        entry = Entry(
            entry_id=entry_id_of(order_id, EntryType.TOP_UP),
            account_id=account_id,
            kind=kind,
            currency=amount.currency,
            written_at_ms=self._clock.now_ms(),
            postings=(Posting("wallet", amount.nano), Posting(f"clearing:{source}", -amount.nano)),
            reference=order_id,
        )
        return self._post(entry, Credit(amount.nano))

    def _request_entry(self, held: Held, outcome: Outcome) -> Entry:
        intent, price = held.intent, held.intent.price
        # No output, no charge: such an ending counts no tokens, so that the receipt's own arithmetic gives zero.
        assert outcome.reason not in FREE_OF_CHARGE or outcome.usage == Usage()
        computed_nano = price_usage(outcome.usage, price)
        charge_nano = min(computed_nano, held.hold_nano)
        postings = (Posting("wallet", -charge_nano), Posting("revenue", charge_nano)) if charge_nano else ()
        return Entry(
            entry_id=entry_id_of(intent.request_id, EntryType.REQUEST),
            account_id=intent.account_id,
            kind=intent.kind,
            currency=price.currency,
            written_at_ms=self._clock.now_ms(),
            postings=postings,
            request=RequestFacts(
                key_id=intent.key_id,
                model=intent.model,
                endpoint=intent.endpoint,
                attempts=outcome.attempts,
                backup_used=bool(outcome.attempts) and outcome.attempts[-1].channel_id != intent.primary_channel_id,
                price_version=price.version,
                price_basis=price.basis,
                unit_prices=price.unit_prices_for(outcome.usage.input_side),
                multiplier_ppm=price.multiplier_ppm,
                usage=outcome.usage,
                usage_source=outcome.usage_source,
                reason=outcome.reason,
                hold_nano=held.hold_nano,
                charge_nano=charge_nano,
                uncharged_nano=computed_nano - charge_nano,
            ),
        )

    def _post(self, entry: Entry, change: WalletChange) -> Entry:
        answer = self._again(lambda: self._store.post(entry, change))
        if answer.posted:
            return entry
        if answer.existing is not None:
            if _same_matter(answer.existing, entry):
                return answer.existing
            raise AlreadySettled(answer.existing)
        if isinstance(change, Credit):
            currency_ok = answer.before is not None and answer.before.currency == entry.currency
            assert not currency_ok, "the store refused a credit that its own item allows"
            raise HoldRefused(HoldRefusal.CURRENCY if answer.before else HoldRefusal.NO_WALLET, answer.before)
        raise HoldLost(f"{entry.entry_id} has neither an entry nor an open hold of {change.hold_nano} nano")

    def _again(self, operation: Callable[[], Answer]) -> Answer:
        """Do it until the store answers, at most `tries_max` times; the last fault is raised."""
        tries = 1
        while True:
            try:
                return operation()
            except (StoreConflict, StoreThrottled, StoreSilent):
                if tries >= self._retry.tries_max:
                    raise
            self._clock.sleep_ms(self._retry.wait_ms(tries))
            tries += 1


def _same_matter(existing: Entry, ours: Entry) -> bool:
    """Whether two entries of one id say the same, apart from the moment they were written."""
    return replace(existing, written_at_ms=ours.written_at_ms) == ours
