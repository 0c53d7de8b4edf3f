"""Denials: every authorization decision that refused is in the audit trail, and no flood fills it.

In a minute each caller has so many rows of its own for each code, and all strangers together; what
comes beyond is counted, and the minute's end writes one row a network (or caller) and code with
the number. Of networks only so many are kept apart.
"""

import asyncio
from collections import Counter
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ledger import chain
from service.store.audit import Attempt, Kind, Noted
from service.store.trail import Trail

WINDOW_S: Final = 60
EACH_MAX: Final = 20
"""Rows of its own that a caller has for one code in a minute."""
STRANGERS_MAX: Final = 100
"""Rows of their own that all strangers have together in a minute."""
KEPT_APART_MAX: Final = 200
"""Callers and networks that are counted apart; the others are counted as "others"."""
OTHERS: Final = "others"

FAULTS: Final = (SQLAlchemyError, OSError, TimeoutError)

log = structlog.get_logger("service.audit")

_Counted = tuple[str, str, str, str | None, int | None]


class Denials:
    """What one process has denied in this minute."""

    def __init__(self, trail: Trail) -> None:
        """Record to this trail."""
        self._trail = trail
        self._seen: Counter[tuple[str, str]] = Counter()
        self._strangers = 0
        self._counted: Counter[_Counted] = Counter()
        self._closing: asyncio.TimerHandle | None = None
        self._flushing: set[asyncio.Task[None]] = set()

    async def note(self, noted: Noted, *, stranger: bool) -> None:
        """Record a denial, or count it where there have been too many of them."""
        attempt = noted.attempt
        who = (attempt.source or OTHERS) if stranger else noted.caller_id
        self._begin()
        if self._has_room(who, noted.outcome, stranger=stranger):
            await self._trail.note(noted)
            return
        known = (noted.caller_id, attempt.role, noted.outcome, attempt.source, noted.in_journal)
        if known not in self._counted and len(self._counted) >= KEPT_APART_MAX:
            known = (OTHERS, OTHERS, noted.outcome, None, None)
        self._counted[known] += 1

    async def flush(self) -> None:
        """Write what was counted and begin a new minute."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        counted, self._counted = self._counted, Counter()
        self._seen, self._strangers = Counter(), 0
        try:
            await self._trail.note(*(_sum(key, count) for key, count in counted.items()))
        except FAULTS:
            log.exception("audit.not_recorded", requests=counted.total())

    def _has_room(self, who: str, code: str, *, stranger: bool) -> bool:
        if stranger:
            self._strangers += 1
            return self._strangers <= STRANGERS_MAX
        self._seen[who, code] += 1
        return self._seen[who, code] <= EACH_MAX

    def _begin(self) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(WINDOW_S, self._end)

    def _end(self) -> None:
        self._closing = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._flushing.add(task)
        task.add_done_callback(self._flushing.discard)


def _sum(key: _Counted, count: int) -> Noted:
    caller_id, role, code, source, journal = key
    return Noted(
        Kind.COUNTED,
        caller_id,
        Attempt(operation="*", role=role, source=source),
        outcome=code,
        details=chain.canonical_json({"requests": count, "seconds": WINDOW_S}),
        in_journal=journal,
    )
