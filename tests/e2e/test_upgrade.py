"""An upgrade over existing data, and the end of a deployment: what must stay, stays as it was.

The local AWS has no CodeDeploy, so versions move at once here, in the stage prod too. It deletes a bucket that is not empty, which
AWS refuses: docs/deploy.md empties it first. It keeps no backups, so a recovery of a table cannot be tried.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.settings import STACK
from local.stack import LOCAL_PARAMETERS
from tests.e2e.books import proven, wallets
from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e

WORDS, NEW_WORDS = "through official channels only", "through official channels only, since the upgrade"
# What docs/deploy.md promises to keep; the scheduled functions write into none of them here.
KEPT = ("WALLETS", "JOURNAL", "ACCOUNTS", "OFFICIAL_CATALOG", "ROUTED_CATALOG", "ORDERS", "ADMIN", "AUDIT", "RUNS")
GONE = ("REQUESTS", "STATE")
PROTECTED_STACK = "tokens-forge-protected"


def test_an_upgrade_keeps_every_record_and_serves_its_new_code(stack: LocalStack) -> None:
    official = stack.api("FORGE_OFFICIAL_KEY", deployed=True)
    assert official.chat().status_code == stack.api("FORGE_ROUTED_KEY", deployed=True).chat().status_code == 200
    records, balances, receipts = kept(stack), wallets(official), official.get("/receipts").json()
    most = official.get("/checkout/offers").json()["data"][0]["most"]
    assert NEW_WORDS not in balances["official"]["pays_for"] and most == "1000.00"

    views = stack.folder / "layers" / "common" / "tokens_forge" / "views.py"
    text = views.read_text()
    assert text.count(WORDS) == 1
    views.write_text(text.replace(WORDS, NEW_WORDS))
    stack.sam("build")
    deploy(stack, OrderLimits="USD 5 2000, CNY 20 5000")

    assert kept(stack) == records, "no record was touched"
    after = wallets(official)
    assert NEW_WORDS in after["official"].pop("pays_for") and balances["official"].pop("pays_for")
    assert after == balances and official.get("/receipts").json() == receipts
    assert official.get("/checkout/offers").json()["data"][0]["most"] == "2000.00"
    for name in ("FORGE_OFFICIAL_KEY", "FORGE_ROUTED_KEY"):
        api = stack.api(name, deployed=True)
        receipt = api.explained(api.chat().json()["forge_receipt"])
        kind = receipt["wallet"]
        now = Decimal(wallets(api)[kind]["available"])
        assert Decimal(balances[kind]["available"]) - now == Decimal(receipt["charge"])
    print(f"kept by the upgrade: { {name: len(items) for name, items in records.items()} }")


def test_the_money_is_exact_at_the_end(stack: LocalStack) -> None:
    statements = [proven(stack.api("FORGE_MANAGEMENT_KEY", deployed=True), kind) for kind in ("official", "routed")]
    reconciled, compared = stack.invoke("Reconciliation"), stack.invoke("Comparison")
    assert (reconciled["wallets"], reconciled["findings"], compared["findings"]) == (2, 0, 0), reconciled
    print(*statements, f"reconciliation: {reconciled}", f"payments: {compared}", sep="\n")


def test_deleting_a_protected_deployment_leaves_tables_that_cannot_be_deleted(stack: LocalStack) -> None:
    deploy(stack, "--stack-name", PROTECTED_STACK, Stage="prod", ProtectData="true", LogRetentionDays="90")
    tables = tables_of(stack, PROTECTED_STACK)
    stack.sam("delete", "--stack-name", PROTECTED_STACK, "--no-prompts")
    left = tables & existing_tables(stack)
    assert len(left) == len(KEPT) and len(tables) == len(KEPT) + len(GONE)
    for table in left:
        with pytest.raises(ClientError, match="protected against deletion"):
            stack.aws("dynamodb").delete_table(TableName=table)
    assert {table_of(stack, name) for name in KEPT + GONE} <= existing_tables(stack), "the other stack is untouched"
    print(f"stage prod: {len(left)} tables are left, and refuse to be deleted")


def test_deleting_a_deployment_leaves_the_tables_that_hold_money(stack: LocalStack) -> None:
    records, reports = kept(stack), files(stack)
    stack.sam("delete", "--stack-name", STACK, "--no-prompts")
    assert kept(stack) == records, "no record was touched"
    existing = existing_tables(stack)
    assert not {table_of(stack, name) for name in GONE} & existing
    assert not stack.aws("lambda").list_functions()["Functions"] and not stack.aws("events").list_rules()["Rules"]
    assert files(stack) == reports
    table = table_of(stack, KEPT[0])
    stack.aws("dynamodb").delete_table(TableName=table)
    assert table not in existing_tables(stack), "without ProtectData its owner can delete what is left"
    print(
        f"left by sam delete: {len(reports)} files of research, { {name: len(items) for name, items in records.items()} }"
    )


def deploy(stack: LocalStack, *options: str, **parameters: str) -> None:
    """`sam deploy` of what was built last."""
    payments = f"http://127.0.0.1:{stack.values['FORGE_PAYMENTS_PORT']}"
    given = {**LOCAL_PARAMETERS, "PaymentsSandboxUrl": payments, **parameters}
    pairs = [f'{name}="{value}"' for name, value in given.items()]
    stack.sam("deploy", *options, "--parameter-overrides", *pairs)


def table_of(stack: LocalStack, name: str) -> str:
    return stack.values[f"FORGE_{name}_TABLE"]


def kept(stack: LocalStack) -> dict[str, list[Any]]:
    """Every item of every table that must stay, in an order of its own."""
    pages = stack.aws("dynamodb").get_paginator("scan")
    return {
        name: sorted(
            (item for page in pages.paginate(TableName=table_of(stack, name)) for item in page["Items"]), key=repr
        )
        for name in KEPT
    }


def tables_of(stack: LocalStack, name: str) -> set[str]:
    """The tables of a deployment."""
    resources = stack.aws("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::DynamoDB::Table"}


def existing_tables(stack: LocalStack) -> set[str]:
    pages = stack.aws("dynamodb").get_paginator("list_tables").paginate()
    return {name for page in pages for name in page["TableNames"]}


def files(stack: LocalStack) -> list[str]:
    """Every file of the research bucket."""
    s3 = stack.aws("s3")
    [bucket] = [
        bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(f"{STACK}-research")
    ]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]
