"""A paper as one accessible page: no script, no outside resource, ready to be printed.

Every text is escaped here and nowhere else. The style is the one thing a browser may use beside
the page itself: `HEADERS` allow it by its hash and nothing more.
"""

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Final

from service.papers.paper import Align, Cell, Column, Fact, Paper, Proof, Section, Table, Words
from service.papers.paper import instant as written

STYLE: Final = (Path(__file__).parent / "paper.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def render(paper: Paper) -> str:
    """Write the whole page."""
    sections = "".join(_section(section) for section in paper.sections)
    notes = "".join(f"<p>{_cell(note)}</p>" for note in paper.notes)
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(paper.title.both)}</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>{_cell(paper.title)}</h1>"
        f'<p>编号 <span lang="en">Number</span> <code>{escape(paper.number)}</code></p></header>'
        f"{sections}{notes}{_proof(paper.proof)}</main></body></html>"
    )


def _section(section: Section) -> str:
    facts = ""
    if section.facts:
        lines = "".join(_fact(fact) for fact in section.facts)
        name = escape(section.heading.both)
        facts = f'<table class="facts" aria-label="{name}"><tbody>{lines}</tbody></table>'
    tables = "".join(_table(table) for table in section.tables)
    return f"<section><h2>{_cell(section.heading)}</h2>{facts}{tables}</section>"


def _fact(fact: Fact) -> str:
    value = _cell(fact.value)
    if fact.capitals is not None:
        value += f'<span class="capitals">{escape(fact.capitals)}</span>'
    return f'<tr><th scope="row">{_cell(fact.label)}</th><td>{value}</td></tr>'


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_align(column)}>{_cell(column.label)}</th>' for column in table.columns
    )
    rows = "".join(_row(table, row) for row in table.rows)
    foot = f"<tfoot>{_row(table, table.total)}</tfoot>" if table.total else ""
    # A wide table scrolls by itself, and can be reached and scrolled without a mouse.
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(table.caption.both)}">'
        f"<table><caption>{_cell(table.caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody>{foot}</table></div>"
    )


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    first, *others = zip(table.columns, row, strict=True)
    head = f'<th scope="row"{_align(first[0])}>{_cell(first[1])}</th>'
    return (
        "<tr>"
        + head
        + "".join(f"<td{_align(column)}>{_cell(cell)}</td>" for column, cell in others)
        + "</tr>"
    )


def _align(column: Column) -> str:
    return ' class="number"' if column.align is Align.NUMBER else ""


def _cell(cell: Cell) -> str:
    if isinstance(cell, Words):
        english = f' <span lang="en">{escape(cell.en)}</span>' if cell.en else ""
        return f"{escape(cell.zh)}{english}"
    return escape(cell)


def _proof(proof: Proof) -> str:
    cited = "".join(
        f'<li>凭证 <span lang="en">Transaction</span> <code>{escape(each)}</code></li>'
        for each in proof.transactions
    )
    return (
        '<section class="proof"><h2>核验 <span lang="en">Verification</span></h2><ul>'
        '<li>截至日期 <span lang="en">True as of</span> '
        f'<time datetime="{proof.as_of.isoformat()}">{proof.as_of.isoformat()}</time></li>'
        '<li>记录时间 <span lang="en">Known at</span> '
        f'<time datetime="{written(proof.known_at)}">{written(proof.known_at)}</time></li>'
        '<li>账簿位置 <span lang="en">Journal position</span> '
        f"<code>{escape(proof.position)}</code></li>{cited}"
        '<li>位置哈希 <span lang="en">Hash at the position</span> '
        f"<code>{escape(proof.sealed)}</code></li></ul></section>"
    )
