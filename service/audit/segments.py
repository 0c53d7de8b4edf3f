"""A day of the trail as canonical text, for somebody else to keep.

The first line names the format, the second what this is; then each row is a JSON array in the
order of the table, digests in hex and instants as microseconds since 1970; the last line has the
number of rows and the SHA-256 of every byte before it. With a whole text every hash can be computed
again; a masked one leaves out who sat where and keeps the hashes, so that it can be compared.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from service.store import audit, audit_reads
from service.store.audit_reads import Segment
from service.store.sealed_batches import instant_text

FORMAT: Final = "tuition-escrow/audit-segment/1"
MASKED: Final = frozenset({"source", "credential", "request_id"})
"""Columns a masked text leaves out: what tells of a person's place and devices."""
MASK: Final = "*"
_AT: Final = audit.COLUMNS.index("recorded_at")
_BYTES: Final = ("request_hash", "previous_hash", "hash")


class Broken(ValueError):  # noqa: N818 - says what the text is
    """A segment's text is not what was written; the message says where."""


async def text_of(
    connection: AsyncConnection, segment: Segment, *, masked: bool = True
) -> AsyncIterator[str]:
    """Write a segment, some lines at a time."""
    running, count = sha256(), 0
    header = {
        "journal": segment.journal,
        "day": segment.day.isoformat(),
        "first": segment.first,
        "last": segment.last,
        "previous": segment.previous.hex(),
        "head": segment.head.hex(),
        "masked": masked,
        "columns": list(audit.COLUMNS),
    }
    part = f"{FORMAT}\n{canonical_json(header)}\n"
    running.update(part.encode())
    yield part
    async for rows in audit_reads.of_segment(connection, segment):
        part = "".join(f"{_line(row, masked=masked)}\n" for row in rows)
        count += len(rows)
        running.update(part.encode())
        yield part
    yield f"{canonical_json({'rows': count, 'sha256': running.hexdigest()})}\n"


def check(lines: Iterable[str]) -> dict[str, Any]:
    """Check a segment's text by itself; return its header, raise `Broken`."""
    text = iter(lines)
    first, second = next(text, ""), next(text, "")
    if first != f"{FORMAT}\n":
        raise Broken("line 1: not a segment of an audit trail")
    header: dict[str, Any] = json.loads(second)
    running = sha256(f"{first}{second}".encode())
    previous, count, last = header["previous"], 0, ""
    for line in text:
        if not line.startswith("["):
            last = line
            break
        running.update(line.encode())
        count += 1
        previous = _linked(json.loads(line), previous, count + 2, masked=header["masked"])
    written = canonical_json({"rows": count, "sha256": running.hexdigest()})
    if last != f"{written}\n" or next(text, None) is not None:
        raise Broken("last line: the text is not the one that was written")
    if previous != header["head"] or count != max(0, header["last"] - header["first"] + 1):
        raise Broken("the rows do not end at the head")
    return header


def _linked(values: list[Any], previous: str, number: int, *, masked: bool) -> str:
    row = dict(zip(audit.COLUMNS, values, strict=True))
    if row["previous_hash"] != previous:
        raise Broken(f"line {number}: does not follow the row before")
    if not masked:
        raw = {
            name: bytes.fromhex(value) if name in _BYTES and value else value
            for name, value in row.items()
        }
        if audit.digest(raw["previous_hash"], raw) != raw["hash"]:
            raise Broken(f"line {number}: the row is not the one that was chained")
    found: str = row["hash"]
    return found


def _line(row: Mapping[str, Any], *, masked: bool) -> str:
    return canonical_json([_value(name, row[name], masked=masked) for name in audit.COLUMNS])


def _value(name: str, value: Any, *, masked: bool) -> str | int | None:  # noqa: ANN401
    if value is not None and masked and name in MASKED:
        return MASK
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return instant_text(value)
    written: str | int | None = value
    return written
