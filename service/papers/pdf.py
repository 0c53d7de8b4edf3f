"""A paper as PDF, by typst where the extra `papers` is installed and a Chinese font is found.

Without either the paper is refused in this format, with the reason: a PDF whose Chinese would be
empty boxes is worse than none. The same paper gives the same bytes.
"""

import importlib
import importlib.util
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ledger.refusals import FormatUnavailable
from service.papers.paper import Align, Cell, Paper, Proof, Words, instant

TEMPLATE: Final = Path(__file__).parent / "paper.typ"
CHINESE_FONTS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Serif CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
    "SimSun",
)
"""Families that write simplified Chinese, in order of preference."""


def render(paper: Paper, fonts: Path | None) -> bytes:
    """Set the paper; `fonts` is a folder to look into beside the system's own.

    Raises `FormatUnavailable` with the reason `typst_missing` or `chinese_font_missing`.
    """
    if not installed():
        raise FormatUnavailable(format="pdf", reason="typst_missing")
    family = chinese_font(fonts)
    if family is None:
        raise FormatUnavailable(format="pdf", reason="chinese_font_missing")
    made: bytes = _typst().compile(
        TEMPLATE.read_bytes(),
        font_paths=_folders(fonts),
        sys_inputs={"paper": json.dumps(_plain(paper), ensure_ascii=False), "font": family},
        pdf_standards=["ua-1"],
        timestamp=int(paper.proof.known_at.timestamp()),
    )
    return made


def installed() -> bool:
    """Tell whether the extra is installed."""
    return importlib.util.find_spec("typst") is not None


@lru_cache(maxsize=4)
def chinese_font(fonts: Path | None) -> str | None:
    """Return the best family that writes Chinese, or None; looking takes a while."""
    known = set(_typst().Fonts(font_paths=_folders(fonts)).families())
    return next((family for family in CHINESE_FONTS if family in known), None)


def _typst() -> Any:  # noqa: ANN401 - a module that may not be there
    return importlib.import_module("typst")


def _folders(fonts: Path | None) -> list[str]:
    return [] if fonts is None else [str(fonts)]


def _plain(paper: Paper) -> Mapping[str, Any]:
    return {
        "title": _words(paper.title),
        "number": paper.number,
        "sections": [
            {
                "heading": _words(section.heading),
                "facts": [
                    {
                        "label": _words(fact.label),
                        "value": _cell(fact.value),
                        "capitals": fact.capitals,
                    }
                    for fact in section.facts
                ],
                "tables": [
                    {
                        "caption": _words(table.caption),
                        "columns": [
                            {
                                "label": _words(column.label),
                                "number": column.align is Align.NUMBER,
                            }
                            for column in table.columns
                        ],
                        "rows": [[_cell(cell) for cell in row] for row in table.rows],
                        "total": [_cell(cell) for cell in table.total or ()],
                    }
                    for table in section.tables
                ],
            }
            for section in paper.sections
        ],
        "notes": [_words(note) for note in paper.notes],
        "proof": _proof(paper.proof),
    }


def _proof(proof: Proof) -> list[Mapping[str, str]]:
    lines = [
        ("截至日期", "True as of", proof.as_of.isoformat()),
        ("记录时间", "Known at", instant(proof.known_at)),
        ("账簿位置", "Journal position", proof.position),
        *(("凭证", "Transaction", each) for each in proof.transactions),
        ("位置哈希", "Hash at the position", proof.sealed),
    ]
    return [{"zh": zh, "en": en, "value": value} for zh, en, value in lines]


def _words(words: Words) -> Mapping[str, str]:
    return {"zh": words.zh, "en": words.en}


def _cell(cell: Cell) -> Any:  # noqa: ANN401 - text, or words
    return _words(cell) if isinstance(cell, Words) else cell
