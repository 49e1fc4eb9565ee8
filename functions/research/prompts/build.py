"""The messages of a stage: its role's prompt, the facts, and what earlier stages wrote, within the stage's size."""

from __future__ import annotations

from collections.abc import Mapping

from functions.research.presets import Stage
from functions.research.snapshot import Snapshot
from functions.research.words import Language


def build(stage: Stage, snapshot: Snapshot, earlier: Mapping[str, str], language: Language) -> list[dict[str, str]]:
    """Chat messages whose contents never exceed `stage.input_bytes_max` bytes in UTF-8.

    `earlier` are texts of finished stages by stage id. What does not fit is cut at a marked place.
    The same arguments give the same messages. For Role.REPAIR use `number_check.repair_messages`.
    """
    raise NotImplementedError


def text_without_a_call(stage: Stage, snapshot: Snapshot, language: Language) -> str | None:
    """What stands in for an analyst whose sources gave nothing: such a stage is finished without a call or a charge.

    None when the stage is to be sent.
    """
    raise NotImplementedError
