"""The table of runs: runs, their steps, idempotency keys, and vendor keys for the moment that they are needed.

Every change of a run's state is one conditional write by the table of allowed transitions. All of it blocks and raises StoreFault.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from functions.research.request import VendorKeys
from functions.research.run_codec import run_item, run_key, run_of, step_item, step_key, step_of
from functions.research.runs import ACTIVE, Run, RunState, Step, StepState, before
from tokens_forge.ids import time_letters
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of

VENDOR_KEYS_KEPT_S = 3600
IDEMPOTENCY_KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Search:
    """Which runs to list: all of it must fit. Times are those of the runs' beginnings, `until_ms` not included."""

    symbol: str | None = None
    state: RunState | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class RunStore:
    """Runs in DynamoDB. The client must not retry by itself."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, run: Run) -> bool:
        """Put a run; False when it is there already."""
        return self._put_if(run_item(run), "attribute_not_exists(account_id)")

    def forget(self, run: Run) -> None:
        """Take a run away that never began, because its wallet could not pay for it."""
        self._changed(
            self._client.delete_item,
            Key=run_key(run.account_id, run.run_id),
            **_when("#state = :queued AND execution = :one", queued=text(RunState.QUEUED.value), one=number(1)),
        )

    def read(self, account_id: str, run_id: str) -> Run | None:
        """A consistent read."""
        item = self._item(run_key(account_id, run_id))
        return run_of(item) if item is not None else None

    def begin(self, run: Run, now_ms: int) -> bool:
        """From queued to in progress; True also when this execution has done that before."""
        if self._move(run, RunState.IN_PROGRESS, now_ms):
            return True
        found = self.read(run.account_id, run.run_id)
        return found is not None and (found.state, found.execution) == (RunState.IN_PROGRESS, run.execution)

    def end(self, run: Run, state: RunState, now_ms: int, *, reason: str | None, has_report: bool) -> bool:
        """Into a final state; False when this execution has ended already."""
        sets: Item = {}
        if reason is not None:
            sets["reason"] = text(reason)
        if has_report:
            sets["has_report"] = {"BOOL": True}
        return self._move(run, state, now_ms, sets)

    def begin_again(self, run: Run, now_ms: int, *, hold_id: str, hold_nano: int) -> bool:
        """Queue an ended run for another execution, with a hold of its own; False when somebody else did."""
        sets = {
            "hold_id": text(hold_id),
            "hold": number(hold_nano),
            "execution": number(run.execution + 1),
            "started_at_ms": number(now_ms),
        }
        return self._move(run, RunState.QUEUED, now_ms, sets, removes=("stop", "reason", "cancel_asked"))

    def ask_cancel(self, run: Run) -> bool:
        """Let no further step be sent; False when the run has ended."""
        states = {f"from{position}": text(state.value) for position, state in enumerate(sorted(ACTIVE))}
        return self._update(
            run_key(run.account_id, run.run_id),
            "SET cancel_asked = :yes",
            f"#state IN ({', '.join(f':{name}' for name in states)}) AND execution = :execution",
            yes={"BOOL": True},
            execution=number(run.execution),
            **states,
        )

    def stop(self, run: Run, reason: str) -> None:
        """Let no further step of this execution be sent; the first reason stays."""
        self._update(
            run_key(run.account_id, run.run_id),
            "SET #stop = :reason",
            "execution = :execution AND attribute_not_exists(#stop)",
            names={"#stop": "stop"},
            reason=text(reason),
            execution=number(run.execution),
        )

    def keep_snapshot(self, run: Run, place: str, sha256: str) -> None:
        """Say where the snapshot is; the first one stays."""
        self._update(
            run_key(run.account_id, run.run_id),
            "SET #snapshot = :place, snapshot_sha256 = :sha256",
            "attribute_exists(account_id) AND attribute_not_exists(#snapshot)",
            names={"#snapshot": "snapshot"},
            place=text(place),
            sha256=text(sha256),
        )

    def page(self, account_id: str, search: Search, *, before_id: str | None, limit: int) -> tuple[list[Run], bool]:
        """Up to `limit` runs that fit, newest first, those before `before_id` only; and whether there may be more."""
        first = f"run#run_{time_letters(search.since_ms)}" if search.since_ms is not None else "run#run_"
        last = f"run#run_{time_letters(search.until_ms)}" if search.until_ms is not None else "run#run_~"
        last = min(last, f"run#{before_id}") if before_id is not None else last
        if last < first:  # days in the wrong order: DynamoDB refuses such a range
            return [], False
        values = {":account": text(account_id), ":first": text(first), ":last": text(last)}
        arguments: dict[str, Any] = {}
        wanted = [("symbol", search.symbol), ("state", search.state.value if search.state is not None else None)]
        filters = [(name, value) for name, value in wanted if value is not None]
        if filters:
            arguments["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name, _ in filters)
            arguments["names"] = {f"#{name}": name for name, _ in filters}
            values |= {f":{name}": text(value) for name, value in filters}
        found: list[Run] = []
        # One more than asked for says whether there are more; `:last` itself never is one, unless it was shown before.
        for item in self._query("#item BETWEEN :first AND :last", values, descending=True, **arguments):
            if item["item"]["S"] != values[":last"]["S"]:
                found.append(run_of(item))
            if len(found) > limit:
                break
        return found[:limit], len(found) > limit

    def steps(self, run: Run) -> dict[str, Step]:
        """The steps of a run that somebody has begun, by stage. A consistent read."""
        values = {":account": text(run.account_id), ":step": text(f"step#{run.run_id}#")}
        found = [step_of(item) for item in self._query("begins_with(#item, :step)", values)]
        return {step.stage_id: step for step in found}

    def keep_step(self, run: Run, step: Step) -> bool:
        """Write a step; False when it is finished already: a finished step stays as it is."""
        final = {f"f{position}": text(state.value) for position, state in enumerate(StepState) if state.is_final}
        condition = f"attribute_not_exists(account_id) OR NOT #state IN ({', '.join(f':{name}' for name in final)})"
        return self._put_if(step_item(run.account_id, step), condition, final)

    def read_step(self, run: Run, stage_id: str) -> Step | None:
        """A consistent read."""
        item = self._item(step_key(run.account_id, run.run_id, stage_id))
        return step_of(item) if item is not None else None

    def name_run(
        self, account_id: str, idempotency_key: str, body_sha256: str, run_id: str, now_ms: int
    ) -> tuple[str, bool]:
        """The run that an Idempotency-Key stands for: `run_id` when nobody has used it, and whether its body was this one."""
        item = {
            "account_id": text(account_id),
            "item": text(f"idempotency#{idempotency_key}"),
            "run_id": text(run_id),
            "body": text(body_sha256),
            "expires_at": number(now_ms // 1000 + IDEMPOTENCY_KEPT_S),
        }
        if self._put_if(
            item, "attribute_not_exists(account_id) OR expires_at <= :now", {"now": number(now_ms // 1000)}
        ):
            return run_id, True
        found = self._item({"account_id": item["account_id"], "item": item["item"]})
        assert found is not None, "an item that stood in the way a moment ago is kept for a day"
        return found["run_id"]["S"], found["body"]["S"] == body_sha256

    def keep_vendor_keys(self, run: Run, keys: VendorKeys, now_ms: int) -> None:
        """Keep the user's own keys until the data is fetched, an hour at most."""
        item = {
            **_vendor_key(run),
            "keys": text(json.dumps({"alpha_vantage": keys.alpha_vantage, "fred": keys.fred})),
            "expires_at": number(now_ms // 1000 + VENDOR_KEYS_KEPT_S),
        }
        with faults():
            self._client.put_item(TableName=self._table, Item=item)

    def vendor_keys(self, run: Run) -> VendorKeys:
        """The user's own keys, as far as they are still there."""
        item = self._item(_vendor_key(run))
        return VendorKeys(**json.loads(item["keys"]["S"])) if item is not None else VendorKeys()

    def forget_vendor_keys(self, run: Run) -> None:
        """The data is fetched: nobody needs them any more."""
        with faults():
            self._client.delete_item(TableName=self._table, Key=_vendor_key(run))

    def _move(self, run: Run, to: RunState, now_ms: int, sets: Item | None = None, removes: Iterable[str] = ()) -> bool:
        """One transition of this execution, if the run stands where it may be made."""
        sets = {"state": text(to.value), "updated_at_ms": number(now_ms), **(sets or {})}
        states = {f"from{position}": text(state.value) for position, state in enumerate(sorted(before(to)))}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        removed = list(removes)
        if removed:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        return self._update(
            run_key(run.account_id, run.run_id),
            update,
            f"#state IN ({', '.join(f':{name}' for name in states)}) AND execution = :present",
            names={f"#{name}": name for name in (*sets, *removed)},
            present=number(run.execution),
            **sets,
            **states,
        )

    def _update(
        self, key: Item, update: str, condition: str, names: dict[str, str] | None = None, **values: Item
    ) -> bool:
        return self._changed(
            self._client.update_item, Key=key, UpdateExpression=update, **_when(condition, names, **values)
        )

    def _put_if(self, item: Item, condition: str, values: dict[str, Item] | None = None) -> bool:
        return self._changed(self._client.put_item, Item=item, **_when(condition, **(values or {})))

    def _changed(self, operation: Any, **arguments: Any) -> bool:
        """Whether a conditional write was done."""
        try:
            with faults():
                operation(TableName=self._table, **arguments)
        except ConditionFailed:
            return False
        return True

    def _item(self, key: Item) -> Item | None:
        with faults():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def _query(
        self,
        condition: str,
        values: Item,
        *,
        descending: bool = False,
        names: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Iterable[Item]:
        return items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression=f"account_id = :account AND {condition}",
            ExpressionAttributeNames={"#item": "item", **(names or {})},
            ExpressionAttributeValues=values,
            ScanIndexForward=not descending,
            ConsistentRead=True,
            **arguments,
        )


def _vendor_key(run: Run) -> Item:
    return {"account_id": text(run.account_id), "item": text(f"vendor-keys#{run.run_id}")}


def _when(condition: str, names: dict[str, str] | None = None, **values: Item) -> dict[str, Any]:
    """A condition with the names and values that it and its update use."""
    named = {**({"#state": "state"} if "#state" in condition else {}), **(names or {})}
    expressions: dict[str, Any] = {"ConditionExpression": condition}
    if named:
        expressions["ExpressionAttributeNames"] = named
    if values:
        expressions["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return expressions
