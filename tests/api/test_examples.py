"""Every example of the README and of docs/api is run as it stands, and prints what the text says.

curl and Python here; JavaScript with `make test-clients`, which brings its packages.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from functions.proxy.document import build
from tests.api.demo_service import demo_service
from tests.api.examples import Example, difference, examples_of
from tests.support.engines import Engine
from tests.support.template import REGION

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
PAGES = [README, *sorted((PROJECT / "docs" / "api").glob("*.md"))]
NODE = PROJECT / "tests" / "clients" / "node"
LANGUAGES = ("sh", "python", "js")
every_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@pytest.fixture
def service(moto: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    """What a reader has after `make run`: `.local/env` in the present folder, and its variables set."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with demo_service(moto) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        (tmp_path / ".local").mkdir()
        (tmp_path / ".local" / "env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        yield variables


def run_sh(code: str) -> str:
    done = subprocess.run(["sh", "-eu", "-c", code], capture_output=True, text=True, timeout=60)  # noqa: S603, S607
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(code: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - the documents' own examples
    return printed.getvalue()


def run_js(code: str) -> str:
    # The folder has the official client under the name of its major version.
    newest = code.replace('from "openai"', 'from "openai-7"')
    done = subprocess.run(  # noqa: S603
        ["node", "--input-type=module", "-e", newest],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        cwd=NODE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(example: Example, printed: str) -> None:
    found = difference(example, printed)
    assert found is None, f"{example.where}: {found}"


@every_page
def test_curl_and_python_do_what_the_page_says(service: Mapping[str, str], page: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}  # the Python examples of a page go on from each other
    examples = [example for example in examples_of(page) if example.language != "js"]
    assert {example.language for example in examples} == {"sh", "python"}
    for example in examples:
        check(example, run_sh(example.code) if example.language == "sh" else run_python(example.code, names))


@pytest.mark.clients
@every_page
def test_javascript_does_what_the_page_says(service: Mapping[str, str], page: Path) -> None:
    for example in examples_of(page):
        if example.language == "js":
            check(example, run_js(example.code))


@every_page
def test_every_block_of_code_is_run_and_says_what_it_prints(page: Path) -> None:
    found = list(examples_of(page))
    fences = re.findall(r"^```(\w+)$", page.read_text(), re.MULTILINE)
    assert set(fences) <= {*LANGUAGES, "json", "text"}
    assert len([name for name in fences if name in LANGUAGES]) == len(found)
    assert [example.where for example in found if example.shown is None and page != README] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation_has_an_example_in_every_language(language: str) -> None:
    code = "\n".join(example.code for page in PAGES for example in examples_of(page) if example.language == language)
    said = {
        "create_chat_completion": "chat.?completions",
        "create_response": r"responses",
        "create_message": r"messages",
        "create_completion": r"[./]completions",
        "create_embeddings": "embeddings",
        "create_quote": "/quotes",
        "list_models": r"models(\.list\(\)| )",
        "read_model": r"models(\.retrieve\(|/)",
        "list_routes": "/routes",
        "list_wallets": "/wallets",
        "read_ledger": "/ledger",
        "list_receipts": "/receipts",
        "read_receipt": "/receipts",
        "read_own_key": "/key",
        "list_keys": "/keys",
        "create_key": "/keys",
        "read_key": "/keys",
        "change_key": "patch",
        "revoke_key": "delete",
        "rotate_key": "/rotate",
    }
    operations = {said["operationId"] for methods in build()["paths"].values() for said in methods.values()}
    assert set(said) == operations - {"healthz", "read_document"}
    assert [operation for operation, pattern in said.items() if not re.search(pattern, code, re.IGNORECASE)] == []


def test_the_readme_shows_the_arithmetic_of_its_own_call(service: Mapping[str, str]) -> None:
    [call, *_] = [example for example in examples_of(README) if example.language == "sh"]
    answer = json.loads(run_sh(call.code))
    headers = {"authorization": f"Bearer {service['FORGE_OFFICIAL_KEY']}"}
    receipt = httpx.get(
        f"{service['OPENAI_BASE_URL']}/receipts/{answer['forge_receipt']['id']}", headers=headers
    ).json()
    assert f"`{receipt['arithmetic']}`" in README.read_text()
