"""Texts in S3: uploads, snapshots, answers, reports. A workflow passes where they are, never what is in them."""

from __future__ import annotations

from typing import Any

from functions.research.runs import Run
from tokens_forge.store.objects import get_object, put_object


class Texts:
    """A bucket. Its methods block and raise StoreFault."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, place: str, content: bytes) -> None:
        """Keep it there; the same step writes the same thing."""
        put_object(self._client, self._bucket, place, content)

    def get(self, place: str) -> bytes | None:
        """What is there; None when nothing is."""
        return get_object(self._client, self._bucket, place)


def upload_place(account_id: str, sha256: str) -> str:
    """An uploaded file, forgotten after a week: what a run needs of it is in the snapshot."""
    return f"uploads/{account_id}/{sha256}.csv"


def snapshot_place(run: Run) -> str:
    """The frozen data, which a rerun reads too."""
    return f"{_folder(run)}/snapshot.json"


def request_place(run: Run, stage_id: str) -> str:
    """What a step sends, from its first sending on."""
    return f"{_folder(run)}/requests/{stage_id}.json"


def answer_place(run: Run, stage_id: str) -> str:
    """What a model wrote."""
    return f"{_folder(run)}/answers/{stage_id}.txt"


def report_place(run: Run, suffix: str) -> str:
    """A report as `json`, `md` or `html`. A run that is resumed writes it again."""
    return f"{_folder(run)}/report.{suffix}"


def _folder(run: Run) -> str:
    return f"runs/{run.account_id}/{run.run_id}"
