"""Moves: what an admin asks for that moves money once, within a limit alone, above it with a second admin's approval.

    requested ── within the limit ──> open ────────────> posted ──> reversing ──> reversed
         └────── above it ──> pending ──> approved ──────┘  └ or refused: nothing was moved
                                 └──> declined

Every step is written with its audit record in one transaction, before the money moves; what moves the money does so once for its
id, so that a step that was interrupted is done again without harm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from tokens_forge.admin.audit import Audit, AuditRecord, Author, log_of
from tokens_forge.clock import Clock
from tokens_forge.errors import Conflict, KeyNotPermitted, NotFound
from tokens_forge.ids import day_of, iso_of, time_ms_of
from tokens_forge.money import decimal
from tokens_forge.wallets import WalletKind


class MoveState(StrEnum):
    """How far a move has come."""

    OPEN = "open"
    PENDING = "pending"
    APPROVED = "approved"
    POSTED = "posted"
    REFUSED = "refused"
    DECLINED = "declined"
    REVERSING = "reversing"
    REVERSED = "reversed"


UNFINISHED = (MoveState.OPEN, MoveState.APPROVED)
_WAS_POSTED = (MoveState.POSTED, MoveState.REVERSING, MoveState.REVERSED)


@dataclass(frozen=True, slots=True)
class Move:
    """One adjustment or refund. `nano` of an adjustment above 0 adds to the wallet; that of a refund goes back to the buyer.

    `entry_id` is the journal entry that it has once it is posted; `decided_by` the second admin, where there was one. A refund is
    of an order, whose trail knows it as `taking_id` as soon as it may happen.
    """

    move_id: str
    kind: WalletKind
    account_id: str
    nano: int
    currency: str
    reason: str
    requested_by: str
    state: MoveState
    decided_by: str | None = None
    entry_id: str | None = None
    order_id: str | None = None
    taking_id: str | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody has to say or answer something before it is done."""
        return self.state is MoveState.PENDING or self.state in UNFINISHED


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one admin key moves by itself on one day: `nano` more, if the sum stays within `limit_nano`."""

    actor: str
    day: str
    nano: int
    limit_nano: int


class MoveStore(Protocol):
    """Where the moves of one sort are kept. All sorts share the allowances."""

    def put_move(self, move: Move, allowance: Allowance | None, record: AuditRecord) -> bool:
        """Write a new one with its record; False, and nothing written, when the allowance is used up or the id is taken."""
        ...

    def change_move(self, before: Move, after: Move, record: AuditRecord) -> bool:
        """Move one on with its record; False when it is not in the state of `before` any more."""
        ...

    def read_move(self, kind: WalletKind, move_id: str) -> Move | None:
        """A consistent read."""
        ...

    def moves(self, kind: WalletKind, *, before: str | None, limit: int) -> list[Move]:
        """Newest first; those before the id `before` only."""
        ...


@dataclass(frozen=True, slots=True)
class MoveRules:
    """What all sorts share. `limits_nano` is a day's allowance of one key, in the official currency and in `routed_currency`."""

    audit: Audit
    clock: Clock
    limits_nano: Mapping[WalletKind, int]
    routed_currency: str


class Moves(ABC):
    """Its methods block. Raises ForgeError."""

    word: str  # what one is called, in API and audit log

    def __init__(self, store: MoveStore, rules: MoveRules) -> None:
        self._store = store
        self._audit = rules.audit
        self._clock = rules.clock
        self._limits_nano = rules.limits_nano
        self._routed_currency = rules.routed_currency

    @abstractmethod
    def _post(self, move: Move, author: Author) -> Move:
        """Move the money, once, and say so."""

    @abstractmethod
    def _details(self, move: Move) -> dict[str, Any]:
        """What the view of this sort has beside the rest."""

    def approve(self, kind: WalletKind, move_id: str, author: Author) -> Move:
        """Let a pending one happen, as a second admin; or finish one that was interrupted."""
        found = self.read(kind, move_id)
        if found.state in UNFINISHED:
            return self._post(found, author)
        if found.state is not MoveState.PENDING:
            raise self._not_so(found)
        if author.actor == found.requested_by:
            raise KeyNotPermitted(
                f"What is above the limit needs a second admin: not the key that asked for the {self.word}."
            )
        return self._post(self._move(found, MoveState.APPROVED, author), author)

    def decline(self, kind: WalletKind, move_id: str, author: Author) -> Move:
        """Let a pending one never happen. Whoever asked for it may take it back, too."""
        found = self.read(kind, move_id)
        if found.state is not MoveState.PENDING:
            raise self._not_so(found)
        return self._move(found, MoveState.DECLINED, author)

    def read(self, kind: WalletKind, move_id: str) -> Move:
        """One of this wallet. Raises NotFound."""
        found = self._store.read_move(kind, move_id)
        if found is None:
            raise NotFound(f"There is no {self.word} {move_id!r} of the {kind.label}.")
        return found

    def page(self, kind: WalletKind, before: str | None, limit: int) -> list[Move]:
        """Newest first."""
        return self._store.moves(kind, before=before, limit=limit)

    def view(self, move: Move) -> dict[str, Any]:
        """As API and audit log show it."""
        return {
            "object": self.word,
            "id": move.move_id,
            "wallet": move.kind.value,
            "wallet_label": move.kind.label,
            "account_id": move.account_id,
            "amount": decimal(move.nano),
            "currency": move.currency,
            "reason": move.reason,
            "state": move.state.value,
            "requested_by": move.requested_by,
            "requested_at": iso_of(time_ms_of(move.move_id)),
            "decided_by": move.decided_by,
            "entry_id": move.entry_id if move.state in _WAS_POSTED else None,
            **self._details(move),
        }

    def _begin(self, move: Move, author: Author) -> Move:
        """Do a new one at once, or leave it pending for a second admin."""
        limit_nano, nano = self._limits_nano[move.kind], abs(move.nano)
        is_limited_currency = move.kind is WalletKind.OFFICIAL or move.currency == self._routed_currency
        allowance = Allowance(author.actor, day_of(self._clock.now_ms()), nano, limit_nano)
        if is_limited_currency and nano <= limit_nano and self._put(move, allowance, author):
            return self._post(move, author)
        pending = replace(move, state=MoveState.PENDING)
        if self._put(pending, None, author):
            return pending
        return self.read(move.kind, move.move_id)  # another sending of the same was first

    def _put(self, move: Move, allowance: Allowance | None, author: Author) -> bool:
        record = self._audit.record(
            log_of(move.kind), author, f"{self.word}.request", move.move_id, None, self.view(move)
        )
        return self._store.put_move(move, allowance, record)

    def _move(self, before: Move, to: MoveState, author: Author, **changes: str) -> Move:
        is_decision = to in (MoveState.APPROVED, MoveState.DECLINED)
        decided_by = author.actor if is_decision else before.decided_by
        after = replace(before, state=to, decided_by=decided_by, **changes)  # type: ignore[arg-type]
        record = self._audit.record(
            log_of(before.kind),
            author,
            f"{self.word}.{to.value}",
            before.move_id,
            self.view(before),
            self.view(after),
        )
        if not self._store.change_move(before, after, record):
            now = self.read(before.kind, before.move_id)
            if now.state is not to:
                raise self._not_so(now)
            return now  # somebody else has finished the same step
        return after

    def _not_so(self, move: Move) -> Conflict:
        return Conflict(f"The {self.word} {move.move_id} is {move.state.value}.", extras={"current": self.view(move)})
