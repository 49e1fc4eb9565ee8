"""`make research`: one research run from its price to its report, with stages, spending and progress shown while it runs.

It is a plain client of the public API, so it works against any deployment: FORGE_API_URL names it, and FORGE_RESEARCH_KEY (else
FORGE_OFFICIAL_KEY, else FORGE_ROUTED_KEY) is the key that pays.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local import dotenv
from local.settings import ENV_FILE

POLL_S = 1.0
NONE_OF_OURS = "The deployment gave an answer that is none of ours."
ACTIVE = ("queued", "in_progress")
_KEYS = ("FORGE_RESEARCH_KEY", "FORGE_OFFICIAL_KEY", "FORGE_ROUTED_KEY")


class Refused(Exception):
    """The API said no, or cannot be asked; the message is what it said, or what is in the way."""


@dataclass(frozen=True)
class ResearchApi:
    """The research API of one deployment, with one key."""

    base_url: str
    key: str

    def get(self, path: str) -> Any:
        """The JSON of an answer. Raises Refused."""
        return _json(self.read("GET", path))

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        """The JSON of an answer. Raises Refused."""
        return _json(self.read("POST", path, json.dumps(body).encode(), headers))

    def read(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The bytes of an answer. Raises Refused."""
        request = urllib.request.Request(  # noqa: S310 - the user's own deployment
            f"{self.base_url}/v1/research{path}", data=body, method=method
        )
        for name, value in {"authorization": f"Bearer {self.key}", **(headers or {})}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(_message(error.read())) from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{self.base_url} does not answer ({error}). Is it running?") from None
        return content


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the run completed, 2 when it ended in another way, 1 when nothing ran."""
    asked = _parser().parse_args(arguments)
    console = Console(markup=False)  # what an answer says in brackets is text
    environment = {**dotenv.read(ENV_FILE), **os.environ}
    base_url = asked.url or environment.get("FORGE_API_URL", "")
    key = next((environment[name] for name in _KEYS if environment.get(name)), "")
    if not base_url or not key:
        console.print("Set FORGE_API_URL and FORGE_RESEARCH_KEY, or start the local stack: make run.")
        return 1
    if not base_url.startswith(("http://", "https://")):
        console.print(f"{base_url} is no address of a deployment: it begins with https://.")
        return 1
    try:
        return _research(ResearchApi(base_url.rstrip("/"), key), asked, console)
    except Refused as refused:
        console.print(str(refused), style="red", highlight=False, soft_wrap=True)
        return 1


def _research(api: ResearchApi, asked: argparse.Namespace, console: Console) -> int:
    body = _body(asked)
    estimate = api.post("/estimates", body)
    console.print(_estimate_table(estimate))
    if not asked.yes and not _agreed(console):
        return 1
    body["max_charge"] = estimate["highest"]
    run = _followed(api, api.post("/runs", body, idempotency_key=str(uuid.uuid4()))["id"], console)
    console.print(f"{run['id']} is {run['state']}" + (f": {run['reason']}" if run["reason"] else "."))
    console.print(f"Charged {run['charged']} {run['currency']} of at most {run['highest']} {run['currency']}.")
    if run["report"] is not None:
        _save_report(api, run, Path(asked.output or f"{run['id']}.html"), console)
    console.print(run["disclaimer"])
    return 0 if run["state"] == "completed" else 2


def _followed(api: ResearchApi, run_id: str, console: Console) -> dict[str, Any]:
    """How a run ended. Nobody has to be there until then: whoever leaves earlier is told where it is found."""
    try:
        return follow(api, run_id, console, time.sleep)
    except (KeyboardInterrupt, Refused) as left:
        said = f"{left} " if isinstance(left, Refused) else ""
        raise Refused(f"{said}The run goes on. See it: GET {api.base_url}/v1/research/runs/{run_id}") from None


def _save_report(api: ResearchApi, run: Mapping[str, Any], place: Path, console: Console) -> None:
    path = f"/runs/{run['id']}/report.html"
    content = api.read("GET", path)
    try:
        place.write_bytes(content)
    except OSError as error:
        raise Refused(f"{_why(error, place)} The report is at GET {api.base_url}/v1/research{path}") from None
    console.print(f"The report: {place}")


def follow(api: ResearchApi, run_id: str, console: Console, pause: Callable[[float], None]) -> dict[str, Any]:
    """Show a run until it has ended; how it stands then."""
    run: dict[str, Any] = api.get(f"/runs/{run_id}")
    try:
        with Live(run_table(run), console=console, auto_refresh=False) as live:
            while run["state"] in ACTIVE:
                pause(POLL_S)
                run = api.get(f"/runs/{run_id}")
                live.update(run_table(run), refresh=True)
    finally:
        if not console.is_terminal:
            console.line()  # a table that is written once ends without one
    return run


def run_table(run: Mapping[str, Any]) -> Table:
    """A run as it stands: its stages, their models, tokens and charges."""
    stages = run["stages"]
    finished = sum(stage["state"] in ("done", "not_needed", "unusable") for stage in stages)
    title = f"{run['request']['symbol']} {run['request']['as_of']}: {run['state']}, {finished} of {len(stages)} stages"
    caption = f"charged {run['charged']} of at most {run['highest']} {run['currency']} ({run['wallet_label']})"
    table = Table(title=title, caption=caption)
    for name in ("stage", "model", "state", "tokens in", "tokens out", f"charge {run['currency']}", "receipt"):
        table.add_column(name, no_wrap=name.startswith("charge"))  # half an amount would be another amount
    for stage in stages:
        tokens = stage.get("tokens") or {}
        table.add_row(
            stage["stage"],
            stage["model"],
            stage["state"],
            str(tokens.get("input") or ""),
            str(tokens.get("output") or ""),
            stage.get("charge") or "",
            stage.get("receipt_id") or "",
        )
    return table


def _estimate_table(estimate: Mapping[str, Any]) -> Table:
    currency = estimate["currency"]
    table = Table(
        title=f"What it costs: {estimate['highest']} {currency} at most, {estimate['typical']} usually",
        caption=f"{estimate['wallet_label']}: {estimate['balance']['available']} {currency} available,"
        f" at least {estimate['available_after_highest']} afterwards",
    )
    for name in ("stage", "model", f"at most {currency}", f"usually {currency}"):
        table.add_column(name)
    for stage in estimate["stages"]:
        name = f"{stage['stage']} (if needed)" if stage["optional"] else stage["stage"]
        table.add_row(name, stage["model"], stage["highest"], stage["typical"])
    return table


def _agreed(console: Console) -> bool:
    if not sys.stdin.isatty():
        console.print("Nobody is there to agree: add --yes.")
        return False
    return console.input("Start it? [y/N] ", markup=False).strip().lower() in ("y", "yes")


def _body(asked: argparse.Namespace) -> dict[str, Any]:
    given = {
        "symbol": asked.symbol,
        "preset": asked.preset,
        "language": asked.language,
        "as_of": asked.as_of,
        "sources": asked.sources.split(",") if asked.sources else None,
        "models": {tier: model for tier, model in (("quick", asked.quick), ("deep", asked.deep)) if model},
        "prices_csv": _prices(Path(asked.csv)) if asked.csv else None,
        "prices_adjustment": asked.adjustment if asked.csv else None,
    }
    return {name: value for name, value in given.items() if value}


def _prices(file: Path) -> str:
    """The text of a price file. An empty one is refused here: without it the run would be about the sample."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(_why(error, file)) from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text.") from None
    if not text.strip():
        raise Refused(f"{file} is empty.")
    return text


def _why(error: OSError, place: Path) -> str:
    return f"{place}: {error.strerror}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make research", description=__doc__)
    parser.add_argument("symbol", nargs="?", default="DEMO")
    parser.add_argument("--url", help="the deployment, without /v1")
    parser.add_argument("--preset", default="brief", help="brief, standard or deep")
    parser.add_argument("--language", default="en", help="en or zh")
    parser.add_argument("--as-of", help="a day such as 2026-06-30")
    parser.add_argument("--sources", help="names parted by commas: csv, sample, edgar, rss, ...")
    parser.add_argument("--csv", help="a file of prices")
    parser.add_argument("--adjustment", default="raw", help="of the file: raw, split or split_and_dividend")
    parser.add_argument("--quick", help="the quick model")
    parser.add_argument("--deep", help="the deep model")
    parser.add_argument("--yes", action="store_true", help="start without asking")
    parser.add_argument("--output", help="where the HTML report goes")
    return parser


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise Refused(NONE_OF_OURS) from None


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return NONE_OF_OURS


if __name__ == "__main__":
    sys.exit(main())
