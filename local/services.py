"""The processes of a local stack: which they are, and how each shows that it is up."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping

from local import aws_process, processes, server
from local.settings import HOME, HOST, LOGS, PAYMENTS_WEBHOOK_SECRET, PIDS, STATE, TEMPORARY, Ports

AWS, SANDBOX, SANDBOX_PRIMARY, PAYMENTS, API = "aws", "sandbox", "sandbox-primary", "payments", "api"
# Stopped in this order: the callers first, and the AWS last, because it has the state to save.
STOP_ORDER = (API, PAYMENTS, SANDBOX_PRIMARY, SANDBOX, AWS)
STOP_TIMEOUT_S = {API: 10.0, PAYMENTS: 5.0, SANDBOX_PRIMARY: 5.0, SANDBOX: 5.0, AWS: 60.0}
# Proxies of the user must not stand between this machine and itself.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def make_folders() -> None:
    """Readable by their owner only: state and logs name keys and accounts."""
    # What Lambda workers unpacked last time; the local AWS leaves it behind.
    shutil.rmtree(TEMPORARY, ignore_errors=True)
    for folder in (HOME, STATE, LOGS, PIDS, TEMPORARY):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    HOME.chmod(0o700)


def running() -> list[processes.Running]:
    """Those that run now."""
    return [process for name in STOP_ORDER if (process := processes.running(name)) is not None]


def start_aws(base: Mapping[str, str], ports: Ports) -> None:
    """Returns when the local AWS answers."""
    process = processes.start(AWS, aws_process.command(), aws_process.environment(base, ports))
    url = f"http://{HOST}:{ports.aws}/_ministack/ready"
    processes.wait_until_ready(AWS, process, lambda: answers(url), timeout_s=30)


def start_sandbox(base: Mapping[str, str], ports: Ports) -> None:
    """The sandbox upstream of the official channel and of the routed backup. Returns when it answers."""
    _start_upstream(SANDBOX, ports.sandbox, ports.sandbox_url, base)


def start_sandbox_primary(base: Mapping[str, str], ports: Ports) -> None:
    """The sandbox upstream of the routed primary, which can be stopped alone. Returns when it answers."""
    _start_upstream(SANDBOX_PRIMARY, ports.sandbox_primary, ports.sandbox_primary_url, base)


def _start_upstream(name: str, port: int, base_url: str, base: Mapping[str, str]) -> None:
    process = processes.start(name, server.command("local.sandbox_upstream:app", port), base)
    processes.wait_until_ready(name, process, lambda: answers(f"{base_url}/models", expected=401), timeout_s=30)


def start_payments(base: Mapping[str, str], ports: Ports) -> None:
    """The sandbox of payments, which sends its webhooks to the API. Returns when it answers."""
    environment = {
        **base,
        "FORGE_PAYMENTS_PAGE_URL": ports.payments_url,
        "FORGE_PAYMENTS_WEBHOOK_URL": f"{ports.api_url}/v1/checkout/webhooks/sandbox",
        "FORGE_PAYMENTS_WEBHOOK_SECRET": PAYMENTS_WEBHOOK_SECRET,
        "FORGE_PAYMENTS_STATE": str(STATE / "payments.json"),
    }
    process = processes.start(PAYMENTS, server.command("local.payments_sandbox:app", ports.payments), environment)
    url = f"{ports.payments_url}/v1/events"
    processes.wait_until_ready(PAYMENTS, process, lambda: answers(url), timeout_s=30)


def start_api(base: Mapping[str, str], ports: Ports, function_environment: Mapping[str, str]) -> None:
    """Returns when the API answers. Its settings are those of the deployed functions."""
    command = server.command("local.front:app", ports.api)
    process = processes.start(API, command, {**base, **function_environment})
    processes.wait_until_ready(API, process, lambda: answers(f"{ports.api_url}/healthz"), timeout_s=30)


def stop_all() -> list[str]:
    """End what runs; the names of what was ended."""
    return [name for name in STOP_ORDER if processes.stop(name, timeout_s=STOP_TIMEOUT_S[name])]


def answers(url: str, *, expected: int = 200) -> bool:
    """Whether a GET is answered with this status."""
    try:
        with _direct.open(url, timeout=2) as answer:
            return bool(answer.status == expected)
    except urllib.error.HTTPError as error:
        return error.code == expected
    except OSError:
        return False
