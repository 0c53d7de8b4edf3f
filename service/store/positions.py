"""Positions: which prefix of each journal a question about the past is answered from.

`as_of=D` is the last transaction with effective date at most D, `known_at=T` the last one recorded
at most at T, both the smaller, neither the head; each costs one index probe a journal. A position
is always the end of a batch, so what is read at it stays the same for ever.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Self

from sqlalchemy import ARRAY, BigInteger, Integer, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import AsOfUnsupported, DateInFuture, RequestInvalid
from service.store.facts import Record
from service.store.unit import business_date, business_now

_HEADS: Final = text(
    "SELECT journal_id, seq, effective_on, recorded_at, closed_on, clock_offset_us,"
    " clock_timestamp() AS clock FROM escrow.journal_head"
    " WHERE journal_id = ANY(:journals) ORDER BY journal_id"
).bindparams(bindparam("journals", type_=ARRAY(Integer)))

_LAST: Final = """
    SELECT given.journal_id, last.seq, last.effective_on, last.recorded_at
    FROM unnest(:journals) AS given(journal_id)
    CROSS JOIN LATERAL (
        SELECT seq, effective_on, recorded_at FROM escrow.journal_position AS held
        WHERE held.journal_id = given.journal_id AND held.{column} <= :limit
        ORDER BY held.{column} DESC, held.seq DESC LIMIT 1) AS last
    """

_BY_DATE: Final = text(_LAST.format(column="effective_on")).bindparams(
    bindparam("journals", type_=ARRAY(Integer))
)
_BY_INSTANT: Final = text(_LAST.format(column="recorded_at")).bindparams(
    bindparam("journals", type_=ARRAY(Integer))
)
_ENDS: Final = text(
    """
    SELECT held.journal_id, held.seq, held.effective_on, held.recorded_at,
           coalesce(following.recorded_at > held.recorded_at, true) AS is_end
    FROM unnest(:journals, :seqs) AS given(journal_id, seq)
    JOIN escrow.journal_position AS held
      ON held.journal_id = given.journal_id AND held.seq = given.seq
    LEFT JOIN escrow.journal_position AS following
      ON following.journal_id = given.journal_id AND following.seq = given.seq + 1
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)), bindparam("seqs", type_=ARRAY(BigInteger))
)

_WRITTEN: Final = re.compile(r"([0-9]{1,5}):([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asked for: a business date, an instant, a position, any or none of them."""

    as_of: date | None = None
    known_at: datetime | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A prefix of one journal: its last sequence number, and when that was effective and known."""

    journal: int
    seq: int
    effective_on: date
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Positions:
    """The date and instant an answer is for, and the position in each journal that has one.

    Asked again with all three, or with a date and an instant of the settled past, a question is
    answered with the same bytes (I-43).
    """

    as_of: date
    known_at: datetime
    at: tuple[Position, ...]

    @classmethod
    def of(cls, asked: Asked, at: Sequence[Position], heads: Sequence[Position]) -> Self:
        """Put together what an answer echoes: what was asked, else what the positions say."""
        shown = [position for position in at if position.seq] or list(at)
        known_at = max(position.recorded_at for position in shown)
        newest = max(head.recorded_at for head in heads)
        if asked.known_at is not None:
            known_at = min(asked.known_at.astimezone(UTC), newest)
        as_of = asked.as_of or max(position.effective_on for position in shown)
        return cls(as_of, known_at, tuple(position for position in at if position.seq))

    def seq(self, journal: int) -> int:
        """Return the position in a journal; 0 is before its first transaction."""
        return next((position.seq for position in self.at if position.journal == journal), 0)

    @property
    def written(self) -> str:
        """The positions as one string, such as "1:4711,2:815"."""
        return ",".join(f"{position.journal}:{position.seq}" for position in self.at)


async def resolve(
    connection: AsyncConnection, journals: Sequence[int], asked: Asked | None = None
) -> Positions:
    """Find the positions that a question is answered at; `journals` is not empty.

    Raises `DateInFuture` for a date or instant after the business time of every journal,
    `RequestInvalid` for a position that cannot be read, and `AsOfUnsupported` for one that is no
    end of a batch or contradicts the date or the instant.
    """
    asked = asked or Asked()
    rows = await connection.execute(_HEADS, {"journals": list(journals)})
    heads = [Record(row) for row in rows.mappings()]
    assert heads, "a question is about one journal or more"
    _refuse_future(asked, heads)
    at = tops = [_position(head) for head in heads]
    if asked.position is not None:
        given = _read(asked.position)
        return Positions.of(asked, await _standing(connection, given, tops, asked), tops)
    if asked.as_of is not None:
        at = await _earlier(connection, _BY_DATE, at, asked.as_of)
    if asked.known_at is not None:
        at = await _earlier(connection, _BY_INSTANT, at, asked.known_at)
    return Positions.of(asked, at, tops)


def _refuse_future(asked: Asked, heads: Sequence[Record]) -> None:
    now = max(business_now(head.clock, head.clock_offset_us) for head in heads)
    latest = max(now, *(head.recorded_at for head in heads))
    today = max(business_date(latest, head.effective_on, head.closed_on) for head in heads)
    if asked.as_of is not None and asked.as_of > today:
        raise DateInFuture(as_of=asked.as_of.isoformat(), today=today.isoformat())
    if asked.known_at is not None and asked.known_at > latest:
        raise DateInFuture(known_at=asked.known_at.isoformat())


def _position(row: Record) -> Position:
    return Position(row.journal_id, row.seq, row.effective_on, row.recorded_at.astimezone(UTC))


async def _earlier(
    connection: AsyncConnection,
    statement: object,
    at: Sequence[Position],
    limit: date | datetime,
) -> list[Position]:
    """Move each position back to the last transaction within the limit; 0 where there is none."""
    journals = [position.journal for position in at if position.seq]
    found = await connection.execute(
        statement,  # type: ignore[call-overload]
        {"journals": journals, "limit": limit},
    )
    last = {row["journal_id"]: _position(Record(row)) for row in found.mappings()}
    return [
        min(position, last.get(position.journal, _nothing(position)), key=lambda each: each.seq)
        for position in at
    ]


def _nothing(position: Position) -> Position:
    return Position(position.journal, 0, position.effective_on, position.recorded_at)


def _read(written: str) -> dict[int, int]:
    parts = written.split(",") if written else []
    found: dict[int, int] = {}
    for part in parts:
        match = _WRITTEN.fullmatch(part)
        if match is None or int(match[1]) in found:
            raise RequestInvalid(reason="position")
        found[int(match[1])] = int(match[2])
    return found


async def _standing(
    connection: AsyncConnection, given: dict[int, int], tops: Sequence[Position], asked: Asked
) -> list[Position]:
    """Return the given positions; a journal that is not among them had nothing then."""
    in_scope = {top.journal for top in tops}
    found = await connection.execute(_ENDS, {"journals": list(given), "seqs": [*given.values()]})
    stand = {row["journal_id"]: Record(row) for row in found.mappings()}
    if not given.keys() <= in_scope or stand.keys() != given.keys():
        raise AsOfUnsupported(position=str(asked.position))
    for row in stand.values():
        late = asked.as_of is not None and row.effective_on > asked.as_of
        unknown = asked.known_at is not None and row.recorded_at > asked.known_at
        if not row.is_end or late or unknown:
            raise AsOfUnsupported(position=str(asked.position))
    return [
        _position(stand[top.journal]) if top.journal in stand else _nothing(top) for top in tops
    ]
