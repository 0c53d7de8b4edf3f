"""A parent's own data as a page to be read and printed: headings, and a table for each list."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
HEADINGS: Final = {
    "people": "本人与学员 People",
    "earlier": "更正前的信息 Before corrections",
    "institutions": "机构 Institutions",
    "courses": "课程 Courses",
    "contracts": "合同 Contracts",
    "lessons": "课时 Lessons",
    "receipts": "缴费 Receipts",
    "claims": "退费申请 Claims",
    "evidence": "证据 Evidence",
    "notes": "文字说明 Notes",
    "refunds": "退费 Refunds",
    "objections": "异议 Objections",
    "entitlements": "权益登记 Entitlements",
    "notices": "通知 Notices",
    "requests": "个人信息请求 Requests",
    "readings": "明文查看记录 Who read the data in plain",
}


def page(made_at: datetime, guardians: Sequence[Mapping[str, Any]]) -> str:
    """Write the whole page; every text is escaped."""
    parts = "".join(_guardian(guardian) for guardian in guardians)
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>个人信息副本 A copy of your data</title></head><body><main>"
        "<h1>个人信息副本 <span lang='en'>A copy of your data</span></h1>"
        f"<p>制作时间 Made at {escape(made_at.isoformat())}</p>{parts}</main></body></html>"
    )


def _guardian(told: Mapping[str, Any]) -> str:
    lists = "".join(
        _list(heading, told[name]) for name, heading in HEADINGS.items() if told.get(name)
    )
    return f"<article><h2>监护人 Guardian {escape(told['guardian_id'])}</h2>{lists}</article>"


def _list(heading: str, rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>"
        for row in rows
    )
    return (
        f"<section><h3>{escape(heading)}</h3><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></section>"
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return escape(" ".join(str(each) for each in value.values() if each))
    return escape(str(value))
