"""Probes: how an idle channel is found to work, first for nothing, and for money only where that is allowed.

The free probe asks for the provider's list of models. It shows that the channel can be reached and takes our credential.
The paid one asks for a chat completion of one token. Before it is sent, the most it can cost is taken from the day's cap by a
conditional write: whatever dies after that, the cap holds. What it did cost is booked to the operator.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from anyio import fail_after, to_thread

from tokens_forge.attempts import Attempts
from tokens_forge.catalog import Model
from tokens_forge.channels import Channel
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import UpstreamRejected
from tokens_forge.health import Sample
from tokens_forge.ids import day_of, new_id
from tokens_forge.model_lists import ASK_S, ModelLists, credential_of
from tokens_forge.money import Money
from tokens_forge.policy import Offer
from tokens_forge.pricing import Price
from tokens_forge.providers.port import Upstream, UpstreamFailure
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.chat import parse_chat
from tokens_forge.routing import AttemptFailed, Target
from tokens_forge.settlement import OperatorBook
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import WalletKind

PAID_S = 20.0
OUTPUT_TOKENS = 1

log = logging.getLogger("tokens_forge.probes")


class ProbeBudget(Protocol):
    """Counts what the paid probes of each channel may have cost on one UTC day."""

    def take(self, kind: WalletKind, channel_id: str, day: str, cost: Money, cap_nano: int) -> bool:
        """Add a cost; False, and nothing added, when that would exceed the cap."""
        ...

    def exceeded(self, kind: WalletKind, channel_id: str, day: str, excess: Money) -> None:
        """Add what a probe has cost beyond what was taken for it."""
        ...


class Prober:
    """Probes channels. A probe that says nothing about the channel gives no sample."""

    def __init__(
        self,
        upstream: Upstream,
        credentials: Credentials,
        attempts: Attempts,
        budget: ProbeBudget,
        operator: OperatorBook,
        clock: Clock,
        *,
        loopback_allowed: bool,
    ) -> None:
        self._lists = ModelLists(upstream, credentials, loopback_allowed=loopback_allowed)
        self._attempts = attempts
        self._budget = budget
        self._operator = operator
        self._clock = clock

    async def free(self, channel: Channel) -> Sample | None:
        """Ask for the list of models."""
        began_ms = self._clock.now_ms()
        try:
            with fail_after(ASK_S):
                outcome = (await self._lists.ask(channel)).outcome
        except TimeoutError:
            outcome = "timeout"
        except UpstreamFailure as failure:
            outcome = failure.outcome
        return self._sample(began_ms, outcome) if outcome is not None else None

    async def paid(self, channel: Channel, model: Model) -> Sample | None:
        """Ask for one token, when the channel allows that and the day's cap has room. Raises StoreFault: then nothing was sent."""
        quoted, name = _probe_quote(channel, model), credential_of(channel)
        if quoted is None or name is None or channel.paid_probe is None:
            return None
        began_ms = self._clock.now_ms()
        day, worst = day_of(began_ms), Money(quoted.max_charge_nano, quoted.offer.price.currency)
        cap_nano, kind = channel.paid_probe.daily_cap_nano, channel.kind.wallet
        if not await to_thread.run_sync(self._budget.take, kind, channel.channel_id, day, worst, cap_nano):
            return None
        try:
            answer = await self._attempts.whole(quoted, Target(channel, name), PAID_S)
        except AttemptFailed as failed:
            return self._sample(began_ms, failed.outcome) if failed.outcome != "no_wire" else None
        except UpstreamRejected:
            return None
        sample = self._sample(began_ms, "ok")
        await to_thread.run_sync(self._book, channel, model, day, worst, answer)
        return sample

    def _book(self, channel: Channel, model: Model, day: str, worst: Money, answer: WholeAnswer) -> None:
        """Book what the provider reported; the worst case when it reported nothing."""
        kind, reported = channel.kind.wallet, None
        if answer.usage is not None and channel.costs is not None:
            reported = channel.costs.of(model.model_id, answer.usage)
        cost = worst if reported is None else Money(reported, worst.currency)
        try:
            if worst < cost:
                self._budget.exceeded(kind, channel.channel_id, day, cost - worst)
            if cost.nano:
                probe_id = new_id("prb", self._clock.now_ms())
                self._operator.book_probe(probe_id, kind, channel.channel_id, model.model_id, cost)
        except StoreFault:
            # The cap counts it all the same; the next probe of the day is booked again.
            log.exception("the cost of a probe was not booked", extra={"channel": channel.channel_id})

    def _sample(self, began_ms: int, outcome: str) -> Sample:
        now_ms = self._clock.now_ms()
        return Sample(now_ms, outcome, now_ms - began_ms)


def _probe_quote(channel: Channel, model: Model) -> Quote | None:
    """A request for one token at what the provider charges us: its bound is the most that it can cost.

    None when nobody entered what the model costs on this channel, or that it costs nothing: no cap could hold then.
    """
    costs = channel.costs.unit_prices.get(model.model_id) if channel.costs is not None else None
    if costs is None or channel.costs is None or not (costs.input and costs.output):
        return None
    small = replace(model, default_output_tokens=OUTPUT_TOKENS)
    offer = Offer(
        channel.kind.wallet, small, Price("probe", channel.costs.currency, costs), (channel,), (Endpoint.CHAT,)
    )
    fields = {"model": model.model_id, "messages": [{"role": "user", "content": "Say: ok"}]}
    return quote(offer, parse_chat(fields))
