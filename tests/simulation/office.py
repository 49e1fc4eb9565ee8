"""Everybody else who moves money or stops it: payment webhooks, administrators, and the owners of keys."""

from __future__ import annotations

from collections.abc import Callable

from tests.properties.words import Where
from tests.simulation.scheduler import Process
from tests.simulation.told import ToldMove
from tests.simulation.world import CURRENCIES, WALLETS, World
from tokens_forge.journal import Entry, reversal_id_of
from tokens_forge.keys import Key
from tokens_forge.money import Money
from tokens_forge.settlement import HoldRefused, NotAvailable
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import WalletKind

ASKED_MAX = 3  # how often somebody asks again for what was not answered
ASKED_AGAIN_AFTER_MS = 20_000


class Office:
    """Each method plans one thing that somebody does, by one or more processes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open_for_business(self) -> None:
        """The first top-up of each wallet: nothing has gone wrong yet."""
        for where in WALLETS:
            if self.world.chance.happens(0.9):
                self.top_up(where, self.world.scheduler.now_ms)

    def top_up(self, where: Where, at_ms: int) -> None:
        """An order, whose webhook comes twice."""
        chance = self.world.chance
        stray = chance.happens(0.03)
        order = self._planned(
            where, chance.between(150, 2500), "EUR" if stray else CURRENCIES[where[1]], "top_up", at_ms
        )
        amount = Money(order.nano, order.currency)

        def credit(process: Process) -> Entry:
            balances = self.world.balances(process)
            return balances.top_up(where[0], WalletKind(where[1]), amount, order_id=f"ord_{order.ulid}", source="bank")

        for _ in range(2):
            self._asked("webhook", order, credit, at_ms + chance.between(0, 5_000))

    def adjust(self, at_ms: int) -> None:
        """An administrator gives or takes, at times all that is there."""
        chance = self.world.chance
        where = chance.one_of(WALLETS)
        takes_all = chance.happens(0.4)
        drawn_nano = chance.between(1, 600) * (-1 if chance.happens(0.6) else 1)

        def begin() -> None:
            available_nano = self.world.store.wallets[(where[0], WalletKind(where[1]))].available_nano
            nano = -available_nano if takes_all and available_nano else drawn_nano
            adjustment = self._planned(where, nano, CURRENCIES[where[1]], "adjustment", at_ms)
            amount = Money(nano, adjustment.currency)

            def give_or_take(process: Process) -> Entry:
                balances = self.world.balances(process)
                adjustment_id = f"adj_{adjustment.ulid}"
                return balances.adjust(
                    where[0], WalletKind(where[1]), amount, adjustment_id=adjustment_id, reason="because"
                )

            self._asked("admin", adjustment, give_or_take, at_ms)

        self.world.scheduler.at(at_ms, begin)

    def reverse(self, at_ms: int) -> None:
        """A refund or a correction: something that somebody was told of is undone, perhaps by two people."""

        def begin() -> None:
            entries = self.world.told.entries()
            if not entries:
                return
            entry = self.world.chance.one_of(entries)
            where = (entry.account_id, entry.kind.value)
            move = ToldMove(where, -entry.wallet_nano, entry.currency, entry.entry_id[:26], reverses=entry.entry_id)
            move = self.world.told.moves.setdefault(reversal_id_of(entry), move)
            for _ in range(self.world.chance.between(1, 2)):
                self._asked("refund", move, lambda process: self.world.balances(process).reverse(entry), at_ms)

        self.world.scheduler.at(at_ms, begin)

    def revoke(self, at_ms: int) -> None:
        """The owner of a key revokes it."""
        key = self._some_key()

        def revoke(process: Process) -> None:
            self.world.accounts(process).revoke_key(key)
            self.world.told.revoked_keys.add(key.key_id)

        self.insisted("owner", revoke, at_ms)

    def limit(self, at_ms: int) -> None:
        """The owner of a key changes what it has left to spend."""
        where = self.world.chance.one_of(WALLETS)
        key_id, nano = self.world.key_of(where, "l"), self.world.chance.between(0, 500)

        def limit(_: Process) -> None:
            self.world.ledger.set_key_spend_limit(where[0], WalletKind(where[1]), key_id, nano)

        self.insisted("owner", limit, at_ms)

    def freeze(self, at_ms: int) -> None:
        """An administrator freezes a wallet."""
        where = self.world.chance.one_of(WALLETS)

        def freeze(_: Process) -> None:
            self.world.ledger.freeze_wallet(where[0], WalletKind(where[1]))
            self.world.told.met["wallet frozen"] += 1

        self.insisted("admin", freeze, at_ms)

    def _planned(self, where: Where, nano: int, currency: str, entry_type: str, at_ms: int) -> ToldMove:
        move = ToldMove(where, nano, currency, self.world.chance.ulid(at_ms))
        self.world.told.moves[f"{move.ulid}.{entry_type}"] = move
        return move

    def _asked(self, name: str, move: ToldMove, operation: Callable[[Process], Entry], at_ms: int) -> None:
        """Ask for a move until there is an answer, or patience ends."""

        def ask(process: Process) -> None:
            try:
                move.entry = operation(process)
            except NotAvailable:
                move.was_refused = True
                self.world.told.met["refused not_available"] += 1
            except HoldRefused as refused:
                move.was_refused = True
                self.world.told.met[f"refused {name} {refused.refusal.value}"] += 1
            self.world.say(f"told {move.ulid} {move.nano}: {move.entry is not None}")

        self.insisted(name, ask, at_ms)

    def insisted(self, name: str, operation: Callable[[Process], None], at_ms: int, asked: int = 1) -> None:
        """Do it in a process of its own; after a fault another one is asked."""

        def begin() -> None:
            process = self.world.process(name)
            process.start(lambda: do(process))

        def do(process: Process) -> None:
            try:
                operation(process)
            except StoreFault:
                if asked < ASKED_MAX:
                    again_ms = self.world.scheduler.now_ms + self.world.chance.between(0, ASKED_AGAIN_AFTER_MS)
                    self.insisted(name, operation, again_ms, asked + 1)

        self.world.scheduler.at(at_ms, begin)

    def _some_key(self) -> Key:
        return self.world.chance.one_of(list(self.world.key_table.keys.values()))
