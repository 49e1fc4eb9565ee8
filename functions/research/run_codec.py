"""Stored items of the table of runs, and what they stand for. What a condition looks at is an attribute of its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from functions.research.presets import Role, Size, Stage, Tier
from functions.research.request import ResearchRequest
from functions.research.runs import PlannedStage, Run, RunState, Step, StepState
from tokens_forge.keys import KeyKind
from tokens_forge.pricing import Usage
from tokens_forge.store.codec import Item, number, text


def run_key(account_id: str, run_id: str) -> Item:
    """Runs of an account in the order of their beginning: the id says when."""
    return {"account_id": text(account_id), "item": text(f"run#{run_id}")}


def step_key(account_id: str, run_id: str, stage_id: str) -> Item:
    """A step beside its run."""
    return {"account_id": text(account_id), "item": text(f"step#{run_id}#{stage_id}")}


def run_item(run: Run) -> Item:
    """The item of a run just made."""
    made = {
        "key_id": run.key_id,
        "key_kind": run.key_kind.value,
        "currency": run.currency,
        "request": run.request.to_json(),
        "models": dict(run.models),
        "plan": [asdict(planned) for planned in run.plan],
        "created_at_ms": run.created_at_ms,
        "rerun_of": run.rerun_of,
    }
    item = {
        **run_key(run.account_id, run.run_id),
        "made": text(json.dumps(made)),
        "symbol": text(run.request.symbol),
        "state": text(run.state.value),
        "execution": number(run.execution),
        "started_at_ms": number(run.started_at_ms),
        "updated_at_ms": number(run.updated_at_ms),
        "hold_id": text(run.hold_id),
        "hold": number(run.hold_nano),
    }
    if run.snapshot is not None and run.snapshot_sha256 is not None:
        item |= {"snapshot": text(run.snapshot), "snapshot_sha256": text(run.snapshot_sha256)}
    return item


def run_of(item: Item) -> Run:
    """The run that an item stands for."""
    made = json.loads(item["made"]["S"])
    return Run(
        run_id=item["item"]["S"].partition("#")[2],
        account_id=item["account_id"]["S"],
        key_id=made["key_id"],
        key_kind=KeyKind(made["key_kind"]),
        currency=made["currency"],
        request=ResearchRequest.from_json(made["request"]),
        models=made["models"],
        plan=tuple(_planned(planned) for planned in made["plan"]),
        created_at_ms=made["created_at_ms"],
        started_at_ms=int(item["started_at_ms"]["N"]),
        hold_id=item["hold_id"]["S"],
        hold_nano=int(item["hold"]["N"]),
        state=RunState(item["state"]["S"]),
        execution=int(item["execution"]["N"]),
        updated_at_ms=int(item["updated_at_ms"]["N"]),
        cancel_asked="cancel_asked" in item,
        stop=_text(item, "stop"),
        reason=_text(item, "reason"),
        snapshot=_text(item, "snapshot"),
        snapshot_sha256=_text(item, "snapshot_sha256"),
        rerun_of=made["rerun_of"],
        has_report="has_report" in item,
    )


def step_item(account_id: str, step: Step) -> Item:
    """The item of a step."""
    item = {
        **step_key(account_id, step.run_id, step.stage_id),
        "state": text(step.state.value),
        "model": text(step.model),
        "usage": text(json.dumps(asdict(step.usage))),
        "tries": number(step.tries),
        "replayed": {"BOOL": step.replayed},
    }
    for name, value in (("claim", step.claim), ("receipt_id", step.receipt_id), ("reason", step.reason)):
        if value is not None:
            item[name] = text(value)
    if step.charge_nano is not None:
        item["charge"] = number(step.charge_nano)
    return item


def step_of(item: Item) -> Step:
    """The step that an item stands for."""
    _, run_id, stage_id = item["item"]["S"].split("#")
    return Step(
        run_id=run_id,
        stage_id=stage_id,
        state=StepState(item["state"]["S"]),
        model=item["model"]["S"],
        claim=_text(item, "claim"),
        receipt_id=_text(item, "receipt_id"),
        charge_nano=int(item["charge"]["N"]) if "charge" in item else None,
        usage=Usage(**json.loads(item["usage"]["S"])),
        tries=int(item["tries"]["N"]),
        replayed=item["replayed"]["BOOL"],
        reason=_text(item, "reason"),
    )


def _planned(kept: dict[str, Any]) -> PlannedStage:
    stage = kept["stage"]
    made = Stage(
        stage_id=stage["stage_id"],
        role=Role(stage["role"]),
        tier=Tier(stage["tier"]),
        group=stage["group"],
        size=Size(**stage["size"]),
        optional=stage["optional"],
    )
    return PlannedStage(made, kept["model"], kept["highest_nano"], kept["typical_nano"])


def _text(item: Item, name: str) -> str | None:
    return str(item[name]["S"]) if name in item else None
