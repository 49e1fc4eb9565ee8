"""`make run`: start the whole stack on this machine, or say that it runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

import boto3

from local import dotenv, services, stack
from local.announcement import announce
from local.processes import require_free_port
from local.seed import admin_key, seed, seed_catalogs
from local.settings import ENV_FILE, REGION, LocalFault, Ports, base_environment


def main() -> int:
    """0 when the stack is ready."""
    provider = _provider_settings(os.environ)
    if len(services.running()) == len(services.STOP_ORDER):
        print("Tokens Forge is already running.")
    else:
        try:
            took_s = _start(provider)
        except LocalFault as fault:
            services.stop_all()
            print(f"tokens-forge: {fault}", file=sys.stderr)
            return 1
        except BaseException:
            services.stop_all()
            raise
        print(f"Tokens Forge is ready after {took_s:.0f} s.")
        if "OPENAI_API_KEY" in provider:
            print("Official models are answered by the real provider (OPENAI_API_KEY is set): that costs money.")
    announce(dotenv.read(ENV_FILE))
    return 0


def _start(provider: Mapping[str, str]) -> float:
    """Returns the seconds it took."""
    began = time.monotonic()
    ports = Ports.from_environment()
    base = base_environment(ports)
    # A part that survived the others has nothing to talk to: begin again.
    services.stop_all()
    services.make_folders()
    for variable, port in ports.by_variable().items():
        require_free_port(port, variable)

    _progress("starting the local AWS")
    services.start_aws(base, ports)
    services.start_sandbox(base, ports)
    services.start_sandbox_primary(base, ports)
    os.environ.clear()
    os.environ.update(base)
    _progress("deploying template.yaml into it, if anything changed")
    stack.deploy_if_changed(base, {"PaymentsSandboxUrl": ports.payments_url})
    outputs = stack.outputs()
    settings = stack.function_environment(*(outputs[name] for name in _SERVED_HERE))
    keys = _demo_keys({**settings, **provider}, ports)
    keys["FORGE_ADMIN_KEY"] = admin_key(settings, dotenv.read(ENV_FILE).get("FORGE_ADMIN_KEY"))
    services.start_api(base, ports, settings)
    services.start_payments(base, ports)

    gateway = f"{ports.aws_url}/restapis/{outputs['ApiId']}/{settings['FORGE_STAGE']}/_user_request_"
    dotenv.write(
        ENV_FILE,
        {
            "OPENAI_BASE_URL": f"{ports.api_url}/v1",
            "OPENAI_API_KEY": keys["FORGE_OFFICIAL_KEY"],
            **keys,
            **{variable: str(port) for variable, port in ports.by_variable().items()},
            "FORGE_API_URL": ports.api_url,
            "FORGE_GATEWAY_URL": gateway,
            "FORGE_PAYMENTS_URL": ports.payments_url,
            "FORGE_ADMIN_URL": f"{ports.api_url}/admin/v1",
            **{name: value for name, value in settings.items() if name.endswith("_TABLE")},
            "AWS_ENDPOINT_URL": ports.aws_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": base["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": base["AWS_SECRET_ACCESS_KEY"],
        },
    )
    return time.monotonic() - began


def _progress(step: str) -> None:
    print(f"tokens-forge: {step} ...", file=sys.stderr)


def _provider_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The real provider for official channels, when the user named one.

    A shell that read `.local/env` has our own key under OPENAI_API_KEY: that is no provider's key.
    """
    names = ("OPENAI_API_KEY", "OPENAI_UPSTREAM_BASE_URL")
    given = {name: environment[name] for name in names if environment.get(name)}
    return {} if given.get("OPENAI_API_KEY", "").startswith("tf_") else given


def _demo_keys(settings: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """The demo account's keys: those of the last run while their account is still there, else of a new one."""
    known = {name: value for name, value in dotenv.read(ENV_FILE).items() if name in _KEY_NAMES}
    if len(known) == len(_KEY_NAMES) and _account_exists(settings, known["FORGE_ACCOUNT_ID"]):
        # Catalogs may have changed with the code, and secrets do not survive a stop.
        seed_catalogs(settings, ports)
        return known
    return seed(settings, ports)


# The functions whose applications the local front serves in one process; the settings of the last one win.
_SERVED_HERE = ("CheckoutFunctionName", "AdminFunctionName", "ResearchApiFunctionName", "StreamFunctionName")
_KEY_NAMES = ("FORGE_ACCOUNT_ID", "FORGE_OFFICIAL_KEY", "FORGE_ROUTED_KEY", "FORGE_MANAGEMENT_KEY")


def _account_exists(settings: Mapping[str, str], account_id: str) -> bool:
    key = {"account_id": {"S": account_id}, "item": {"S": "account"}}
    answer = boto3.client("dynamodb").get_item(TableName=settings["FORGE_ACCOUNTS_TABLE"], Key=key)
    return "Item" in answer


if __name__ == "__main__":
    sys.exit(main())
