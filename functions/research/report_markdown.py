"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from functions.research.report import Report
from functions.research.report_text import Block, Kind, Piece
from functions.research.report_view import ReportView, days, view

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>|#~!&$])")
_FIRST = re.compile(r"^(\s*\d*)([-+.](?=\s|$))")


def render_markdown(report: Report) -> str:
    """Made from the report's JSON alone. Nothing in a text can become a link, a picture or HTML."""
    return "\n".join(_lines(view(report))) + "\n"


def _lines(page: ReportView) -> Iterator[str]:
    document, label = page.document, page.label
    yield f"# {_safe(page.title())}\n"
    yield f"**{label('disclaimer')}**\n"
    about = f"{label('as_of')} {document['as_of']} · {label('preset')}: {document['preset']}"
    yield f"{about} · {label('run')}: `{document['run_id']}`\n"
    if document["status"] != "completed":
        yield f"> **{label('incomplete')}** ({_safe(page.ended())})\n"
    for part in page.sections:
        yield f"## {part.heading}\n"
        yield from _blocks(part.blocks, page)
    if page.discussion:
        yield f"## {label('discussion')}\n"
    for part in page.discussion:
        yield f"### {part.heading}\n"
        yield from _blocks(part.blocks, page)
    yield f"## {label('facts')}\n"
    rows = [(str(fact.number), fact.label, fact.value, fact.window, fact.source) for fact in page.cited]
    yield from _table(("#", label("fact"), label("value"), label("window"), label("source")), rows)
    yield f"## {label('sources')}\n"
    for use in document["sources"]:
        yield f"- {_safe(use['label'])}: {days(use['window'])}. {_safe(' '.join(use['notes']))}".rstrip()
    if document["prices"]:
        yield f"- {label('adjustment')} {label(document['prices']['adjustment'])}."
    yield f"\n## {label('missing')}\n"
    for gap in document["missing"]:
        yield f"- {_safe(gap['source'])}: {_safe(gap['reason'])}"
    for lost in document["unusable"]:
        yield f"- {_safe(page.stage(lost['stage_id']))}: {_safe(', '.join(lost['problems']))}"
    if not document["missing"] and not document["unusable"]:
        yield label("nothing_missing")
    yield f"\n## {label('verification')}\n"
    for key in ("numbers", "proven", "repaired", "removed"):
        yield f"- {document['verification'][key]} {label(key)}"
    yield f"\n{label('snapshot')}: `{document['snapshot_sha256']}`\n"
    yield from _receipts(page)
    yield f"**{label('disclaimer')}**"


def _receipts(page: ReportView) -> Iterator[str]:
    document, label = page.document, page.label
    yield f"## {label('receipts')}\n"
    models = ", ".join(f"{label(tier)}: {model}" for tier, model in document["models"].items())
    yield f"{label('models')}: {_safe(models)}\n"
    yield from _table(
        tuple(label(key) for key in ("stage", "model", "wallet", "receipt", "tokens", "charge")),
        [
            (
                page.stage(step["stage_id"]) + (f" ({label('replayed')})" if step["replayed"] else ""),
                step["model"],
                step["wallet"],
                step["receipt_id"],
                f"{step['input_tokens']} / {step['output_tokens']}",
                f"{step['charge']} {step['currency']}",
            )
            for step in document["receipts"]
        ],
    )
    for total in document["charges"]:
        yield f"{label('total')} ({total['wallet']}): {total['charge']} {total['currency']}\n"


def _blocks(blocks: Sequence[Block], page: ReportView) -> Iterator[str]:
    for index, block in enumerate(blocks):
        text = "".join(_piece(piece, page) for piece in block.pieces)
        if block.kind is Kind.ITEM:
            is_last = index + 1 == len(blocks) or blocks[index + 1].kind is not Kind.ITEM
            yield f"- {text}" + ("\n" if is_last else "")
        elif block.kind is Kind.HEADING:
            yield f"#### {text}\n"
        else:
            yield f"{text}\n"


def _piece(piece: Piece, page: ReportView) -> str:
    if piece.ids:
        return "".join(f" \\[{page.number_of(fact_id)}\\]" for fact_id in piece.ids)
    return f"**{_safe(piece.text)}**" if piece.bold else _safe(piece.text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(_safe(cell) for cell in row) + " |"
    yield ""


def _safe(text: str) -> str:
    """Markdown has no meaning in it, and lines cannot begin a list."""
    return _FIRST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", " ".join(text.split("\n"))))
