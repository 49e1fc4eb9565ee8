"""Estimates: which models a run can use, and what each of its steps costs at most, before anything is held."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from functions.research.presets import PRESETS, Stage, Tier
from functions.research.request import ResearchRequest
from functions.research.runs import PlannedStage
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ForgeError, ModelNotFound, RequestError
from tokens_forge.gateway import Gateway
from tokens_forge.identity import Identity
from tokens_forge.policy import Offer
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.quotes import Quote, estimated_tokens, quote
from tokens_forge.requests.chat import parse_chat
from tokens_forge.requests.inference import InferenceRequest

MESSAGES_MAX = 4
ENVELOPE_BYTES = 1_024  # of a request around its messages


@dataclass(frozen=True, slots=True)
class NotOffered:
    """Why a tier cannot use a model: the class and code of the error that a call would get, and a sentence."""

    model: str
    error_class: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TierChoice:
    """The models that one tier of a preset can use with this key, cheapest first, and why it can use no other."""

    tier: Tier
    offers: tuple[Offer, ...]
    not_offered: tuple[NotOffered, ...]

    @property
    def default(self) -> str | None:
        """The cheapest quick model, the dearest deep one; None when there is none."""
        if not self.offers:
            return None
        return self.offers[0 if self.tier is Tier.QUICK else -1].model.model_id


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will be made of. The sums are in nano of the wallet's currency."""

    models: Mapping[str, str]
    plan: tuple[PlannedStage, ...]

    @property
    def highest_nano(self) -> int:
        """What is held: the run never costs more."""
        return sum(planned.highest_nano for planned in self.plan)

    @property
    def typical_nano(self) -> int:
        """What such a run usually costs."""
        return sum(planned.typical_nano for planned in self.plan)


async def choices(gateway: Gateway, identity: Identity, stages: Collection[Stage]) -> dict[Tier, TierChoice]:
    """For each tier what this key can call, by the same policy that judges the calls."""
    verdicts = await gateway.verdicts(identity, Endpoint.CHAT)
    return {tier: _choice(tier, verdicts, [stage for stage in stages if stage.tier is tier]) for tier in Tier}


async def estimate(
    gateway: Gateway, identity: Identity, request: ResearchRequest, chosen: Mapping[str, str]
) -> Estimate:
    """The plan of a run and its price. `chosen` names models by tier; a tier without one gets its default.

    Raises ForgeError when a chosen model is not offered to this key, or there is none to choose: nothing was held.
    """
    stages = PRESETS[request.preset].stages(request.sources)
    found = await choices(gateway, identity, stages)
    models = {}
    for tier, choice in found.items():
        model_id = chosen.get(tier.value) or choice.default
        if model_id is None:
            raise ModelNotFound(
                f"This key can call no model that could serve as the {tier.value} one of the preset {request.preset}."
                " GET /v1/research/models says why.",
                param=f"models.{tier.value}",
            )
        models[tier.value] = await _usable(gateway, identity, tier, choice, model_id)
    offered = {offer.model.model_id: offer for choice in found.values() for offer in choice.offers}
    plan = tuple(_planned(stage, offered[models[stage.tier.value]]) for stage in stages)
    return Estimate(models, plan)


def step_request(stage: Stage, model: str, messages: list[dict[str, str]]) -> InferenceRequest:
    """The request of a step: single-turn, no tools, its output limit set by us."""
    assert len(messages) <= MESSAGES_MAX, "the estimate counts no more messages"
    return parse_chat({"model": model, "messages": messages, "max_completion_tokens": stage.output_tokens_max})


def bytes_max(stage: Stage) -> int:
    """The most that a step's request may have as it is sent: what its estimate is made for."""
    return stage.input_bytes_max + ENVELOPE_BYTES


def _choice(tier: Tier, verdicts: Mapping[str, Offer | ForgeError], stages: list[Stage]) -> TierChoice:
    needed = max(stage.output_tokens_max for stage in stages)
    offers, refused = [], []
    for model_id, verdict in verdicts.items():
        if isinstance(verdict, ForgeError):
            refused.append(NotOffered(model_id, verdict.error_class.value, verdict.code or "", verdict.message))
        elif verdict.model.output_tokens_max < needed:
            told = (
                f"It writes at most {verdict.model.output_tokens_max} tokens an answer; this preset may need {needed}."
            )
            refused.append(NotOffered(model_id, "request", "output_too_small", told))
        else:
            offers.append(verdict)
    offers.sort(key=lambda offer: (sum(_worst(stage, offer).max_charge_nano for stage in stages), offer.model.model_id))
    return TierChoice(tier, tuple(offers), tuple(refused))


async def _usable(gateway: Gateway, identity: Identity, tier: Tier, choice: TierChoice, model_id: str) -> str:
    """The model, if this tier can use it; else the error that a call would get, or what is too small about it."""
    if any(offer.model.model_id == model_id for offer in choice.offers):
        return model_id
    await gateway.offer(identity, model_id, Endpoint.CHAT)
    [reason] = [refused.message for refused in choice.not_offered if refused.model == model_id]
    raise RequestError(f"{model_id!r} cannot be the {tier.value} model: {reason}", param=f"models.{tier.value}")


def _planned(stage: Stage, offer: Offer) -> PlannedStage:
    worst = _worst(stage, offer)
    usage = Usage(
        input=min(estimated_tokens(stage.size.input_bytes_typical), worst.input_tokens_max),
        output=min(stage.size.output_tokens_typical, worst.output_tokens_max),
    )
    typical_nano = 0 if stage.optional else min(price_usage(usage, offer.price), worst.max_charge_nano)
    return PlannedStage(stage, offer.model.model_id, worst.max_charge_nano, typical_nano)


def _worst(stage: Stage, offer: Offer) -> Quote:
    """The quote of the largest request that this stage can send."""
    empty = step_request(stage, offer.model.model_id, [{"role": "user", "content": "-"}])
    return quote(offer, replace(empty, text_bytes=bytes_max(stage), message_count=MESSAGES_MAX))
