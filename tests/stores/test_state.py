"""Operational state: cursors, and the results of the reconciliation."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.checkout.comparison import Compared, OrderFinding
from tokens_forge.ids import iso_of
from tokens_forge.reconciliation import Finding, Reconciled
from tokens_forge.store.state import FINDINGS_KEPT_MAX, RESULTS_KEPT_S, DynamoStateStore
from tokens_forge.wallets import WalletKind


@pytest.fixture
def store(moto: Engine) -> DynamoStateStore:
    return DynamoStateStore(moto.client(), moto.table_names["FORGE_STATE_TABLE"])


def finding(number: int) -> Finding:
    return Finding("credits_differ", f"acc_{number}", WalletKind.ROUTED, f"subject {number}", "by 1")


def test_a_cursor_is_what_was_written_last_under_its_name(store: DynamoStateStore) -> None:
    assert store.read_cursor("sweeper") is None
    for value in ("2026-11-24T13:48", "2026-11-24T13:49"):
        store.write_cursor("sweeper", value)
        assert store.read_cursor("sweeper") == value
    assert store.read_cursor("probe") is None


def test_a_result_can_be_read_by_people(store: DynamoStateStore) -> None:
    balances = {"USD": Counter({"wallet": 5, "revenue": -5})}
    store.write_reconciliation(Reconciled(NOW_MS, 4, 3, 2, 1, balances, [finding(0)]))
    assert store.latest_reconciliation() == {
        "started_at": iso_of(NOW_MS),
        "wallets": 4,
        "entries": 3,
        "intents": 2,
        "busy": 1,
        "balances_nano": {"USD": {"wallet": 5, "revenue": -5}},
        "findings_total": 1,
        "findings": [
            {
                "problem": "credits_differ",
                "account_id": "acc_0",
                "kind": "routed",
                "subject": "subject 0",
                "detail": "by 1",
            }
        ],
    }


def test_the_latest_result_is_the_newest_one_whatever_the_order_of_writing(store: DynamoStateStore) -> None:
    assert store.latest_reconciliation() is None
    for at_ms in (NOW_MS + 1, NOW_MS + 3, NOW_MS + 2):
        store.write_reconciliation(Reconciled(at_ms))
    store.write_cursor("sweeper", "2026-11-24T13:48")
    latest = store.latest_reconciliation()
    assert latest is not None and latest["started_at"] == iso_of(NOW_MS + 3)


def test_very_many_findings_are_counted_and_the_first_are_kept(store: DynamoStateStore) -> None:
    store.write_reconciliation(Reconciled(NOW_MS, findings=[finding(number) for number in range(5_000)]))
    latest = store.latest_reconciliation()
    assert latest is not None and latest["findings_total"] == 5_000
    assert [found["subject"] for found in latest["findings"]] == [f"subject {n}" for n in range(FINDINGS_KEPT_MAX)]


def test_a_result_expires_after_ninety_days(moto: Engine, store: DynamoStateStore) -> None:
    store.write_reconciliation(Reconciled(NOW_MS))
    (item,) = moto.client().scan(TableName=moto.table_names["FORGE_STATE_TABLE"])["Items"]
    assert item["expires_at"] == {"N": str(NOW_MS // 1000 + RESULTS_KEPT_S)} and RESULTS_KEPT_S == 90 * 86_400


def test_the_latest_comparison_of_payments_is_kept_beside_the_reconciliations(store: DynamoStateStore) -> None:
    assert store.latest_comparison() is None
    paid_twice = OrderFinding("paid_twice", "ord_1", "cs_1", "20.00 USD")
    for started_at_ms in (NOW_MS, NOW_MS + 1):
        store.write_comparison(Compared(started_at_ms, "stripe", 2, 3, ["ord_2"], [paid_twice]))
    latest = store.latest_comparison()
    assert latest is not None and latest["started_at"] == iso_of(NOW_MS + 1)
    assert (latest["provider"], latest["payments"], latest["orders"], latest["found_late"]) == (
        "stripe",
        2,
        3,
        ["ord_2"],
    )
    assert latest["findings_total"] == 1 and latest["findings"][0]["problem"] == "paid_twice"
    assert store.latest_reconciliation() is None
