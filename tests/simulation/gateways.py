"""Gateways: each request of theirs goes the way of `tokens_forge.gateway`, blocking, with the real settlement and ending."""

from __future__ import annotations

from tests.properties.product import intent_of, outcome_of
from tests.properties.words import Ending as Reported
from tests.properties.words import Request, Run, Where
from tests.simulation.scheduler import Process
from tests.simulation.told import ToldRequest
from tests.simulation.world import MINUTE_MS, STRANGER, STRAY_TARIFF, TARIFFS, WALLETS, World
from tests.support.dynamodb_faults import Crash
from tokens_forge.ending import Ending
from tokens_forge.errors import InvalidKey
from tokens_forge.identity import Authenticator, Identity
from tokens_forge.intents import Held
from tokens_forge.settlement import HoldRefused
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import HoldRefusal

WORTH_SENDING_NANO = 20
CHECKPOINTS_MAX = 4
ABSURD_TOKENS = 10**6
WAITS_MS_MAX = 120_000  # for a worker thread


class Gateway:
    """One process of the gateway, with its own cache of keys. `World.process` made it; the next one replaces it when it dies."""

    def __init__(self, world: World, process: Process) -> None:
        self.world = world
        self.process = process
        self._settlement = world.settlement(process)
        self._authenticator = Authenticator(world.key_table, world.ledger, process)

    def serve(self) -> None:
        """One client's request, from its key to its receipt."""
        chance = self.world.chance
        where: Where = (STRANGER, "official") if chance.happens(0.03) else chance.one_of(WALLETS)
        self.ask(where, "l" if chance.happens(0.3) else "o")

    def epoch_of(self, where: Where, name: str) -> int:
        """The auth epoch of a key's wallet. Raises InvalidKey."""
        return self._authenticator.prove(self.world.token_of(where, name)).auth_epoch

    def ask(self, where: Where, name: str, run: Run | None = None) -> None:
        """One request of a key, as a step of this run."""
        token = self.world.token_of(where, name)
        for _ in range(2):
            try:
                identity = self._authenticator.prove_cached(token) or self._authenticator.prove(token)
                told = self._told(where, name, run)
                held = self._hold(told, identity)
            except StoreFault:
                return  # 503: nothing was sent
            except InvalidKey:
                self.world.told.met["key refused"] += 1
                return
            except HoldRefused as refused:
                told.refused = refused.refusal
                self.world.told.met[f"refused {refused.refusal.value}"] += 1
                if refused.refusal is not HoldRefusal.AUTH_EPOCH:
                    return
                self._authenticator.forget(identity)
                continue
            told.held_nano = held.hold_nano
            self._answer(told, held)
            return

    def _told(self, where: Where, name: str, run: Run | None) -> ToldRequest:
        chance = self.world.chance
        now_ms = self.process.now_ms()
        request = Request(
            ulid=chance.ulid(now_ms),
            minute=now_ms // MINUTE_MS,
            where=where,
            key=self.world.key_of(where, name),
            key_is_limited=name == "l",
            tariff=STRAY_TARIFF if chance.happens(0.03) else chance.one_of(TARIFFS[where[1]]),
            most=chance.between(50, 400),
            part_of=run.hold_id if run is not None else None,
        )
        told = self.world.told.requests[request.ulid] = ToldRequest(request)
        return told

    def _hold(self, told: ToldRequest, identity: Identity) -> Held:
        intent = intent_of(told.request)
        try:
            return self._settlement.hold(intent, identity.auth_epoch)
        except HoldRefused as refused:
            available_nano = refused.wallet.available_nano if refused.wallet else 0
            if refused.refusal is not HoldRefusal.INSUFFICIENT or available_nano < WORTH_SENDING_NANO:
                raise
        self.world.told.met["clamped"] += 1
        if self.world.chance.happens(0.5):
            self.process.sleep_ms(self.world.chance.below(WAITS_MS_MAX))
        return self._settlement.hold_less(intent, identity.auth_epoch, min(available_nano, intent.hold_nano))

    def _answer(self, told: ToldRequest, held: Held) -> None:
        """Call a provider, and settle whatever came of it."""
        told.sent = True
        chance = self.world.chance
        is_long = chance.happens(0.35)
        duration_ms = chance.between(60_000, 900_000) if is_long else chance.between(50, 20_000)
        checkpoints = chance.between(1, CHECKPOINTS_MAX) if is_long and chance.happens(0.7) else 0
        for number in range(checkpoints):
            self.process.sleep_ms(duration_ms / (checkpoints + 1))
            self._checkpoint(told, held, number)
        self.process.sleep_ms(duration_ms / (checkpoints + 1))
        if chance.happens(0.06):
            self.world.say("dies while the provider works")
            raise Crash("while the provider works")
        self._settle(told, held, self._reported(told))

    def _settle(self, told: ToldRequest, held: Held, reported: Reported) -> None:
        told.endings.append(reported)
        # The blocking half of `Ending.settle`: there is no event loop here that a cancellation could come from.
        told.entry = Ending(self._settlement, held)._settle(outcome_of(reported))
        self.world.say(f"told {held.intent.request_id} {reported.reason}: {told.entry and told.entry.wallet_nano}")

    def _checkpoint(self, told: ToldRequest, held: Held, number: int) -> None:
        progress = Reported("abandoned", (20, 0, 0, 5 * (number + 1)), 0, "estimated", (("first", "ok", 5),))
        told.endings.append(progress)
        try:
            self._settlement.checkpoint(held, outcome_of(progress))
        except StoreFault:
            self.world.told.met["checkpoint not kept"] += 1

    def _reported(self, told: ToldRequest) -> Reported:
        """How the provider's answer ended, as `metering.judge` would put it."""
        chance = self.world.chance
        kind = chance.unit()
        attempts = (("first", "http_503", 7), ("second", "ok", 40)) if chance.happens(0.2) else (("first", "ok", 40),)
        if kind < 0.12:
            reason = chance.one_of(("no_output", "upstream_failed", "upstream_rejected", "gateway_failed"))
            return Reported(reason, attempts=attempts)
        tokens = (chance.between(0, 60), chance.between(0, 20), chance.between(0, 5), chance.between(1, 30))
        if kind < 0.2:
            return Reported("completed", (tokens[0], 0, 0, ABSURD_TOKENS), 0, "provider", attempts)
        if kind < 0.4:
            reason = chance.one_of(("upstream_broke", "client_left", "deadline"))
            return Reported(reason, (tokens[0], 0, 0, tokens[3]), 0, "estimated", attempts)
        return Reported("completed", tokens, chance.between(0, tokens[3]), "provider", attempts)
