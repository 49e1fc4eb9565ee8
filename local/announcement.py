"""What `make run` prints when the stack is ready."""

from __future__ import annotations

from collections.abc import Mapping

_SHOWN = (
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "FORGE_OFFICIAL_KEY",
    "FORGE_ROUTED_KEY",
    "FORGE_MANAGEMENT_KEY",
    "FORGE_ADMIN_URL",
    "FORGE_ADMIN_KEY",
    "AWS_ENDPOINT_URL",
)


def announce(values: Mapping[str, str]) -> None:
    """Print where it is, the demo keys, and one command to try."""
    print()
    for name in _SHOWN:
        if name in values:
            print(f"  {name}={values[name]}")
    print("\nAll of them are in .local/env. Try:\n")
    print(
        f"  curl -sN {values.get('OPENAI_BASE_URL')}/chat/completions"
        f" -H 'Authorization: Bearer {values.get('OPENAI_API_KEY')}' -H 'Content-Type: application/json'"
        """ -d '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'"""
    )
    print("\nBuy balance in a browser: open the payment_page of what this answers (a sandbox, no real money):\n")
    print(
        f"  curl -s {values.get('OPENAI_BASE_URL')}/checkout/orders -H 'Authorization: Bearer {values.get('OPENAI_API_KEY')}'"
        """ -d '{"wallet":"official","amount":"20.00"}'"""
    )
    print("\nLogs: .local/logs    End it: make stop")
