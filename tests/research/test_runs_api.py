"""/v1/research: prices before runs, runs, and what their account alone may read."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from functions.research.runs import EXECUTION_MS_MAX, NEXT, RESUME_WITHIN_MS, RunState
from tests.research.runs_bench import ASKED, Research
from tokens_forge.ids import new_id
from tokens_forge.keys import KeyKind
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind

CSV = "Date,Open,High,Low,Close,Volume\n" + "".join(
    f"2026-01-{day:02},10,12,9,{10 + day % 3},1000\n" for day in range(5, 29)
)
UPLOADED: dict[str, Any] = {**ASKED, "prices_csv": CSV, "prices_adjustment": "raw", "as_of": "2026-02-01"}


def error_of(response: Any) -> dict[str, Any]:
    body: dict[str, Any] = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code", "forge"}
    return body


def refuse_what_dynamodb_refuses(research: Research) -> None:
    """moto takes a key that is too long, and a range that ends before it begins."""

    def look(params: dict[str, Any], **_: Any) -> None:
        assert len(params.get("Key", {}).get("item", {"S": ""})["S"]) <= 1_024
        values = params.get("ExpressionAttributeValues", {})
        assert ":first" not in values or values[":first"]["S"] <= values[":last"]["S"]

    research.deployment.client.meta.events.register("provide-client-params.dynamodb", look)


def nano(amount: str) -> int:
    return Money.parse(amount, "USD").nano


def test_models_are_listed_by_tier_with_the_reason_for_each_that_is_not_offered(research: Research) -> None:
    listed = research.send("GET", "/models?preset=deep").json()
    quick = [model["id"] for model in listed["quick"]["models"]]
    assert quick == ["gpt-4o-mini", "claude-haiku-4-5", "gpt-4o"], "cheapest first"
    assert (listed["quick"]["default"], listed["deep"]["default"]) == ("gpt-4o-mini", "gpt-4o")
    reasons = {each["id"]: (each["class"], each["code"]) for each in listed["quick"]["not_offered"]}
    assert reasons == {
        "gpt-3.5-turbo-instruct": ("model_availability", "model_not_found"),
        "text-embedding-3-small": ("model_availability", "model_not_found"),
    }


def test_a_key_sees_only_what_it_may_call_and_why(research: Research) -> None:
    narrow = research.deployment.key(allowed_models=frozenset({"gpt-4o-mini"}))
    listed = research.send("GET", "/models", token=narrow).json()
    assert [model["id"] for model in listed["deep"]["models"]] == ["gpt-4o-mini"]
    reasons = {each["id"]: each["code"] for each in listed["deep"]["not_offered"]}
    assert reasons["gpt-4o"] == "model_not_allowed"


def test_an_estimate_says_what_each_stage_costs_and_what_will_be_left(research: Research) -> None:
    shown = research.send("POST", "/estimates", ASKED).json()
    assert sum(nano(stage["highest"]) for stage in shown["stages"]) == nano(shown["highest"]) > 0
    assert sum(nano(stage["typical"]) for stage in shown["stages"]) == nano(shown["typical"]) < nano(shown["highest"])
    assert nano(shown["available_after_highest"]) == nano("10") - nano(shown["highest"])
    assert shown["affordable"] and shown["wallet"] == "official" and "not financial advice" in shown["disclaimer"]
    assert research.deployment.wallet().held_nano == 0, "an estimate holds nothing"


def test_a_run_holds_what_its_estimate_said_and_is_charged_less(research: Research) -> None:
    estimated = research.send("POST", "/estimates", ASKED).json()
    run_id = research.begin(max_charge=estimated["highest"])
    assert research.deployment.wallet().held_nano == nano(estimated["highest"])
    assert research.show(run_id)["state"] == "queued"
    research.drive(run_id)
    shown = research.show(run_id)
    assert 0 < nano(shown["charged"]) < nano(estimated["highest"]) and shown["state"] == "completed"
    assert research.deployment.wallet().available_nano == nano("10") - nano(shown["charged"])


def test_each_step_has_its_receipt_in_the_same_ledger(research: Research) -> None:
    run_id = research.begin()
    research.drive(run_id)
    receipts = [stage["receipt_id"] for stage in research.show(run_id)["stages"] if stage.get("receipt_id")]
    account_id = research.deployment.account.account_id
    found, _ = research.deployment.services.statements.receipts(account_id, WalletKind.OFFICIAL, cursor=None, limit=50)
    assert sorted(f"req_{entry.entry_id[:26]}" for entry in found) == sorted(receipts)
    page = research.deployment.services.statements.page(account_id, WalletKind.OFFICIAL, cursor=None, limit=50)
    assert page is not None and {line.entry.type.value for line in page.lines} == {"request", "top_up"}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"symbol": "NO SUCH THING"}, "symbol"),
        ({"preset": "huge"}, "preset"),
        ({"as_of": "2999-01-01"}, "as_of"),
        ({"models": {"middle": "gpt-4o"}}, "models"),
        ({"models": ["gpt-4o"]}, "models"),
        ({"max_charge": 1}, "max_charge"),
        ({"colour": "red"}, "colour"),
        ({"prices_csv": "", "prices_adjustment": "raw"}, "prices_csv"),
        ({"prices_csv": "x" * 2_000_001, "prices_adjustment": "raw"}, "prices_csv"),
        ({"sources": ["fred"]}, "vendor_keys.fred"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_held(
    research: Research, changes: dict[str, Any], param: str
) -> None:
    response = research.send("POST", "/runs", {**ASKED, **changes})
    assert (response.status_code, error_of(response)["param"]) == (400, param)
    assert research.deployment.wallet().held_nano == 0
    assert research.send("GET", "/runs").json()["data"] == []


def test_a_stale_choice_of_model_fails_before_any_charge(research: Research) -> None:
    gone = research.send("POST", "/runs", {**ASKED, "models": {"deep": "gpt-4-turbo"}})
    assert (gone.status_code, error_of(gone)["code"]) == (404, "model_not_found")
    narrow = research.deployment.key(allowed_models=frozenset({"gpt-4o-mini"}))
    refused = research.send("POST", "/runs", ASKED, token=narrow)
    assert (refused.status_code, error_of(refused)["code"]) == (403, "model_not_allowed")
    assert research.deployment.wallet().held_nano == 0


def test_a_price_that_has_risen_since_its_estimate_starts_nothing(research: Research) -> None:
    estimated = research.send("POST", "/estimates", ASKED).json()
    less = f"{nano(estimated['highest']) - 1:010d}"
    response = research.send("POST", "/runs", {**ASKED, "max_charge": f"{less[:-9]}.{less[-9:]}"})
    assert (response.status_code, error_of(response)["code"]) == (409, "estimate_exceeded")
    assert error_of(response)["forge"]["class"] == "pricing"
    assert research.deployment.wallet().held_nano == 0


def test_a_wallet_that_cannot_pay_is_told_in_the_usual_words(research: Research) -> None:
    research.take(research.deployment.wallet().available_nano - 1_000)
    response = research.send("POST", "/runs", ASKED)
    error = error_of(response)
    assert (response.status_code, error["code"]) == (402, "insufficient_quota")
    assert error["forge"]["wallet"] == "official" and error["forge"]["available"] == "0.000001"
    assert research.send("GET", "/runs").json()["data"] == [], "nothing is left of it"
    assert research.deployment.wallet().holds == {}


def test_a_keys_own_limit_holds_for_its_runs(research: Research) -> None:
    poor = research.deployment.key(spend_limit_nano=1_000)
    response = research.send("POST", "/runs", ASKED, token=poor)
    assert (response.status_code, error_of(response)["forge"]["limit"]) == (402, "key_spend_limit")
    rich = research.deployment.key(spend_limit_nano=nano("1"))
    research.token = rich
    run_id = research.begin()
    research.drive(run_id)
    [left] = [left for name, left in research.deployment.wallet().key_spend_left_nano.items() if left > 1_000]
    assert left == nano("1") - nano(research.show(run_id)["charged"])


def test_a_management_key_reads_and_starts_nothing(research: Research) -> None:
    manager = research.deployment.key(KeyKind.MANAGE)
    assert research.send("POST", "/runs", ASKED, token=manager).status_code == 403
    assert research.send("POST", "/estimates", ASKED, token=manager).status_code == 403
    run_id = research.begin()
    assert research.send("GET", f"/runs/{run_id}", token=manager).status_code == 200


@pytest.mark.parametrize("path", ["", "/report.json", "/cancel", "/resume", "/rerun"])
def test_a_run_is_only_there_for_its_account(research: Research, path: str) -> None:
    run_id = research.begin()
    stranger = research.deployment.other_account().key()
    method = "GET" if path in ("", "/report.json") else "POST"
    body: dict[str, Any] | None = None if method == "GET" else {}
    assert research.send(method, f"/runs/{run_id}{path}", body, token=stranger).status_code == 404
    assert research.send("GET", f"/compare?runs={run_id},{run_id}x", token=stranger).status_code == 404
    assert research.send("GET", "/runs", token=stranger).json()["data"] == []
    assert research.send("GET", f"/runs/{run_id}", token="tf_official_wrong").status_code == 401


def test_an_idempotency_key_begins_one_run(research: Research) -> None:
    first = research.send("POST", "/runs", ASKED, idempotency_key="once")
    again = research.send("POST", "/runs", ASKED, idempotency_key="once")
    assert again.json()["id"] == first.json()["id"] and again.headers["idempotent-replayed"] == "true"
    assert len(research.deployment.wallet().holds) == 1 and len(research.executions.names) == 1
    other = research.send("POST", "/runs", {**ASKED, "preset": "standard"}, idempotency_key="once")
    assert (other.status_code, error_of(other)["code"]) == (422, "idempotency_key_reused")


def test_an_idempotency_key_takes_up_a_run_that_was_begun_half(research: Research) -> None:
    class Dies:
        def start(self, run: object, *, to_end: bool = False) -> None:
            raise KeyboardInterrupt

    working, research.executions = research.executions, Dies()
    with pytest.raises(KeyboardInterrupt):
        research.send("POST", "/runs", ASKED, idempotency_key="once")
    research.executions = working
    again = research.send("POST", "/runs", ASKED, idempotency_key="once")
    assert again.status_code == 202 and len(working.names) == 1
    assert len(research.deployment.wallet().holds) == 1
    research.drive(again.json()["id"])
    research.check_books(again.json()["id"])


def test_an_uploaded_file_is_researched_and_is_not_shown(research: Research) -> None:
    run_id = research.begin(**UPLOADED)
    assert research.drive(run_id) is RunState.COMPLETED
    shown = research.show(run_id)
    assert shown["request"]["sources"] == ["csv"] and CSV not in str(shown)
    assert research.run_of(run_id).snapshot_sha256 == shown["snapshot_sha256"]


def test_a_file_that_cannot_be_read_ends_its_run_without_a_charge(research: Research) -> None:
    run_id = research.begin(**{**UPLOADED, "prices_csv": "this,is\nno,price\n"})
    assert research.drive(run_id) is RunState.FAILED
    assert str(research.show(run_id)["reason"]).startswith("no_data")
    assert research.check_books(run_id) == 0


def test_vendor_keys_are_kept_until_the_data_is_fetched_and_shown_nowhere(research: Research) -> None:
    secret = "myOwnFredKey0123456789"
    run_id = research.begin(sources=["sample", "fred"], vendor_keys={"fred": secret})
    run = research.run_of(run_id)
    assert research.runs.vendor_keys(run).fred == secret
    assert research.drive(run_id) is RunState.COMPLETED
    assert research.runs.vendor_keys(run).fred is None
    everything = str(research.show(run_id)) + research.send("GET", f"/runs/{run_id}/report.json").text
    assert secret not in everything


def test_a_cancelled_run_charges_what_was_sent_and_releases_the_rest(research: Research) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    research.step(run_id, "price_analyst")
    assert research.send("POST", f"/runs/{run_id}/cancel").json()["cancel_asked"] is True
    assert research.drive(run_id) is RunState.CANCELLED
    assert research.check_books(run_id) > 0
    assert research.provider is not None and research.provider.asked == 1
    assert research.send("POST", f"/runs/{run_id}/cancel").status_code == 409
    assert research.show(run_id)["report"]["is_partial"]


def test_a_run_that_never_started_can_be_cancelled(research: Research) -> None:
    run_id = research.begin()
    research.executions.names.clear()  # a crash came between its hold and its start
    research.send("POST", f"/runs/{run_id}/cancel")
    assert list(research.executions.names) == [f"{run_id}-1"]
    assert research.drive(run_id) is RunState.CANCELLED
    assert research.check_books(run_id) == 0


def test_a_run_whose_execution_is_over_without_having_ended_it_is_ended_by_cancelling(research: Research) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    research.clock.shift_ms += EXECUTION_MS_MAX + 1_000
    assert research.send("POST", f"/runs/{run_id}/cancel").status_code == 202
    assert list(research.executions.names) == [f"{run_id}-1", f"{run_id}-1-end"]
    assert research.drive(run_id) is RunState.CANCELLED
    assert research.check_books(run_id) == 0


def test_a_run_is_resumed_with_its_own_key_while_its_answers_are_kept(research: Research) -> None:
    run_id = research.begin()
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 409, "it has not ended"
    research.send("POST", f"/runs/{run_id}/cancel")
    research.drive(run_id)
    other = research.deployment.key()
    assert research.send("POST", f"/runs/{run_id}/resume", token=other).status_code == 409
    research.clock.shift_ms += RESUME_WITHIN_MS + 60_000
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 409
    research.clock.shift_ms -= 120_000
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 202
    assert list(research.executions.names) == [f"{run_id}-1", f"{run_id}-2"]
    assert research.drive(run_id) is RunState.COMPLETED
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 409
    research.check_books(run_id)


def test_a_resumed_run_that_cannot_be_paid_stays_as_it_was(research: Research) -> None:
    run_id = research.begin()
    research.send("POST", f"/runs/{run_id}/cancel")
    research.drive(run_id)
    research.take(research.deployment.wallet().available_nano - 1_000)
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 402
    assert research.show(run_id)["state"] == "cancelled"
    research.check_books(run_id)


def test_a_rerun_stands_on_the_same_data_and_is_compared(research: Research) -> None:
    first = research.begin()
    assert research.send("POST", f"/runs/{first}/rerun", {}).status_code == 409, "there is no data yet"
    research.drive(first)
    again = research.send("POST", f"/runs/{first}/rerun", {"models": {"quick": "gpt-4o", "deep": "gpt-4o"}})
    assert again.status_code == 202, again.text
    second = again.json()["id"]
    assert research.drive(second) is RunState.COMPLETED
    compared = research.send("GET", f"/compare?runs={first},{second}").json()
    assert compared["same_data"] is True
    assert [run["id"] for run in compared["runs"]] == [first, second]
    assert [run["models"]["quick"] for run in compared["runs"]] == ["gpt-4o-mini", "gpt-4o"]
    assert all(run["document"] for run in compared["runs"]) and compared["runs"][1]["rerun_of"] == first
    assert research.send("GET", f"/compare?runs={first}").status_code == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [({"preset": ["brief"]}, "preset"), ({"preset": {}}, "preset"), ({"language": ["en"]}, "language")],
)
def test_a_rerun_names_a_wrong_field_as_a_run_does(research: Research, body: dict[str, Any], param: str) -> None:
    first = research.begin()
    research.drive(first)
    refused = research.send("POST", f"/runs/{first}/rerun", body)
    assert (refused.status_code, error_of(refused)["param"]) == (400, param)


def test_history_is_searched_by_symbol_state_and_day(research: Research) -> None:
    made = [research.begin(symbol=symbol) for symbol in ("AAA", "BBB", "AAA")]
    research.send("POST", f"/runs/{made[0]}/cancel")
    research.drive(made[0])

    def found(query: str) -> list[str]:
        listed = research.send("GET", f"/runs?{query}").json()
        return [run["id"] for run in listed["data"]]

    assert found("") == made[::-1]
    assert found("symbol=aaa") == [made[2], made[0]]
    assert found("state=cancelled") == [made[0]]
    assert found("symbol=AAA&state=queued") == [made[2]]
    today = research.show(made[0])["created_at"][:10]
    assert found(f"since={today}&until={today}") == made[::-1]
    assert found("since=2999-01-01") == [] == found("until=2020-01-01")
    page = research.send("GET", "/runs?limit=2").json()
    assert page["has_more"] and [run["id"] for run in page["data"]] == [made[2], made[1]]
    rest = research.send("GET", f"/runs?limit=2&cursor={page['next_cursor']}").json()
    assert [run["id"] for run in rest["data"]] == [made[0]] and rest["next_cursor"] is None
    refuse_what_dynamodb_refuses(research)
    assert found("since=1960-01-01") == made[::-1] and found("until=1960-01-01") == []
    assert found(f"since={today}&until=2020-01-01") == []
    long_cursor = base64.urlsafe_b64encode(f"{'x' * 2_000}{made[0]}".encode()).decode()
    for wrong in ("cursor=nonsense", f"cursor={long_cursor}", "since=tomorrow", "state=asleep", "limit=0"):
        assert research.send("GET", f"/runs?{wrong}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/runs/{}"), ("POST", "/runs/{}/cancel"), ("GET", "/compare?runs={},b")]
)
def test_what_can_be_no_id_of_a_run_is_not_there(research: Research, method: str, path: str) -> None:
    refuse_what_dynamodb_refuses(research)
    response = research.send(method, path.format("x" * 2_000))
    assert response.status_code == 404 and len(error_of(response)["message"]) < 200


def test_a_report_is_read_in_three_forms_and_a_page_does_nothing(research: Research) -> None:
    run_id = research.begin()
    assert research.send("GET", f"/runs/{run_id}/report.json").status_code == 404
    research.drive(run_id)
    kinds = {
        suffix: research.send("GET", f"/runs/{run_id}/report.{suffix}").headers["content-type"].partition(";")[0]
        for suffix in ("json", "md", "html")
    }
    assert kinds == {"json": "application/json", "md": "text/markdown", "html": "text/html"}
    page = research.send("GET", f"/runs/{run_id}/report.html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert research.send("GET", f"/runs/{run_id}/report.pdf").status_code == 404


def test_a_run_goes_only_where_the_table_of_transitions_lets_it(research: Research) -> None:
    made = research.run_of(research.begin())
    for state in RunState:
        for to in RunState:
            run = replace(made, run_id=new_id("run", research.clock.now_ms()), state=state)
            assert research.runs.create(run)
            assert not research.runs._move(replace(run, execution=2), to, 2), "another execution's news"
            assert research.runs._move(run, to, 2) is (to in NEXT[state])
