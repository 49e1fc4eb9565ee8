"""What a benchmark says: each figure with its target and with the one that was kept last.

`KEEP=1 make bench` keeps the figures: in `bench/kept.json`, and in the table of `docs/performance.md`.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

KEPT = Path(__file__).with_name("kept.json")
DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- kept figures: written by KEEP=1 make bench -->\n", "<!-- end of kept figures -->\n"


class Figures:
    """The figures of one benchmark, printed as they come. `met` is whether every target was met so far."""

    def __init__(self, bench: str) -> None:
        self._bench = bench
        self._kept: dict[str, dict[str, object]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        self._said: dict[str, dict[str, object]] = {}
        self.met = True

    def say(self, what: str, figure: float, unit: str, at_most: float | None = None) -> None:
        """Print one figure."""
        missed = at_most is not None and figure > at_most
        self.met = self.met and not missed
        aim = "" if at_most is None else f", target at most {at_most:g}{': MISSED' if missed else ''}"
        name = f"{self._bench}: {what}"
        before = self._kept.get(name)
        last = "" if before is None else f", kept {before['figure']:g}"
        print(f"{name:78} {figure:9.2f} {unit}{last}{aim}", flush=True)
        self._said[name] = {"figure": round(figure, 3), "unit": unit, "at_most": at_most}

    def end(self) -> int:
        """0 when every target is met. Keeps the figures where that was asked for."""
        if os.environ.get("KEEP") == "1":
            about = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}"
            said = {name: {**one, "measured": about} for name, one in self._said.items()}
            kept = {name: one for name, one in self._kept.items() if not name.startswith(f"{self._bench}: ")} | said
            KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
            document = DOCUMENT.read_text()
            head, rest = document.split(BEGIN)
            DOCUMENT.write_text(head + BEGIN + table(kept) + END + rest.split(END)[1])
        return 0 if self.met else 1


def table(kept: dict[str, dict[str, object]]) -> str:
    """The kept figures as the document shows them."""
    lines = ["| what | figure | target | measured |\n", "|---|---|---|---|\n"]
    for name, one in sorted(kept.items()):
        aim = "" if one["at_most"] is None else f"at most {one['at_most']:g}"
        missed = one["at_most"] is not None and float(str(one["figure"])) > float(str(one["at_most"]))
        lines.append(
            f"| {name} | {one['figure']:g} {one['unit']} | {aim}{', missed' if missed else ''} | {one['measured']} |\n"
        )
    return "".join(lines)
