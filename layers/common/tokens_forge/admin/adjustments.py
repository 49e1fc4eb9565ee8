"""Adjustments: an admin moves money into or out of one wallet. Above a limit a second admin must approve; see `moves`."""

from __future__ import annotations

from typing import Any

from tokens_forge.admin.audit import Author
from tokens_forge.admin.moves import Move, MoveRules, Moves, MoveState, MoveStore
from tokens_forge.errors import Conflict, NotFound, RequestError
from tokens_forge.ids import new_id
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money, decimal
from tokens_forge.settlement import Balances, HoldRefused, NotAvailable
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind

APPROVED_MAX_LIMITS = 100  # two admins together may move a hundred times what one may


class Adjustments(Moves):
    """Its methods block. Raises ForgeError."""

    word = "adjustment"

    def __init__(self, store: MoveStore, rules: MoveRules, balances: Balances, ledger: LedgerStore) -> None:
        super().__init__(store, rules)
        self._balances = balances
        self._ledger = ledger

    def request(self, kind: WalletKind, account_id: str, amount: str, author: Author) -> Move:
        """Adjust a wallet at once, or leave the adjustment pending for a second admin."""
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            raise NotFound(f"There is no {kind.label} of an account {account_id!r}.")
        try:
            nano = Money.parse(amount, wallet.currency).nano
        except ValueError:
            raise RequestError("An amount is a decimal string such as 12.50 or -3.00.", param="amount") from None
        most_nano = self._limits_nano[kind] * APPROVED_MAX_LIMITS
        if nano == 0:
            raise RequestError("An adjustment moves something.", param="amount")
        if abs(nano) > most_nano:
            raise RequestError(
                f"An adjustment is at most {decimal(most_nano)} {wallet.currency}, also with approval.", param="amount"
            )
        move_id = new_id("adj", self._clock.now_ms())
        return self._begin(
            Move(
                move_id=move_id,
                kind=kind,
                account_id=account_id,
                nano=nano,
                currency=wallet.currency,
                reason=author.reason,
                requested_by=author.actor,
                state=MoveState.OPEN,
                entry_id=entry_id_of(move_id, EntryType.ADJUSTMENT),
            ),
            author,
        )

    def reverse(self, kind: WalletKind, move_id: str, author: Author) -> Move:
        """Undo a posted one by its exact opposite. What it gave and was spent already becomes a debt."""
        found = self.read(kind, move_id)
        if found.state is MoveState.POSTED:
            found = self._move(found, MoveState.REVERSING, author)
        if found.state is not MoveState.REVERSING:
            raise self._not_so(found)
        assert found.entry_id is not None, "an adjustment knows its entry"
        entry = self._ledger.read_entry(found.account_id, kind, found.entry_id)
        assert entry is not None, "a posted adjustment has its entry"
        self._balances.reverse(entry)
        return self._move(found, MoveState.REVERSED, author)

    def _details(self, move: Move) -> dict[str, Any]:
        return {}

    def _post(self, move: Move, author: Author) -> Move:
        """The customer's statement names the adjustment, not the admin's words."""
        amount = Money(move.nano, move.currency)
        try:
            self._balances.adjust(move.account_id, move.kind, amount, adjustment_id=move.move_id, reason=move.move_id)
        except NotAvailable as short:
            refused = self._move(move, MoveState.REFUSED, author)
            raise Conflict(
                f"Only {decimal(short.wallet.available_nano)} {move.currency} are available in the {move.kind.label}:"
                " nothing was taken.",
                extras={"current": self.view(refused)},
            ) from None
        except HoldRefused as refusal:
            refused = self._move(move, MoveState.REFUSED, author)
            raise Conflict(
                f"The wallet does not take this: {refusal.refusal.value}.", extras={"current": self.view(refused)}
            ) from None
        return self._move(move, MoveState.POSTED, author)
