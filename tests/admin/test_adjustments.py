"""Adjustments: bounded, approved by a second admin above the limit, posted once, reversible, and always on record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin.conftest import Admin, AdminDeployment
from tokens_forge.admin.audit import Author
from tokens_forge.admin.keys import Scope
from tokens_forge.admin.moves import MoveState
from tokens_forge.wallets import WalletKind

OFFICIAL = "/official/adjustments"


def ask(admin: Admin, administration: AdminDeployment, amount: str, path: str = OFFICIAL) -> Any:
    return admin.write("POST", path, {"account_id": administration.product.account.account_id, "amount": amount})


def balance(administration: AdminDeployment, kind: WalletKind = WalletKind.OFFICIAL) -> int:
    return administration.product.wallet(kind).available_nano


def actions(admin: Admin, subject: str, log: str = "official") -> list[str]:
    return [record["action"] for record in admin.get(f"/{log}/audit", subject=subject)["data"]][::-1]


def test_an_adjustment_moves_its_own_wallet_once_and_is_undone_by_its_opposite(
    admin: Admin, administration: AdminDeployment
) -> None:
    before, routed_before = balance(administration), balance(administration, WalletKind.ROUTED)
    made = ask(admin, administration, "12.50")
    assert made.status_code == 201 and made.json()["state"] == "posted" and made.json()["currency"] == "USD"
    adjustment = made.json()["id"]
    assert balance(administration) == before + 12_500_000_000
    assert admin.write("POST", f"{OFFICIAL}/{adjustment}/approve", {}).status_code == 409, "it is posted already"
    reversed_ = admin.write("POST", f"{OFFICIAL}/{adjustment}/reverse", {})
    assert reversed_.status_code == 200 and reversed_.json()["state"] == "reversed"
    assert admin.write("POST", f"{OFFICIAL}/{adjustment}/reverse", {}).status_code == 409
    assert balance(administration) == before and balance(administration, WalletKind.ROUTED) == routed_before
    assert actions(admin, adjustment) == [
        "adjustment.request",
        "adjustment.posted",
        "adjustment.reversing",
        "adjustment.reversed",
    ]
    found = administration.product.scheduled().reconciliation.run()
    assert found.findings == []


def test_above_the_limit_a_second_admin_must_approve(admin: Admin, administration: AdminDeployment) -> None:
    second, before = administration.key(Scope.FINANCE, name="second"), balance(administration)
    asked = ask(admin, administration, "100.000000001")
    assert asked.status_code == 202 and asked.json()["state"] == "pending"
    adjustment = asked.json()["id"]
    own = admin.write("POST", f"{OFFICIAL}/{adjustment}/approve", {})
    assert own.status_code == 403 and balance(administration) == before
    approved = second.write("POST", f"{OFFICIAL}/{adjustment}/approve", {}).json()
    assert (approved["state"], approved["decided_by"]) == ("posted", second.key_id)
    assert balance(administration) == before + 100_000_000_001
    assert second.write("POST", f"{OFFICIAL}/{adjustment}/decline", {}).status_code == 409
    assert actions(admin, adjustment) == ["adjustment.request", "adjustment.approved", "adjustment.posted"]


def test_the_limit_is_of_a_day_and_a_key_so_that_many_small_ones_are_a_large_one(
    admin: Admin, administration: AdminDeployment
) -> None:
    assert [ask(admin, administration, amount).status_code for amount in ("60", "-40", "0.01")] == [201, 201, 202]
    other = administration.key(Scope.FINANCE)
    assert ask(other, administration, "60").status_code == 201
    assert ask(admin, administration, "60", "/routed/adjustments").status_code == 201, "each wallet has its own"


def test_a_declined_adjustment_never_happens(admin: Admin, administration: AdminDeployment) -> None:
    before = balance(administration)
    adjustment = ask(admin, administration, "500").json()["id"]
    assert admin.write("POST", f"{OFFICIAL}/{adjustment}/decline", {}).json()["state"] == "declined"
    second = administration.key(Scope.FINANCE)
    assert second.write("POST", f"{OFFICIAL}/{adjustment}/approve", {}).status_code == 409
    assert balance(administration) == before


def test_more_than_is_available_is_not_taken(admin: Admin, administration: AdminDeployment) -> None:
    refused = ask(admin, administration, "-10.01")
    assert refused.status_code == 409 and "10.00 USD" in refused.json()["error"]["message"]
    assert refused.json()["error"]["forge"]["current"]["state"] == "refused"
    assert balance(administration) == 10_000_000_000
    [listed] = admin.get(OFFICIAL, state="refused")["data"]
    assert listed["amount"] == "-10.01" and listed["entry_id"] is None


def test_bad_amounts_and_foreign_accounts_are_named(admin: Admin, administration: AdminDeployment) -> None:
    for amount in ("0", "1e3", "abc", "10001", "-10001", "0.0000000001"):
        refused = ask(admin, administration, amount)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "amount", amount
    nobody = admin.write("POST", OFFICIAL, {"account_id": "acc_nobody", "amount": "1"})
    assert nobody.status_code == 404
    made = ask(admin, administration, "1").json()["id"]
    assert admin.send("GET", f"/routed/adjustments/{made}").status_code == 404, "of the other wallet"
    assert admin.write("POST", f"/routed/adjustments/{made}/reverse", {}).status_code == 404


def test_a_wallet_in_another_currency_than_the_limit_needs_approval(
    admin: Admin, administration: AdminDeployment
) -> None:
    account = admin.write("POST", "/accounts", {"name": "elsewhere", "cash_currency": "EUR"}).json()["id"]
    asked = admin.write("POST", "/routed/adjustments", {"account_id": account, "amount": "1"})
    assert asked.status_code == 202 and asked.json()["currency"] == "EUR"


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("state", [MoveState.POSTED, MoveState.REVERSED])
def test_a_step_that_was_interrupted_is_finished_once(administration: AdminDeployment, state: MoveState) -> None:
    """The process dies after the money moved and before that was written down."""
    adjustments, before = administration.services.adjustments, balance(administration)
    account_id, author = administration.product.account.account_id, Author("adm_a", "a", "an outage")
    real = adjustments._store.change_move

    def dies(old: Any, new: Any, record: Any) -> bool:
        if new.state is state:
            raise Died
        return bool(real(old, new, record))

    def asked_and_reversed() -> None:
        made = adjustments.request(WalletKind.OFFICIAL, account_id, "5", author)
        adjustments.reverse(WalletKind.OFFICIAL, made.move_id, author)

    adjustments._store.change_move = dies  # type: ignore[assignment,method-assign]
    with pytest.raises(Died):
        asked_and_reversed()
    adjustments._store.change_move = real  # type: ignore[method-assign]
    [left] = adjustments.page(WalletKind.OFFICIAL, None, 10)
    if state is MoveState.POSTED:
        assert left.state is MoveState.OPEN
        done = adjustments.approve(WalletKind.OFFICIAL, left.move_id, author)
        assert done.state is MoveState.POSTED and balance(administration) == before + 5_000_000_000
    else:
        assert left.state is MoveState.REVERSING
        done = adjustments.reverse(WalletKind.OFFICIAL, left.move_id, author)
        assert done.state is MoveState.REVERSED and balance(administration) == before
    assert administration.product.scheduled().reconciliation.run().findings == []


def test_adjustments_are_paged_newest_first(admin: Admin, administration: AdminDeployment) -> None:
    made = [ask(admin, administration, "1").json()["id"] for _ in range(3)]
    first = admin.get(OFFICIAL, limit=2)
    rest = admin.get(OFFICIAL, limit=2, cursor=first["next_cursor"])
    assert [shown["id"] for shown in first["data"] + rest["data"]] == made[::-1] and rest["next_cursor"] is None
