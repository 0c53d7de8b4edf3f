"""Parties as callers meet them: whom they see, in which case, and what a guardian's data is."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import registry, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Record
from service.store.paper_reads import narrow, widen
from service.store.tables import (
    Claim,
    Enrolment,
    Institution,
    Party,
    PaymentOrder,
    Refund,
    UnmaskGrant,
    WindDown,
)

CASES: Final[dict[str, tuple[str, type[Any]]]] = {
    "CLAIM": ("clm", Claim),
    "REFUND": ("rfd", Refund),
    "WIND_DOWN": ("wdn", WindDown),
}
"""The purposes that personal data is read in plain for, each with the case it must name."""


async def seen(
    connection: AsyncConnection, caller: Context, journal: int, party: UUID
) -> Record | None:
    """Return a party that the caller meets in a contract, a payment or an institution in scope.

    It comes in plain: masking is the caller's. The connection sees with the caller's eyes.
    """
    if journal not in caller.journals:
        return None
    met = await _is_own(connection, caller, journal, party) if caller.parties is not None else None
    if met is None:
        met = await _is_met(connection, caller, journal, party)
    if not met:
        return None
    await widen(connection, journal)
    statement = rows.keyed(Party, journal, [party], "party_id")
    found = await rows.fetch_opened(connection, Party, statement)
    await narrow(connection, caller)
    return Record(found[0]) if found else None


async def guardian_of(
    connection: AsyncConnection, caller: Context, journal: int, party: UUID
) -> UUID | None:
    """Return which of the parent's guardians a party is, or is the student of."""
    own = caller.parties or ()
    if party in own:
        return party
    source = rows.table_of(Enrolment)
    statement = rows.keyed(Enrolment, journal, [party], "student_id")
    found = await rows.fetch(
        connection, statement.where(source.c.guardian_id.in_(own)).order_by(source.c.enrolment_id)
    )
    return found[0]["guardian_id"] if found else None


async def guardians(connection: AsyncConnection, caller: Context) -> list[tuple[int, UUID]]:
    """Return the parent's guardians with their journals, in order."""
    source = rows.table_of(Party)
    statement = select(source.c.journal_id, source.c.party_id).where(
        source.c.journal_id.in_(caller.journals), source.c.party_id.in_(caller.parties or ())
    )
    found = await connection.execute(statement.order_by(source.c.journal_id, source.c.party_id))
    return [(row.journal_id, row.party_id) for row in found]


async def is_of_case(  # noqa: PLR0913, PLR0917 - who asks about whom in which case
    connection: AsyncConnection,
    caller: Context,
    journal: int,
    party: UUID,
    purpose: str,
    case: UUID,
) -> bool | None:
    """Tell whether a case that the caller sees is about a party; None for no such case."""
    _, table = CASES[purpose]
    row = (await registry.seen(connection, caller, table, journal, [case])).get(case)
    if row is None:
        return None
    if table is WindDown:
        return await _at_institution(connection, journal, party, row.institution_id)
    if party in {row.guardian_id, row.get("payee_party_id")}:
        return True
    enrolment = rows.keyed(Enrolment, journal, [row.enrolment_id], "enrolment_id")
    [contract] = await rows.fetch(connection, enrolment)
    return bool(contract["student_id"] == party)


async def grant_of(
    connection: AsyncConnection,
    journal: int,
    party: UUID,
    caller_id: str,
    now: Any,  # noqa: ANN401
) -> Record | None:
    """Return the grant under which a caller reads a party in plain now."""
    source = rows.table_of(UnmaskGrant)
    statement = (
        select(source)
        .where(
            source.c.journal_id == journal,
            source.c.party_id == party,
            source.c.caller_id == caller_id,
            source.c.expires_at > now,
        )
        .order_by(source.c.expires_at.desc())
        .limit(1)
    )
    found = await rows.fetch(connection, statement)
    return Record(found[0]) if found else None


async def _is_own(connection: AsyncConnection, caller: Context, journal: int, party: UUID) -> bool:
    return await guardian_of(connection, caller, journal, party) is not None


async def _is_met(connection: AsyncConnection, caller: Context, journal: int, party: UUID) -> bool:
    places: Sequence[tuple[type[Any], str]] = (
        (Enrolment, "guardian_id"),
        (Enrolment, "student_id"),
        (Refund, "payee_party_id"),
        (Institution, "settlement_party_id"),
        (PaymentOrder, "payee_party_id"),
    )
    for table, column in places:
        if caller.bank is not None and table is not PaymentOrder:
            continue
        statement = rows.keyed(table, journal, [party], column).limit(1)
        if await rows.fetch(connection, in_departments(statement, table, caller)):
            return True
    return False


async def _at_institution(
    connection: AsyncConnection, journal: int, party: UUID, institution: UUID
) -> bool:
    source = rows.table_of(Enrolment)
    for column in ("guardian_id", "student_id"):
        statement = rows.keyed(Enrolment, journal, [party], column)
        if await rows.fetch(connection, statement.where(source.c.institution_id == institution)):
            return True
    return False
