"""Alarms and the dashboard: each alarm goes somewhere and has its page, and every metric that is named is really emitted."""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest

from tests.support.behaviour import Behaviour, error
from tests.support.deployment import MODEL, Deployment, demo_channel, deploy
from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.http import Api
from tests.support.imports import functions, imported
from tests.support.log_lines import LogLines, captured
from tests.support.processes import LOOPBACK, free_port
from tests.support.resolve import resolved
from tests.support.server import serve
from tests.support.template import PROJECT, REGION
from tests.support.upstream import Upstream
from tests.support.ways import WAYS
from tokens_forge.channels import Costs
from tokens_forge.errors import ErrorClass
from tokens_forge.keys import KeyKind
from tokens_forge.pricing import UnitPrices
from tokens_forge.repetition import RetryRule
from tokens_forge.wallets import WalletKind

NAMESPACE = "TokensForge/forge"
PAGES = PROJECT / "docs" / "operations"
INDEX = (PROJECT / "docs" / "operations.md").read_text()
# What AWS itself emits, and by which dimensions (the services' own pages on their metrics).
AWS_METRICS: dict[tuple[str, str], set[tuple[str, ...]]] = {
    ("AWS/ApiGateway", "Count"): {("ApiName",)},
    ("AWS/ApiGateway", "4XXError"): {("ApiName",)},
    ("AWS/ApiGateway", "5XXError"): {("ApiName",)},
    ("AWS/Lambda", "Throttles"): {(), ("FunctionName",)},
    ("AWS/Lambda", "ConcurrentExecutions"): {(), ("FunctionName",)},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {("QueueName",)},
}

COSTS_OF = {MODEL: "USD", "gpt-4o": "CNY"}

Metric = tuple[str, str, tuple[tuple[str, str], ...]]


def alarms() -> dict[str, dict[str, Any]]:
    found = {
        name: each["Properties"]
        for name, each in resolved(Stage="prod").items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert len(found) >= 12
    return found


def plain(value: Any) -> str:
    """A template's value with the stack called `forge`."""
    text = str(value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else value)
    return text.replace("${AWS::StackName}", "forge").replace("${RoutedCurrency}", "CNY")


def named_by_alarms() -> dict[str, Metric]:
    return {
        name: (
            plain(each["Namespace"]),
            each["MetricName"],
            tuple((dimension["Name"], plain(dimension["Value"])) for dimension in each.get("Dimensions", ())),
        )
        for name, each in alarms().items()
    }


def named_by_the_dashboard() -> set[Metric]:
    body = json.loads(plain(resolved(Stage="prod")["Dashboard"]["Properties"]["DashboardBody"]))
    found = set()
    for widget in body["widgets"]:
        for row in widget["properties"]["metrics"]:
            namespace, name, *words = [word for word in row if isinstance(word, str)]
            found.add((namespace, name, tuple(zip(words[::2], words[1::2], strict=True))))
    assert len(found) > 40
    return found


@pytest.mark.parametrize("name", sorted(alarms()))
def test_every_alarm_goes_to_the_topic_and_has_a_page_that_its_description_names(name: str) -> None:
    alarm = alarms()[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    [page] = re.findall(r"docs/operations/([a-z-]+)\.md$", alarm["AlarmDescription"])
    text = (PAGES / f"{page}.md").read_text()
    assert f"`{name}`" in text and f"`{alarm['MetricName']}`" in text
    assert ("## How to look" in text and "## What to do" in text) or page == "books-do-not-fit"
    assert f"(operations/{page}.md)" in INDEX


def test_every_page_belongs_to_an_alarm_and_its_links_lead_somewhere() -> None:
    described = " ".join(alarm["AlarmDescription"] for alarm in alarms().values())
    for page in [*PAGES.glob("*.md"), PROJECT / "docs" / "operations.md"]:
        if page.parent == PAGES:
            assert f"docs/operations/{page.name}" in described, page.name
        for target in re.findall(r"\]\(([^)#]+\.md)\)", page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_the_errors_of_every_function_behind_the_api_ring_an_alarm() -> None:
    behind = {name for name in functions() if f"{name}Alias" in str(resolved(Stage="prod")["Api"])}
    watched = {metric[2] for metric in named_by_alarms().values() if metric[1] == "errors_gateway"}
    assert behind >= {"ProxyFunction", "KeysFunction", "StreamFunction"}
    assert {(("service", imported(name).service),) for name in behind} == watched


@contextmanager
def handled(module: str, environment: dict[str, str]) -> Iterator[LogLines]:
    """Import a scheduled function as Lambda does, and run it once."""
    lines = LogLines()
    with captured(), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdout", lines.stream)
        patch.delitem(sys.modules, module, raising=False)
        importlib.import_module(module).handler({}, Context())
        yield lines
        patch.delitem(sys.modules, module)


class Context:
    """Lambda's, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(scope="module")
def emitted() -> set[Metric]:
    """Everything that the code emits when all goes well and when all goes wrong."""
    from tests.support.moto_engine import moto_engine

    with pytest.MonkeyPatch.context() as patch, moto_engine() as moto, Upstream() as upstream:
        patch.setenv("FORGE_METRICS_NAMESPACE", NAMESPACE)
        with captured("proxy") as lines:
            client = FaultyDynamoDB(moto.client())
            deployment = deploy(moto, upstream.base_url, client=client, first_byte_s=2.0, whole_s=2.0)
            with serve(deployment.app, lifespan="on") as url:
                everything_happens(deployment, client, upstream, url + "/v1")
        found = lines.metrics()
        environment = {
            **moto.environment(),
            "FORGE_METRICS_NAMESPACE": NAMESPACE,
            "FORGE_STAGE": "local",
            "FORGE_SWEEP_AFTER_S": "960",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
        }
        for name in ("sweep", "reconcile", "check"):
            with handled(f"functions.health.{name}", environment) as scheduled:
                found |= scheduled.metrics()
        payments = {
            **environment,
            "FORGE_ORDER_LIMITS": "USD 5 1000",
            "FORGE_PAYMENT_SECRETS_PREFIX": "payments/",
            "FORGE_DEPLOYMENT": "forge",
            "FORGE_PAYMENTS_SANDBOX_URL": f"http://{LOOPBACK}:{free_port()}",  # nobody answers: that is a finding
        }
        boto3.client("secretsmanager", region_name=REGION).create_secret(
            Name="payments/stripe-key", SecretString="made-up"
        )
        with handled("functions.checkout.compare", payments) as scheduled:
            found |= scheduled.metrics()
    return found


def everything_happens(deployment: Deployment, client: FaultyDynamoDB, upstream: Upstream, base_url: str) -> None:
    """Both wallets, whole and streamed, costs in both currencies, and each thing that an alarm is for."""
    costs = UnitPrices(10**6, 10**6, 10**6, 10**6)
    for kind, key_kind in ((WalletKind.OFFICIAL, KeyKind.OFFICIAL), (WalletKind.ROUTED, KeyKind.ROUTED)):
        deployment.fund(kind, "100")
        for model, currency in COSTS_OF.items():
            channel = demo_channel(upstream.base_url, f"{kind.value}-{currency.lower()}", kind=kind)
            channel = replace(channel, models={model: model}, costs=Costs(currency, {model: costs}))
            deployment.route(channel, kind=kind, model=model)
        api = Api(base_url, deployment.key(key_kind))
        for model in COSTS_OF:
            assert api.chat(model=model).status_code == api.stream(model=model)[0].status_code == 200
        upstream.script(Behaviour(usage=WAYS[0].usage(10**8, 10**8)))
        assert api.chat(max_tokens=10).status_code == 200
    api = Api(base_url, deployment.key())
    upstream.script(error(500))
    assert api.chat().status_code == 503
    client.then(*[Fault.THROTTLE] * RetryRule().tries_max, on="put_item")
    assert api.chat().status_code == 503
    client.then(*[Fault.NO_CONNECTION] * RetryRule().tries_max, on="transact_write_items")
    api.chat()
    lose_a_hold(deployment, upstream, api)


def lose_a_hold(deployment: Deployment, upstream: Upstream, api: Api) -> None:
    """Somebody edits the wallet while a request runs."""
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate))
    before = set(deployment.wallet().holds)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(api.chat)
        while not (new := set(deployment.wallet().holds) - before):
            pass
        [hold_id] = new
        deployment.client.update_item(
            TableName=deployment.settings.tables.ledger.wallets,
            Key={"account_id": {"S": deployment.account.account_id}, "kind": {"S": "official"}},
            UpdateExpression="REMOVE holds.#hold",
            ExpressionAttributeNames={"#hold": hold_id},
        )
        gate.set()
        assert answer.result().status_code == 200


BEHIND_THE_API = {"checkout", "admin", "research-api"}


def is_emitted(metric: Metric, emitted: set[Metric]) -> bool:
    namespace, name, dimensions = metric
    if namespace.startswith("AWS/"):
        return tuple(dimension for dimension, _ in dimensions) in AWS_METRICS.get((namespace, name), ())
    # Every function behind the API writes the same line by the same envelope; here the proxy alone is run.
    of_the_proxy = (
        namespace,
        name,
        tuple((key, "proxy" if value in BEHIND_THE_API else value) for key, value in dimensions),
    )
    return metric in emitted or of_the_proxy in emitted


@pytest.mark.parametrize("name", sorted(alarms()))
def test_the_metric_of_every_alarm_is_emitted(name: str, emitted: set[Metric]) -> None:
    assert is_emitted(named_by_alarms()[name], emitted)


def test_the_dashboard_shows_nothing_that_is_not_emitted(emitted: set[Metric]) -> None:
    missing = {metric for metric in named_by_the_dashboard() if not is_emitted(metric, emitted)}
    classes = {f"errors_{each.value}" for each in ErrorClass}  # by name: not every class is made to happen here
    assert {name for _, name, _ in missing} <= classes
    assert all(dimensions == (("service", "proxy"),) for _, _, dimensions in missing)


def test_what_is_emitted_has_few_dimensions_and_is_written_down(emitted: set[Metric]) -> None:
    """Each combination is paid for by the month."""
    assert {tuple(name for name, _ in dimensions) for _, _, dimensions in emitted} == {
        ("service",),
        ("service", "wallet"),
    }
    documented = set(re.findall(r"`([a-z_]+)(?:_<[a-z]+>)?`", INDEX.partition("## Metrics")[2]))
    for _, name, _ in emitted:
        stem = re.sub(r"_(USD|CNY)$", "", name)
        assert stem in documented or stem.partition("_")[0] in documented, name
