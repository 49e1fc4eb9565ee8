"""Made-up requests of every sort get a documented answer, and never one of 500 and above."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from functions.proxy.document import build
from tests.api.fuzzing import Fuzzing, every_boundary, findable
from tests.support.behaviour import MISSING, Behaviour, error
from tests.support.contract import closed
from tests.support.deployment import Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind, KeyLimits
from tokens_forge.wallets import WalletKind

UNKNOWN = "unsold-model"
MODELS = {
    "ChatCompletionRequest": ["gpt-4o-mini", "gpt-4o", "claude-haiku-4-5", UNKNOWN],
    "ResponseRequest": ["gpt-4o-mini", "gpt-4o", UNKNOWN],
    "MessageRequest": ["claude-haiku-4-5", "gpt-4o", "gpt-4o-mini", UNKNOWN],
    "CompletionRequest": ["gpt-3.5-turbo-instruct"],
    "EmbeddingRequest": ["text-embedding-3-small"],
}
# A provider that is up: what it does wrong makes 503, which is no finding; tests/stack has all of that.
SCENES = (
    Behaviour(),
    Behaviour(usage=MISSING),
    Behaviour(text=""),
    error(400),
    error(415),
    error(422, code="too_long"),
)
KEYS_MADE = 12


@pytest.fixture
def fuzzing(deployment: Deployment, base_url: str, upstream: Upstream) -> Fuzzing:
    """A deployment with keys of every sort and something to find."""
    for kind in WalletKind:
        deployment.fund(kind, "1000000")
    spending = [deployment.key(kind) for kind in (KeyKind.OFFICIAL, KeyKind.ROUTED)]
    manager = deployment.key(KeyKind.MANAGE)
    limited = deployment.key(limits=KeyLimits(requests_per_minute=2, tokens_per_minute=20_000, concurrent_requests=1))
    for token in spending:
        assert Api(base_url, token).chat().status_code == 200
    receipts = [Api(base_url, token).get("/receipts").json()["data"][0]["id"] for token in spending]
    for _ in range(KEYS_MADE):
        deployment.key()
    used = {f"key_{token.split('_')[2]}" for token in (*spending, manager, limited)}
    keys = [key["id"] for key in Api(base_url, manager).get("/keys").json()["data"] if key["id"] not in used]
    names = {
        "key_id": [*keys, "key_none"],
        "receipt_id": [*receipts, "req_none"],
        "model_id": ["gpt-4o", "some/model", UNKNOWN],
    }

    def callers(path: str) -> Sequence[Mapping[str, str]]:
        if path.startswith("/v1/keys"):
            return [*[bearer(manager)] * 5, {"x-api-key": manager}, bearer(spending[0])]
        tokens = [*spending, *spending, limited, manager, deployment.other_account().key()]
        return [*map(bearer, tokens), {"x-api-key": spending[0]}]

    def answers_next(behaviour: Behaviour) -> None:
        upstream.default = behaviour

    return Fuzzing(
        base_url.removesuffix("/v1"),
        findable(_as_events_are_read(closed(build())), models=MODELS, ids=names),
        callers,
        SCENES,
        answers_next,
        # An inference body may be wrong for its provider in ways that the gateway leaves to the provider. The body of a rotation
        # may be left out, which Schemathesis takes for a wrong one.
        refuses_what_is_wrong=lambda operation: "/v1/keys" in operation and "rotate" not in operation,
    )


def _as_events_are_read(document: dict[str, Any]) -> dict[str, Any]:
    """Schemathesis gives an event without a name the one that browsers give it."""
    document["components"]["schemas"]["Chunk"]["properties"]["event"] = {"const": "message"}
    return document


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def check(fuzzing: Fuzzing, deployment: Deployment, *, cases_min: int) -> None:
    assert fuzzing.faults == [], "\n\n".join(fuzzing.faults[:5])
    assert fuzzing.answers.total() >= cases_min
    statuses: dict[str, set[int]] = {}
    for operation, status in fuzzing.answers:
        statuses.setdefault(operation, set()).add(status)
    assert len(statuses) == sum(len(methods) for methods in build()["paths"].values())
    assert {operation for operation, met in statuses.items() if not met & {200, 201}} == set(), "nothing was reached"
    assert {operation for operation, met in statuses.items() if 401 not in met} == {"GET /healthz", "GET /openapi.json"}
    by_status: Counter[int] = Counter()
    for (_, status), count in fuzzing.answers.items():
        by_status[status] += count
    print(f"{fuzzing.answers.total()} requests: {dict(sorted(by_status.items()))}")
    assert {200, 201, 400, 401, 403, 404} <= set(by_status)
    for kind in WalletKind:
        assert deployment.wallet(kind).holds == {}


def test_made_up_requests_get_documented_answers(fuzzing: Fuzzing, deployment: Deployment) -> None:
    fuzzing.run(examples=12, from_seed=2)
    check(fuzzing, deployment, cases_min=250)


@pytest.mark.proof
@pytest.mark.parametrize("number", [2, 3])
def test_many_made_up_requests_get_documented_answers(fuzzing: Fuzzing, deployment: Deployment, number: int) -> None:
    fuzzing.run(examples=120, from_seed=number)
    check(fuzzing, deployment, cases_min=2_000)


@pytest.mark.proof
@pytest.mark.parametrize(("path", "paths"), [("/v1/keys", "^/v1/keys"), ("/", "^/(?!v1/keys)")], ids=["keys", "others"])
def test_every_boundary_of_every_field_gets_a_documented_answer(
    fuzzing: Fuzzing, tmp_path: Path, path: str, paths: str
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(fuzzing.document))
    report = every_boundary(fuzzing.base_url, document, fuzzing.callers(path)[0], paths)
    print(*re.findall(r"\d+ generated, .*", report))
    assert int(re.findall(r"(\d+) generated", report)[0]) > 200
