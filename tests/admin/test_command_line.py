"""The admins' command line against the real API: daily commands, and what they say when they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.admin import show
from local.admin.__main__ import main
from local.admin.sums import added
from tests.admin.conftest import Admin, AdminDeployment
from tests.support.deployment import MODEL
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.admin.keys import Scope
from tokens_forge.keys import KeyKind, parse_token
from tokens_forge.wallets import WalletKind


@pytest.fixture
def line(admin: Admin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as JSON and gives back what it printed."""
    monkeypatch.setenv("FORGE_ADMIN_URL", admin.base_url + "/admin/v1")
    monkeypatch.setenv("FORGE_ADMIN_KEY", str(admin.token))

    def run(*arguments: str) -> Any:
        assert main(["--json", *arguments]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return run


def test_a_days_work(line: Any, admin: Admin, administration: AdminDeployment) -> None:
    product, why = administration.product, ("--reason", "a test")
    with serve(product.app, lifespan="on") as url:
        token = product.key(KeyKind.ROUTED)
        receipt = Api(url + "/v1", token).chat().headers["x-forge-receipt-id"]
    parsed = parse_token(token)
    assert parsed is not None
    account = product.account.account_id
    assert line("whoami")["id"] == admin.key_id
    assert line("diagnose", parsed.key_id, MODEL)["cause"] == "none"
    price = ("routed", MODEL, "--currency", "CNY", "--input", "0.15", "--output", "0.6", "--multiplier", "2")
    assert line("preview-price", *price, "--requests", "1")["requests"] == 1
    version = line("set-price", *price, "--starts-at", "2027-01-01T00:00:00Z", *why)["version"]
    assert line("withdraw-price", "routed", MODEL, version, *why)["withdrawn"] is True
    assert line("set-route", "routed", MODEL, "routed-backup", "routed-primary", *why)["item_version"] == 1
    assert [found["channels"][0] for found in line("routes", "routed") if found["model"] == MODEL] == ["routed-backup"]
    assert {found["model"] for found in line("prices", "routed", "--model", MODEL)} == {MODEL}
    assert line("usage", "routed", "--since", "1h")[0]["requests"] == 1
    assert line("margin", "routed", "--since", "1h")[0]["margin"] is None
    assert line("receipt", "routed", receipt)["account_id"] == account
    assert line("adjust", "routed", account, "1.5", *why)["state"] == "posted"
    pending = line("adjust", "routed", account, "600", *why)
    assert line("decline", "routed", pending["id"], *why)["state"] == "declined"
    assert len(line("adjustments", "routed")) == 2
    assert line("freeze", account, "--wallet", "official", *why)["wallets"][0]["status"] == "frozen"
    assert line("unfreeze", account, *why)["wallets"][0]["status"] == "active"
    made = line("create-customer-key", account, "app", "--kind", "routed", "--model", MODEL, "--spend-limit", "1", *why)
    assert line("revoke-customer-key", account, made["id"], *why)["status"] == "revoked"
    assert len(line("account", account)["keys"]) == 2
    order = administration.shop.paid(WalletKind.ROUTED, "30.00").order_id
    assert [found["id"] for found in line("orders", "routed", "--state", "credited")] == [order]
    refunded = line("refund", "routed", order, "10.00", *why)
    assert refunded["state"] == "posted" and line("refunds", "routed") == [refunded]
    assert line("refund", "routed", order, "10.00", "--refund-id", refunded["id"], *why) == refunded
    assert line("order", "routed", order)["refundable"] == "20.00" and line("comparison") == {"result": "none yet"}
    assert line("open-account", "Other", "--currency", "EUR", *why)["cash_currency"] == "EUR"
    assert {found["name"] for found in line("accounts")} == {"Test account", "Other"}
    assert line("errors", "routed")["by_class"] == {} and line("errors", "none")["by_class"] == {}
    assert line("audit", "routed", "--action", "price.")[0]["action"] == "price.withdraw"
    for command in (("models", "routed"), ("channels", "routed"), ("health", "routed"), ("circuits", "routed")):
        assert isinstance(line(*command), list)
    assert line("reconciliation") == [] and line("discover", "routed", "routed-primary")["outcome"] == "ok"


def test_tables_are_for_people(line: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "routed"]) == 0 and main(["whoami"]) == 0 and main(["errors", "routed"]) == 0
    shown = capsys.readouterr().out
    assert "routed-primary, routed-backup" in shown and "finance, operate, read" in shown


@pytest.mark.parametrize("width", [30, 80, 95, 99, 110, 200])
def test_every_id_in_a_table_can_be_copied_however_narrow_it_is(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show.out, "_width", width)
    ids = {
        "id": "ord_01m8ajehm3kwggq4r319x080ks",
        "account_id": "acc_96j4jy20k1y9",
        "entry_id": "01m8a0pgjw3mmv.top_up",
    }
    show.table("orders", (*ids, "reason"), [{**ids, "reason": "it was bought twice"}])
    shown = capsys.readouterr().out
    assert all(each in shown for each in ids.values()), shown
    framed = [line for line in shown.splitlines() if line.startswith("│")]
    assert bool(framed) is (width > 90), "side by side where there is room"
    assert all(line.endswith("│") and len(line) <= width for line in framed), shown


def test_what_customers_wrote_is_shown_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("keys", ("name",), [{"name": "[/bold]"}, {"name": "[red]:warning:"}, {"name": "\x1b[2Jgone\n"}])
    shown = capsys.readouterr().out
    assert "[/bold]" in shown and "[red]:warning:" in shown
    assert "\x1b" not in shown and r"\x1b[2Jgone\n" in shown


def test_a_refusal_is_one_line_with_its_class(
    line: Any, administration: AdminDeployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORGE_ADMIN_KEY", str(administration.key(Scope.READ).token))
    assert main(["set-route", "routed", MODEL, "routed-backup", "--reason", "why not"]) == 1
    assert "403 key_not_permitted (key_permission)" in capsys.readouterr().err
    assert main(["usage", "routed", "--since", "yesterday"]) == 1
    assert "30m, 12h or 7d" in capsys.readouterr().err
    monkeypatch.delenv("FORGE_ADMIN_KEY")
    assert main(["whoami"]) == 1 and "FORGE_ADMIN_KEY" in capsys.readouterr().err
    monkeypatch.setenv("FORGE_ADMIN_KEY", "x")
    monkeypatch.setenv("FORGE_ADMIN_URL", "http://127.0.0.1:9")
    assert main(["whoami"]) == 1 and "did not answer" in capsys.readouterr().err


def test_pages_add_up_exactly() -> None:
    page = {
        "model": "m",
        "channel": "c",
        "currency": "USD",
        "requests": 2,
        "revenue": "0.10",
        "provider_costs": {"USD": "0.03"},
        "requests_of_unknown_cost": 0,
        "margin": "0.07",
        "unknown": None,
    }
    [both] = added([page, {**page, "provider_costs": {"EUR": "1.00"}, "unknown": "in EUR"}])
    assert both["requests"] == 4 and both["revenue"] == "0.20" and both["margin"] is None
    assert both["provider_costs"] == {"USD": "0.03", "EUR": "1.00"}
    [known] = added([page, page])
    assert known["margin"] == "0.14"
