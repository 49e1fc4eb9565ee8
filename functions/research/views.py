"""What the API shows of runs and estimates: decimal strings, the words of wallets and receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.research.estimates import Estimate, TierChoice
from functions.research.presets import Tier
from functions.research.report import DISCLAIMER
from functions.research.runs import PlannedStage, Run, RunState, Step
from tokens_forge.ids import iso_of
from tokens_forge.money import decimal
from tokens_forge.views import price_view, wallet_view
from tokens_forge.wallets import Wallet

WAITING = "waiting"


def choice_view(choice: TierChoice) -> dict[str, Any]:
    """The models of one tier, cheapest first, and for every other one the reason."""
    return {
        "default": choice.default,
        "models": [
            {"id": offer.model.model_id, "price": price_view(offer.price), "currency": offer.price.currency}
            for offer in choice.offers
        ],
        "not_offered": [
            {"id": refused.model, "class": refused.error_class, "code": refused.code, "reason": refused.message}
            for refused in choice.not_offered
        ],
    }


def choices_view(preset: str, choices: Mapping[Tier, TierChoice]) -> dict[str, Any]:
    """Quick and deep models."""
    return {"preset": preset, **{tier.value: choice_view(choice) for tier, choice in choices.items()}}


def estimate_view(
    estimated: Estimate, request: Mapping[str, Any], wallet: Wallet, available_nano: int
) -> dict[str, Any]:
    """A price before the run. `highest` is what will be held, and the most that will be charged."""
    return {
        "object": "research.estimate",
        "request": request,
        "models": dict(estimated.models),
        "wallet": wallet.kind.value,
        "wallet_label": wallet.kind.label,
        "currency": wallet.currency,
        "stages": [_planned_view(planned) for planned in estimated.plan],
        "highest": decimal(estimated.highest_nano),
        "typical": decimal(estimated.typical_nano),
        "balance": wallet_view(wallet),
        "available_after_highest": decimal(wallet.available_nano - estimated.highest_nano),
        "available_after_typical": decimal(wallet.available_nano - estimated.typical_nano),
        "affordable": estimated.highest_nano <= available_nano,
        "disclaimer": DISCLAIMER,
    }


def run_view(run: Run, steps: Mapping[str, Step] | None = None) -> dict[str, Any]:
    """A run; with its steps, each stage too. Read from our own table."""
    view: dict[str, Any] = {
        "object": "research.run",
        "id": run.run_id,
        "state": run.state.value,
        "reason": run.reason,
        "cancel_asked": run.cancel_asked,
        "created_at": iso_of(run.created_at_ms),
        "updated_at": iso_of(run.updated_at_ms),
        "request": run.request.to_json(),
        "models": dict(run.models),
        "key_id": run.key_id,
        "wallet": run.wallet.value,
        "wallet_label": run.wallet.label,
        "currency": run.currency,
        "highest": decimal(run.highest_nano),
        "hold_id": run.hold_id,
        "execution": run.execution,
        "rerun_of": run.rerun_of,
        "snapshot_sha256": run.snapshot_sha256,
        "report": _report_paths(run) if run.has_report else None,
        "disclaimer": DISCLAIMER,
    }
    if steps is not None:
        view["charged"] = decimal(charged_nano(steps))
        view["tokens"] = _tokens(*steps.values())
        view["stages"] = [_stage_view(planned, steps.get(planned.stage.stage_id)) for planned in run.plan]
    return view


def comparison_view(
    runs: Sequence[tuple[Run, Mapping[str, Step]]], reports: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Runs side by side. On the same data when every snapshot has the same hash."""
    snapshots = {run.snapshot_sha256 for run, _ in runs}
    return {
        "object": "research.comparison",
        "same_data": len(snapshots) == 1 and None not in snapshots,
        "runs": [
            {**run_view(run, steps), "document": document} for (run, steps), document in zip(runs, reports, strict=True)
        ],
        "disclaimer": DISCLAIMER,
    }


def charged_nano(steps: Mapping[str, Step]) -> int:
    """What the steps of a run have cost so far."""
    return sum(step.charge_nano or 0 for step in steps.values())


def _planned_view(planned: PlannedStage) -> dict[str, Any]:
    stage = planned.stage
    return {
        "stage": stage.stage_id,
        "tier": stage.tier.value,
        "group": stage.group,
        "model": planned.model,
        "optional": stage.optional,
        "bound": {"input_bytes": stage.input_bytes_max, "output_tokens": stage.output_tokens_max},
        "highest": decimal(planned.highest_nano),
        "typical": decimal(planned.typical_nano),
    }


def _stage_view(planned: PlannedStage, step: Step | None) -> dict[str, Any]:
    shown = {**_planned_view(planned), "state": step.state.value if step is not None else WAITING}
    if step is None:
        return shown
    return {
        **shown,
        "charge": decimal(step.charge_nano) if step.charge_nano is not None else None,
        "receipt_id": step.receipt_id,
        "tokens": _tokens(step),
        "replayed": step.replayed,
        "tries_that_failed": step.tries,
        "reason": step.reason,
    }


def _tokens(*steps: Step) -> dict[str, int]:
    return {
        "input": sum(step.usage.input_side for step in steps),
        "output": sum(step.usage.output for step in steps),
    }


def _report_paths(run: Run) -> dict[str, Any]:
    path = f"/v1/research/runs/{run.run_id}/report"
    return {
        "is_partial": run.state is not RunState.COMPLETED,
        **{suffix: f"{path}.{suffix}" for suffix in ("json", "md", "html")},
    }
