"""The reconciliation finds whatever is hidden or altered, freezes the wallet, and stays silent when all fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.stack.test_sweeper import LATER, OUTCOME, intent, sweep
from tests.support.deployment import Deployment
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.codec import entry_key, intent_key, wallet_key
from tokens_forge.wallets import WalletKind, WalletStatus


@pytest.fixture
def request_id(deployment: Deployment) -> str:
    """A settled request, an adjustment, a reversal, and a swept one: books with something in them."""
    settlement = Settlement(Books(deployment.ledger, SystemClock()))
    held = settlement.hold(intent(deployment), 0)
    settlement.settle(held, OUTCOME)
    settlement.hold(intent(deployment), 0)
    account = deployment.account.account_id
    for amount in ("-1", "2"):
        adjusted = deployment.balances.adjust(
            account,
            WalletKind.OFFICIAL,
            Money.parse(amount, "USD"),
            adjustment_id=new_id("adj", SystemClock().now_ms()),
            reason="a test",
        )
    deployment.balances.reverse(adjusted)
    sweep(deployment)
    return held.intent.request_id


def run(deployment: Deployment) -> Any:
    return deployment.scheduled(LATER).reconciliation.run()


def problems(deployment: Deployment) -> set[str]:
    return {finding.problem for finding in run(deployment).findings}


def test_books_that_fit_are_left_in_peace(deployment: Deployment, request_id: str) -> None:
    done = run(deployment)
    assert done.findings == [] and done.busy == 0
    assert (done.wallets, done.intents) == (2, 2)
    assert done.entries == 1 + 1 + 2 + 3 + 1 - 1  # requests, top-ups of both wallets, adjustments and the reversal
    assert all(sum(sums.values()) == 0 for sums in done.balances.values()), "trial balance per currency"
    assert set(done.balances) == {"USD", "CNY"}
    assert deployment.wallet().status is WalletStatus.ACTIVE
    state = deployment.scheduled().state
    state.write_reconciliation(done)
    latest = state.latest_reconciliation()
    assert latest is not None and latest["findings_total"] == 0 and latest["wallets"] == 2


def _entry(deployment: Deployment, request_id: str) -> dict[str, Any]:
    account = deployment.account.account_id
    return entry_key(account, WalletKind.OFFICIAL, entry_id_of(request_id, EntryType.REQUEST))


def _hide_entry(deployment: Deployment, request_id: str) -> None:
    deployment.client.delete_item(TableName=deployment.settings.tables.journal, Key=_entry(deployment, request_id))


def _hide_intent(deployment: Deployment, request_id: str) -> None:
    record = deployment.ledger.read_intent(request_id)
    assert record is not None
    key = intent_key(record.intent.minute, request_id)
    deployment.client.delete_item(TableName=deployment.settings.tables.requests, Key=key)


def _hide_wallet(deployment: Deployment, request_id: str) -> None:
    key = wallet_key(deployment.account.account_id, WalletKind.ROUTED)
    deployment.client.delete_item(TableName=deployment.settings.tables.wallets, Key=key)


def _alter_entry(path: str, value: str) -> Callable[[Deployment, str], None]:
    def alter(deployment: Deployment, request_id: str) -> None:
        names = {f"#{index}": name for index, name in enumerate(path.split("."))}
        deployment.client.update_item(
            TableName=deployment.settings.tables.journal,
            Key=_entry(deployment, request_id),
            UpdateExpression=f"SET {'.'.join(names)} = :value",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":value": {"N": value}},
        )

    return alter


def _alter_wallet(name: str, change: int) -> Callable[[Deployment, str], None]:
    def alter(deployment: Deployment, request_id: str) -> None:
        deployment.client.update_item(
            TableName=deployment.settings.tables.wallets,
            Key=wallet_key(deployment.account.account_id, WalletKind.OFFICIAL),
            UpdateExpression="SET #name = #name + :change",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":change": {"N": str(change)}},
        )

    return alter


def _hide_reversed_original(deployment: Deployment, request_id: str) -> None:
    page = deployment.client.scan(TableName=deployment.settings.tables.journal)["Items"]
    [reversal] = [item for item in page if "reversal-of" in item["entry_id"]["S"]]
    key = {"book": reversal["book"], "entry_id": reversal["reference"]}
    deployment.client.delete_item(TableName=deployment.settings.tables.journal, Key=key)


FRAUDS: list[tuple[str, Callable[[Deployment, str], None], set[str]]] = [
    ("entry hidden", _hide_entry, {"debits_differ", "intent_without_entry"}),
    ("intent hidden", _hide_intent, {"entry_without_intent"}),
    ("wallet hidden", _hide_wallet, {"wallet_missing"}),
    ("posting altered", _alter_entry("postings.wallet", "-5"), {"entry_unreadable", "debits_differ"}),
    ("token count altered", _alter_entry("request.usage.output", "1"), {"receipt_does_not_recompute"}),
    ("unit price altered", _alter_entry("request.unit_prices.output", "1"), {"receipt_does_not_recompute"}),
    ("balance given away", _alter_wallet("available", 10**9), {"wallet_breaks_a_rule"}),
    ("credit total altered", _alter_wallet("credits_total", 1), {"wallet_breaks_a_rule", "credits_differ"}),
    ("held altered", _alter_wallet("held", 7), {"wallet_breaks_a_rule"}),
    ("original of a reversal hidden", _hide_reversed_original, {"reversal_without_original", "credits_differ"}),
]


@pytest.mark.parametrize(("name", "fraud", "expected"), FRAUDS, ids=[fraud[0] for fraud in FRAUDS])
def test_one_record_hidden_or_altered_is_found_and_freezes_the_wallet(
    deployment: Deployment, request_id: str, name: str, fraud: Callable[[Deployment, str], None], expected: set[str]
) -> None:
    fraud(deployment, request_id)
    assert problems(deployment) == expected
    if name != "wallet hidden":
        found = deployment.ledger.read_wallet(deployment.account.account_id, WalletKind.OFFICIAL)
        assert found is not None and found.status is WalletStatus.FROZEN
        assert deployment.wallet(WalletKind.ROUTED).status is WalletStatus.ACTIVE, "the other wallet goes on"


def test_a_hold_whose_intent_is_gone_is_found(deployment: Deployment, request_id: str) -> None:
    made = intent(deployment)
    Settlement(Books(deployment.ledger, SystemClock())).hold(made, 0)
    _hide_intent(deployment, made.request_id)
    assert problems(deployment) == {"hold_left_open"}
