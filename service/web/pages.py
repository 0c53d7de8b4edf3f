"""Pages: opaque cursors bound to the filter they were made for."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from litestar.params import QueryParameter

from ledger.refusals import RequestInvalid

T = TypeVar("T", bound=Mapping[str, Any])

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="Items a page, 1 to 500.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=512, description="`next_cursor` of the page before.")
]
LIMIT_DEFAULT: Final = 100
_BOUND_BYTES: Final = 8


def write_cursor(after: list[Any], bound_to: Mapping[str, Any]) -> str:
    """Make a cursor that continues after these key values, for this filter only."""
    body = json.dumps([_digest(bound_to), after], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(cursor: str | None, bound_to: Mapping[str, Any]) -> list[Any] | None:
    """Return the key values a cursor continues after; raises `RequestInvalid` for a foreign one."""
    if cursor is None:
        return None
    try:
        digest, after = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, TypeError):
        raise RequestInvalid(reason="cursor") from None
    if digest != _digest(bound_to) or not isinstance(after, list):
        raise RequestInvalid(reason="cursor")
    return after


def key_after(cursor: str | None, bound_to: Mapping[str, Any]) -> tuple[int, UUID] | None:
    """Return the (journal, id) that a list of objects continues after.

    Raises `RequestInvalid` for a cursor that was not made for this filter.
    """
    after = read_cursor(cursor, bound_to)
    if after is None:
        return None
    try:
        journal, written = after
        return int(journal), UUID(written)
    except (TypeError, ValueError, AttributeError):
        raise RequestInvalid(reason="cursor") from None


def cut(
    rows: Sequence[T], limit: int, key: str, bound_to: Mapping[str, Any]
) -> tuple[Sequence[T], str | None]:
    """Cut a list read with one row more than a page to the page, and make the cursor after it.

    `key` names the id column.
    """
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], write_cursor([last["journal_id"], last[key].hex], bound_to)


def _digest(bound_to: Mapping[str, Any]) -> str:
    text = json.dumps(bound_to, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * _BOUND_BYTES]
