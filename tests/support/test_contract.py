"""The comparison of answers with the documents sees what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.contract import Broken, check

HEADERS = {"content-type": "application/json", "x-request-id": "rid_1"}
WALLET = {
    "object": "wallet",
    "wallet": "official",
    "label": "Official model Credit",
    "currency": "USD",
    "available": "1.00",
    "held": "0.00",
    "balance": "1.00",
    "status": "active",
    "open_holds": 0,
    "pays_for": "official models",
}


def answer(body: Any, *, status: int = 200, path: str = "/v1/wallets", method: str = "GET", **headers: str) -> None:
    shown = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    check(method, path, status=status, headers=shown, content=json.dumps(body).encode())


def listed(**fields: Any) -> dict[str, Any]:
    return {"object": "list", "account_id": "acc_1", "data": [{**WALLET, **fields}]}


def refused(**facts: Any) -> dict[str, Any]:
    forge = {"class": "key_permission", **facts}
    return {"error": {"message": "", "type": "x", "param": None, "code": "invalid_api_key", "forge": forge}}


def test_a_documented_answer_passes() -> None:
    answer(listed())
    answer(refused(), status=401)
    answer({}, path="/nothing/that/is/documented")


@pytest.mark.parametrize(
    ("body", "status", "headers", "fault"),
    [
        (listed(available="1"), 200, {}, "available"),
        (listed(available=1), 200, {}, "available"),
        (listed(secret="x"), 200, {}, "secret"),
        ({"object": "list", "account_id": "acc_1"}, 200, {}, "data"),
        (listed(), 202, {}, "status is not documented"),
        (listed(), 200, {"content_type": "text/csv"}, "text/csv is not documented"),
        (listed(), 200, {"x_forge_wallet": "official"}, "x-forge-wallet is not documented"),
        (refused(**{"class": "balance"}), 401, {}, "class"),
        (refused(password="x"), 401, {}, "password"),
        (refused(), 401, {"retry_after": "soon"}, "retry-after"),
    ],
)
def test_what_is_not_documented_is_seen(body: Any, status: int, headers: dict[str, str], fault: str) -> None:
    with pytest.raises(Broken, match=fault):
        answer(body, status=status, **headers)


def test_a_missing_header_is_seen() -> None:
    with pytest.raises(Broken, match="x-request-id is missing"):
        check("GET", "/v1/wallets", status=200, headers={"content-type": "application/json"}, content=b"{}")


def test_names_of_models_hold_slashes_and_other_ids_do_not() -> None:
    with pytest.raises(Broken, match="status is not documented"):
        answer({}, path="/v1/models/meta/llama", status=202)
    with pytest.raises(Broken, match="status is not documented"):
        answer({}, path="/v1/keys/key_1/rotate", method="POST", status=202)
    answer({}, path="/v1/receipts/req_1/more", status=404)
