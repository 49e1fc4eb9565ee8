"""`make research`: what it says when something is in the way, before and after money is spent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local import research

RUN_ID = "run_01m8bymvcny18tz7qq8ft84nr5"
ESTIMATE = {
    "highest": "0.50",
    "typical": "0.05",
    "currency": "USD",
    "wallet_label": "Official model Credit",
    "balance": {"available": "25.00"},
    "available_after_highest": "24.50",
    "stages": [],
}
RUN: dict[str, Any] = {
    "id": RUN_ID,
    "state": "completed",
    "reason": None,
    "request": {"symbol": "DEMO", "as_of": "2026-06-30"},
    "charged": "0.01",
    "highest": "0.50",
    "currency": "USD",
    "wallet_label": "Official model Credit",
    "stages": [],
    "report": {},
    "disclaimer": "Support for research",
}


@dataclass
class Deployment:
    """A deployment that answers the four paths of the command, and remembers what it was asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    run: dict[str, Any] | None = field(default_factory=lambda: dict(RUN))

    def answer(self, method: str, path: str) -> bytes | None:
        self.asked.append(f"{method} {path}")
        if path.endswith("/estimates"):
            return json.dumps(ESTIMATE).encode()
        if path.endswith("/report.html"):
            return b"<html>"
        if method == "POST":
            return json.dumps(RUN).encode()
        return json.dumps(self.run).encode() if self.run is not None else None

    @property
    def was_paid(self) -> bool:
        return "POST /v1/research/runs" in self.asked


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    made = Deployment()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = made.answer(self.command, self.path)
            self.rfile.read(int(self.headers.get("content-length") or 0))
            if content is not None:  # else the connection just ends
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing: a test is quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("FORGE_RESEARCH_KEY", "tf_official_test")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        server.shutdown()


def command(deployment: Deployment, *arguments: str) -> int:
    return research.main(["DEMO", "--url", deployment.url, "--yes", *arguments])


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_price_file_that_cannot_be_used_costs_nothing(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "p.csv"
    if content is not None:
        file.write_bytes(content)
    assert command(deployment, "--csv", str(file)) == 1
    assert said in one_line(capsys.readouterr().out)
    assert not deployment.was_paid, "an empty file must not become a paid run about the sample"


def test_a_report_that_cannot_be_written_is_still_found(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(deployment, "--output", str(tmp_path / "nowhere" / "r.html")) == 1
    said = one_line(capsys.readouterr().out)
    assert "No such file" in said and f"{deployment.url}/v1/research/runs/{RUN_ID}/report.html" in said


def test_a_run_that_is_lost_from_sight_is_named(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    deployment.run = None
    assert command(deployment) == 1
    said = one_line(capsys.readouterr().out)
    assert f"The run goes on. See it: GET {deployment.url}/v1/research/runs/{RUN_ID}" in said


def test_leaving_early_says_where_the_run_is(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.run = {**RUN, "state": "in_progress"}

    def leave(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", leave)
    assert command(deployment) == 1
    assert f"\nThe run goes on. See it: GET {deployment.url}/v1/research/runs/{RUN_ID}" in capsys.readouterr().out


def test_what_is_no_deployment_is_called_so(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    assert research.main(["DEMO", "--url", "example", "--yes"]) == 1
    assert "is no address of a deployment" in one_line(capsys.readouterr().out)
    deployment.answer = lambda *_: b"<html>"  # type: ignore[method-assign]
    assert command(deployment) == 1
    assert "none of ours" in one_line(capsys.readouterr().out)


def test_the_end_stands_on_a_line_of_its_own_as_it_was_told(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "no_data: '[/x]'"
    deployment.run = {**RUN, "state": "failed", "reason": reason, "report": None}
    assert command(deployment) == 2
    assert f"\n{RUN_ID} is failed: {reason}" in capsys.readouterr().out
