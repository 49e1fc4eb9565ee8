"""`forge-admin`: the admins' command line. docs/admin.md shows its use."""

from __future__ import annotations

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from local.admin import commands, show
from local.admin.client import AdminApi, ApiRefused
from local.admin.issuer import aws_author, issuer_of_stack
from tokens_forge.admin.keys import LIFETIME_DAYS_DEFAULT, Scope

_WALLETS = ("official", "routed")


def main(arguments: list[str] | None = None) -> int:
    """0 when it was done."""
    args = _parser().parse_args(arguments)
    try:
        if "stack" in args:
            return int(args.run(args))
        args.run(AdminApi.from_environment(), args)
    except (ApiRefused, BotoCoreError, ClientError, ValueError) as refused:
        print(f"tokens-forge: {refused}", file=sys.stderr)
        return 1
    return 0


def create_key(args: argparse.Namespace) -> int:
    """A new admin key, straight in the stack's table."""
    scopes = frozenset(Scope(scope) for scope in args.scope)
    made = issuer_of_stack(args.stack).create(args.name, scopes, args.days, aws_author(args.reason))
    print("It is shown once. Keep it where secrets are kept:", file=sys.stderr)
    print(made.token)
    return 0


def list_keys(args: argparse.Namespace) -> int:
    """Every admin key of a stack."""
    columns = ("id", "name", "scopes", "status", "expires_at", "made_by")
    found = issuer_of_stack(args.stack).list()
    show.as_json(found) if args.json else show.table("admin keys", columns, found)
    return 0


def revoke_key(args: argparse.Namespace) -> int:
    """Revoke an admin key of a stack, at once."""
    if issuer_of_stack(args.stack).revoke(args.id, aws_author(args.reason)) is None:
        print(f"tokens-forge: there is no {args.id} that is not revoked already", file=sys.stderr)
        return 1
    print(f"{args.id} is revoked.")
    return 0


class _Commands:
    """The parser, command by command."""

    def __init__(self) -> None:
        self.parser = argparse.ArgumentParser(prog="forge-admin", description=__doc__)
        self.parser.add_argument("--json", action="store_true", help="JSON instead of tables")
        self._commands = self.parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(self, name: str, run: commands.Command, *positionals: str, wallet: bool = False) -> argparse.ArgumentParser:
        """A command of the admin API."""
        parser = self._commands.add_parser(name, help=(run.__doc__ or "").strip())
        if wallet:
            parser.add_argument("wallet", choices=_WALLETS)
        for positional in positionals:
            parser.add_argument(positional)
        parser.set_defaults(run=run)
        return parser

    def write(
        self, name: str, run: commands.Command, *positionals: str, wallet: bool = False
    ) -> argparse.ArgumentParser:
        """A command that changes something, and so says why."""
        parser = self.add(name, run, *positionals, wallet=wallet)
        parser.add_argument("--reason", required=True, help="lands in the audit log")
        return parser

    def of_stack(self, name: str, help_text: str) -> argparse.ArgumentParser:
        """A command that works in the tables, with AWS credentials."""
        parser = self._commands.add_parser(name, help=help_text + " (needs the deployment's AWS credentials)")
        parser.add_argument("--stack", required=True, help="name of the CloudFormation stack")
        return parser


def _parser() -> argparse.ArgumentParser:
    made = _Commands()
    key = made.of_stack("create-key", "a new admin key")
    key.add_argument("--name", required=True, help="whose it is")
    key.add_argument("--scope", action="append", choices=[*Scope], required=True, help="may be given several times")
    key.add_argument("--days", type=int, default=LIFETIME_DAYS_DEFAULT)
    key.add_argument("--reason", required=True)
    key.set_defaults(run=create_key)
    made.of_stack("list-keys", "every admin key").set_defaults(run=list_keys)
    revoke = made.of_stack("revoke-key", "revoke an admin key at once")
    revoke.add_argument("id")
    revoke.add_argument("--reason", required=True)
    revoke.set_defaults(run=revoke_key)

    made.add("whoami", commands.whoami)
    diagnosis = made.add("diagnose", commands.diagnose, "key", "model")
    diagnosis.add_argument("--wallet", choices=_WALLETS)
    diagnosis.add_argument("--endpoint")
    _add_catalog(made)
    _add_accounts(made)
    _add_reports(made)
    return made.parser


def _add_catalog(made: _Commands) -> None:
    made.add("models", commands.models, wallet=True)
    made.add("channels", commands.channels, wallet=True)
    made.add("pool", commands.pool, "pool")
    made.add("routes", commands.routes, wallet=True)
    made.write("set-route", commands.set_route, "model", wallet=True).add_argument("channel", nargs="+")
    made.add("prices", commands.prices, wallet=True).add_argument("--model")
    preview = made.add("preview-price", commands.preview_price, "model", wallet=True)
    preview.add_argument("--requests", type=int, default=10)
    for parser in (preview, made.write("set-price", commands.set_price, "model", wallet=True)):
        parser.add_argument("--currency", required=True)
        parser.add_argument("--input", required=True, help="per 1M tokens, as a decimal")
        parser.add_argument("--output", required=True)
        parser.add_argument("--cached-input")
        parser.add_argument("--cache-write")
        parser.add_argument("--multiplier", help="the prices are the official ones, times this")
        parser.add_argument("--starts-at", help="such as 2027-01-31T12:00:00Z; a minute from now without it")
        parser.add_argument("--allow-large-change", action="store_true")
    made.write("withdraw-price", commands.withdraw_price, "model", "version", wallet=True)
    made.add("discover", commands.discover, "channel", wallet=True)
    made.add("health", commands.health, wallet=True)
    made.add("circuits", commands.circuits, wallet=True)


def _add_accounts(made: _Commands) -> None:
    made.add("accounts", commands.accounts).add_argument("--name")
    made.add("account", commands.account, "account")
    made.write("open-account", commands.open_account, "name").add_argument("--currency", help="of its routed balance")
    for name in ("freeze", "unfreeze"):
        made.write(name, commands.freeze, "account").add_argument("--wallet", choices=_WALLETS)
    key = made.write("create-customer-key", commands.create_customer_key, "account", "name")
    key.add_argument("--kind", choices=("official", "routed", "manage"), required=True)
    key.add_argument("--model", action="append", help="allowed; may be given several times")
    key.add_argument("--spend-limit")
    made.write("revoke-customer-key", commands.revoke_customer_key, "account", "key")
    made.write("adjust", commands.adjust, "account", "amount", wallet=True)
    made.add("adjustments", commands.adjustments, wallet=True).add_argument("--state")
    for name in ("approve", "decline", "reverse"):
        made.write(name, commands.decide, "id", wallet=True)

    orders = made.add("orders", commands.orders, wallet=True)
    for name in ("account", "state"):
        orders.add_argument(f"--{name}")
    orders.add_argument("--since", default="31d", help="such as 30m, 12h or 7d")
    made.add("order", commands.order, "order", wallet=True)
    refund = made.write("refund", commands.refund, "order", "amount", wallet=True)
    refund.add_argument("--refund-id", help="rfd_ and a ULID: a refund that was asked for before")
    made.add("refunds", commands.refunds, wallet=True).add_argument("--state")


def _add_reports(made: _Commands) -> None:
    errors = made.add("errors", commands.errors)
    errors.add_argument("wallet", choices=(*_WALLETS, "none"), help="none: the key was none of ours")
    errors.add_argument("--class", dest="error_class")
    errors.add_argument("--step", choices=("minute", "hour"), default="hour")
    usage = made.add("usage", commands.usage, wallet=True)
    margin = made.add("margin", commands.margin, wallet=True)
    for parser in (errors, usage, margin):
        parser.add_argument("--since", default="24h", help="such as 30m, 12h or 7d")
    made.add("receipt", commands.receipt, "receipt", wallet=True).add_argument("--account")
    log = made.add("audit", commands.audit)
    log.add_argument("log", choices=(*_WALLETS, "deployment"))
    log.add_argument("--action", help="beginning of an action, such as price.")
    log.add_argument("--actor")
    log.add_argument("--limit", type=int, default=30)
    made.add("reconciliation", commands.reconciliation)
    made.add("comparison", commands.comparison)


if __name__ == "__main__":
    sys.exit(main())
