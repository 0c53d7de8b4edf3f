"""A parent's statement (对账单): the entries of one enrolment in order, with running balances."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from service.store import account_reads, rows
from service.store.positions import Positions
from service.store.tables import Lesson

HELD: Final = (
    AccountKind.STUDENT_PREPAID,
    AccountKind.LESSON_PENDING,
    AccountKind.LESSON_DISPUTED,
)
"""L1, L2 and L3: what stands on an enrolment."""

Balances = dict[AccountKind, int]


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction on the enrolment: its changes, and the balances after it, in fen."""

    seq: int
    kind: str
    reason: str | None
    effective_on: date
    recorded_at: datetime
    lesson: UUID | None
    lesson_reference: str | None
    slot: int | None
    changes: Balances
    balances: Balances


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of movements, what stood before it, and the position it ends at when more follow."""

    opening: Balances
    movements: tuple[Movement, ...]
    more_after: int | None


async def statement(  # noqa: PLR0913 - whose, when, and which page
    connection: AsyncConnection,
    journal: int,
    enrolment: UUID,
    at: Positions,
    *,
    after: int,
    limit: int,
) -> Statement:
    """Read the movements of an enrolment after a position, at most `limit`, up to `at`."""
    owned = await account_reads.owned_by(connection, journal, enrolment)
    kinds = {row.account_id: AccountKind(row.kind) for row in owned if row.kind in HELD}
    numbers, until = list(kinds), at.seq(journal)
    before = await account_reads.balances(connection, journal, numbers, min(after, until))
    opening = _empty() | {kinds[number]: balance for number, balance in before.items()}
    found = await account_reads.entries(
        connection, journal, numbers, after=after, seq=until, limit=limit + 1
    )
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for row in found:
        grouped.setdefault(row["seq"], []).append(row)
    seqs = sorted(grouped)[: limit + 1]
    shown = [grouped[seq] for seq in seqs[:limit]]
    references = await _references(connection, journal, shown)
    movements = tuple(_running(shown, kinds, opening, references))
    more = movements[-1].seq if len(seqs) > limit and movements else None
    return Statement(opening, movements, more)


def _empty() -> Balances:
    return dict.fromkeys(HELD, 0)


def _running(
    shown: Sequence[Sequence[Mapping[str, Any]]],
    kinds: Mapping[int, AccountKind],
    opening: Balances,
    references: Mapping[UUID, str],
) -> Iterable[Movement]:
    balances = dict(opening)
    for entries in shown:
        changes = _empty()
        for entry in entries:
            kind = kinds[entry["account_id"]]
            changes[kind] += entry["amount"]
            balances[kind] = entry["balance_after"]
        first = entries[0]
        lesson = _lesson(first)
        slot = first["refs"].get("slot")
        yield Movement(
            seq=first["seq"],
            kind=first["kind"],
            reason=first["reason"],
            effective_on=first["effective_on"],
            recorded_at=first["recorded_at"],
            lesson=lesson,
            lesson_reference=None if lesson is None else references.get(lesson),
            slot=None if slot is None else int(slot),
            changes=changes,
            balances=dict(balances),
        )


async def _references(
    connection: AsyncConnection, journal: int, shown: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[UUID, str]:
    """Return the institution's own references of the lessons on a page."""
    lessons = {lesson for entries in shown if (lesson := _lesson(entries[0])) is not None}
    if not lessons:
        return {}
    found = await rows.fetch(connection, rows.keyed(Lesson, journal, lessons, "lesson_id"))
    return {row["lesson_id"]: row["reference"] for row in found}


def _lesson(entry: Mapping[str, Any]) -> UUID | None:
    lesson = entry["refs"].get("lesson")
    return None if lesson is None else UUID(lesson)
