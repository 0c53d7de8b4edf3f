"""How rows are narrowed and paged for callers, and an enrolment's money and slots."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    any_,
    bindparam,
    cast,
    false,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import reference, rows
from service.store.context import Context, Sight
from service.store.tables import (
    BankEntry,
    Claim,
    ClaimEvidence,
    Enrolment,
    Entitlement,
    GuardianLink,
    Institution,
    Lesson,
    Notice,
    Objection,
    PaymentOrder,
    PlacementOffer,
    PlanShare,
    Porting,
    Refund,
    SuspectedEntry,
)

STUDENTS: Final = frozenset(
    {
        BankEntry,
        Claim,
        ClaimEvidence,
        Enrolment,
        Entitlement,
        GuardianLink,
        Lesson,
        Notice,
        Objection,
        PaymentOrder,
        PlacementOffer,
        PlanShare,
        Porting,
        Refund,
        SuspectedEntry,
    }
)
"""Tables that show single students and payers, which an observer never sees."""

COLLAPSED: Final = ("FROZEN", "WINDING_DOWN")
"""States of an institution whose file a task force (风险处置专班) sees."""

_MONEY: Final = text(
    """
    SELECT account.kind, account.reason, head.balance_after
    FROM escrow.account AS account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.owner_id = :enrolment
    """
)

_SLOTS: Final = text(
    "SELECT lesson.enrolment_id, array_agg(slot ORDER BY slot) AS slots FROM escrow.lesson"
    " JOIN escrow.enrolment ON enrolment.journal_id = lesson.journal_id"
    " AND enrolment.enrolment_id = lesson.enrolment_id"
    " AND enrolment.schedule_version = lesson.schedule_version"
    " WHERE lesson.journal_id = :journal AND lesson.enrolment_id = ANY(:enrolments)"
    " AND lesson.state IN ('RECORDED', 'DISPUTED', 'CONFIRMED') GROUP BY lesson.enrolment_id"
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))


def in_departments(statement: Select[Any], table: type[Any], caller: Context) -> Select[Any]:
    """Narrow rows of `table` to institutions of the caller's departments, authorities and duty.

    Row-level security narrows by journal, institution, bank and party already, and once more by
    these. A parent's rows are named here as well: no index helps a policy with an OR in it.
    """
    if caller.parties is not None:
        return _of_parties(statement, table, caller.parties)
    of_students = caller.students if table in STUDENTS else Sight.ALL
    if of_students is Sight.NONE:
        return statement.where(false())
    institution = rows.table_of(Institution)
    narrowed: list[ColumnElement[bool]] = []
    if caller.departments is not None:
        narrowed.append(institution.c.department.in_(caller.departments))
    if caller.areas is not None:
        areas = [reference.within(institution.c.area, path) for path in caller.areas]
        narrowed.append(or_(false(), *areas))
    if Sight.COLLAPSED in (of_students, caller.institutions):
        narrowed.append(institution.c.state.in_(COLLAPSED))
    if not narrowed:
        return statement
    source = rows.table_of(table)
    seen = select(institution.c.institution_id).where(
        institution.c.journal_id == source.c.journal_id, *narrowed
    )
    return statement.where(source.c.institution_id.in_(seen))


def _of_parties(statement: Select[Any], table: type[Any], parties: tuple[UUID, ...]) -> Select[Any]:
    columns = rows.table_of(table).c
    theirs = columns.get("guardian_id", columns.get("recipient_id"))
    if theirs is None:
        return statement
    return statement.where(theirs == any_(cast(list(parties), ARRAY(Uuid))))


def rows_after(
    statement: Select[Any], table: type[Any], after: tuple[int, UUID] | None, limit: int
) -> Select[Any]:
    """Order a list by journal and id, and continue it after a key."""
    source = rows.table_of(table)
    key = source.c[rows.key_columns(table)[0]]
    if after is not None:
        journal, last = after
        statement = statement.where(
            (source.c.journal_id > journal) | ((source.c.journal_id == journal) & (key > last))
        )
    return statement.order_by(source.c.journal_id, key).limit(limit)


async def money_of(
    connection: AsyncConnection, journal: int, enrolment: UUID
) -> dict[tuple[str, str], int]:
    """Return the balances of an enrolment's own accounts by (kind, reason), in fen or lessons."""
    found = await connection.execute(_MONEY, {"journal": journal, "enrolment": enrolment})
    return {(row.kind, row.reason): row.balance_after for row in found}


async def slots_taken(
    connection: AsyncConnection, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, frozenset[int]]:
    """Return the slots that lessons hold of the schedules that run now, by enrolment."""
    found = await connection.execute(
        _SLOTS, {"journal": journal, "enrolments": sorted(set(wanted))}
    )
    return {row.enrolment_id: frozenset(row.slots) for row in found}
