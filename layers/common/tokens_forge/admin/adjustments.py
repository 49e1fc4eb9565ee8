"""Adjustments: an admin moves money into or out of one wallet, within a limit alone, above it with a second admin's approval.

    requested ── within the limit ──> open ────────────> posted ──> reversing ──> reversed
         └────── above it ──> pending ──> approved ──────┘  └ or refused: the wallet had less than was to be taken
                                 └──> declined

Every step is written with its audit record in one transaction, before the money moves; settlement posts an adjustment once for its
id, so that a step that was interrupted is done again without harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from tokens_forge.admin.audit import Audit, AuditRecord, Author, log_of
from tokens_forge.clock import Clock
from tokens_forge.errors import Conflict, KeyNotPermitted, NotFound, RequestError
from tokens_forge.ids import day_of, iso_of, new_id, time_ms_of
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money, decimal
from tokens_forge.settlement import Balances, HoldRefused, NotAvailable
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind

APPROVED_MAX_LIMITS = 100  # two admins together may move a hundred times what one may


class AdjustmentState(StrEnum):
    """How far an adjustment has come."""

    OPEN = "open"
    PENDING = "pending"
    APPROVED = "approved"
    POSTED = "posted"
    REFUSED = "refused"
    DECLINED = "declined"
    REVERSING = "reversing"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One adjustment. `nano` above 0 adds to the wallet. `decided_by` is the second admin, where there was one."""

    adjustment_id: str
    kind: WalletKind
    account_id: str
    nano: int
    currency: str
    reason: str
    requested_by: str
    state: AdjustmentState
    decided_by: str | None = None

    @property
    def entry_id(self) -> str:
        """The journal entry that it has, once it is posted."""
        return entry_id_of(self.adjustment_id, EntryType.ADJUSTMENT)

    def view(self) -> dict[str, Any]:
        """As API and audit log show it."""
        posted = self.state in (AdjustmentState.POSTED, AdjustmentState.REVERSING, AdjustmentState.REVERSED)
        return {
            "object": "adjustment",
            "id": self.adjustment_id,
            "wallet": self.kind.value,
            "wallet_label": self.kind.label,
            "account_id": self.account_id,
            "amount": decimal(self.nano),
            "currency": self.currency,
            "reason": self.reason,
            "state": self.state.value,
            "requested_by": self.requested_by,
            "requested_at": iso_of(time_ms_of(self.adjustment_id)),
            "decided_by": self.decided_by,
            "entry_id": self.entry_id if posted else None,
        }


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one admin key moves by itself on one day: `nano` more, if the sum stays within `limit_nano`."""

    actor: str
    day: str
    nano: int
    limit_nano: int


class AdjustmentStore(Protocol):
    """Where adjustments are kept."""

    def put_adjustment(self, adjustment: Adjustment, allowance: Allowance | None, record: AuditRecord) -> bool:
        """Write a new one with its record; False, and nothing written, when the allowance is used up."""
        ...

    def change_adjustment(self, before: Adjustment, after: Adjustment, record: AuditRecord) -> bool:
        """Move one on with its record; False when it is not in the state of `before` any more."""
        ...

    def read_adjustment(self, kind: WalletKind, adjustment_id: str) -> Adjustment | None:
        """A consistent read."""
        ...

    def adjustments(self, kind: WalletKind, *, before: str | None, limit: int) -> list[Adjustment]:
        """Newest first; those before the id `before` only."""
        ...


class Adjustments:
    """Its methods block. Raises ForgeError. `limits_nano` are in the official currency, and in `routed_currency`."""

    def __init__(
        self,
        store: AdjustmentStore,
        balances: Balances,
        ledger: LedgerStore,
        audit: Audit,
        clock: Clock,
        *,
        limits_nano: Mapping[WalletKind, int],
        routed_currency: str,
    ) -> None:
        self._store = store
        self._balances = balances
        self._ledger = ledger
        self._audit = audit
        self._clock = clock
        self._limits_nano = limits_nano
        self._routed_currency = routed_currency

    def request(self, kind: WalletKind, account_id: str, amount: str, author: Author) -> Adjustment:
        """Adjust a wallet at once, or leave the adjustment pending for a second admin."""
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            raise NotFound(f"There is no {kind.label} of an account {account_id!r}.")
        try:
            nano = Money.parse(amount, wallet.currency).nano
        except ValueError:
            raise RequestError("An amount is a decimal string such as 12.50 or -3.00.", param="amount") from None
        limit_nano = self._limits_nano[kind]
        if nano == 0:
            raise RequestError("An adjustment moves something.", param="amount")
        if abs(nano) > limit_nano * APPROVED_MAX_LIMITS:
            raise RequestError(
                f"An adjustment is at most {decimal(limit_nano * APPROVED_MAX_LIMITS)} {wallet.currency}, also with"
                " approval.",
                param="amount",
            )
        now_ms = self._clock.now_ms()
        adjustment = Adjustment(
            adjustment_id=new_id("adj", now_ms),
            kind=kind,
            account_id=account_id,
            nano=nano,
            currency=wallet.currency,
            reason=author.reason,
            requested_by=author.actor,
            state=AdjustmentState.OPEN,
        )
        is_limited_currency = kind is WalletKind.OFFICIAL or wallet.currency == self._routed_currency
        allowance = Allowance(author.actor, day_of(now_ms), abs(nano), limit_nano)
        if is_limited_currency and abs(nano) <= limit_nano and self._put(adjustment, allowance, author):
            return self._post(adjustment, author)
        pending = replace(adjustment, state=AdjustmentState.PENDING)
        assert self._put(pending, None, author), "an adjustment id came up twice"
        return pending

    def approve(self, kind: WalletKind, adjustment_id: str, author: Author) -> Adjustment:
        """Let a pending one happen, as a second admin; or finish one that was interrupted."""
        found = self.read(kind, adjustment_id)
        if found.state in (AdjustmentState.OPEN, AdjustmentState.APPROVED):
            return self._post(found, author)
        self._require_second(found, author)
        return self._post(self._move(found, AdjustmentState.APPROVED, author), author)

    def decline(self, kind: WalletKind, adjustment_id: str, author: Author) -> Adjustment:
        """Let a pending one never happen. Whoever asked for it may take it back, too."""
        found = self.read(kind, adjustment_id)
        if found.state is not AdjustmentState.PENDING:
            raise _not_so(found)
        return self._move(found, AdjustmentState.DECLINED, author)

    def reverse(self, kind: WalletKind, adjustment_id: str, author: Author) -> Adjustment:
        """Undo a posted one by its exact opposite. What it gave and was spent already becomes a debt."""
        found = self.read(kind, adjustment_id)
        if found.state is AdjustmentState.POSTED:
            found = self._move(found, AdjustmentState.REVERSING, author)
        if found.state is not AdjustmentState.REVERSING:
            raise _not_so(found)
        entry = self._ledger.read_entry(found.account_id, kind, found.entry_id)
        assert entry is not None, "a posted adjustment has its entry"
        self._balances.reverse(entry)
        return self._move(found, AdjustmentState.REVERSED, author)

    def read(self, kind: WalletKind, adjustment_id: str) -> Adjustment:
        """One adjustment of this wallet. Raises NotFound."""
        found = self._store.read_adjustment(kind, adjustment_id)
        if found is None:
            raise NotFound(f"There is no adjustment {adjustment_id!r} of the {kind.label}.")
        return found

    def page(self, kind: WalletKind, before: str | None, limit: int) -> list[Adjustment]:
        """Newest first."""
        return self._store.adjustments(kind, before=before, limit=limit)

    def _post(self, adjustment: Adjustment, author: Author) -> Adjustment:
        """Move the money, once, and say so. The customer's statement names the adjustment, not the admin's words."""
        amount = Money(adjustment.nano, adjustment.currency)
        try:
            self._balances.adjust(
                adjustment.account_id,
                adjustment.kind,
                amount,
                adjustment_id=adjustment.adjustment_id,
                reason=adjustment.adjustment_id,
            )
        except NotAvailable as short:
            refused = self._move(adjustment, AdjustmentState.REFUSED, author)
            raise Conflict(
                f"Only {decimal(short.wallet.available_nano)} {adjustment.currency} are available in the"
                f" {adjustment.kind.label}: nothing was taken.",
                extras={"current": refused.view()},
            ) from None
        except HoldRefused as refusal:
            refused = self._move(adjustment, AdjustmentState.REFUSED, author)
            raise Conflict(
                f"The wallet does not take this: {refusal.refusal.value}.", extras={"current": refused.view()}
            ) from None
        return self._move(adjustment, AdjustmentState.POSTED, author)

    def _require_second(self, found: Adjustment, author: Author) -> None:
        if found.state is not AdjustmentState.PENDING:
            raise _not_so(found)
        if author.actor == found.requested_by:
            raise KeyNotPermitted("An adjustment above the limit needs a second admin: not the key that asked for it.")

    def _put(self, adjustment: Adjustment, allowance: Allowance | None, author: Author) -> bool:
        record = self._audit.record(
            log_of(adjustment.kind), author, "adjustment.request", adjustment.adjustment_id, None, adjustment.view()
        )
        return self._store.put_adjustment(adjustment, allowance, record)

    def _move(self, before: Adjustment, to: AdjustmentState, author: Author) -> Adjustment:
        is_decision = to in (AdjustmentState.APPROVED, AdjustmentState.DECLINED)
        after = replace(before, state=to, decided_by=author.actor if is_decision else before.decided_by)
        record = self._audit.record(
            log_of(before.kind), author, f"adjustment.{to.value}", before.adjustment_id, before.view(), after.view()
        )
        if not self._store.change_adjustment(before, after, record):
            now = self.read(before.kind, before.adjustment_id)
            if now.state is not to:
                raise _not_so(now)
            return now  # somebody else has finished the same step
        return after


def _not_so(adjustment: Adjustment) -> Conflict:
    return Conflict(
        f"The adjustment {adjustment.adjustment_id} is {adjustment.state.value}.", extras={"current": adjustment.view()}
    )
