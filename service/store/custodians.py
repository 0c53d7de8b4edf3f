"""Custodian banks (托管银行): the registry, and which bank a jurisdiction has selected (遴选).

Reference tables without row-level security; the functions run in the caller's transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import Bank, Jurisdiction, JurisdictionBank


async def bank_by_code(connection: AsyncConnection, code: str) -> Record | None:
    """Return a bank by its code."""
    source = table_of(Bank)
    found = await connection.execute(select(source).where(source.c.code == code))
    row = found.mappings().one_or_none()
    return None if row is None else Record(row)


async def banks(connection: AsyncConnection) -> Sequence[Record]:
    """Return every bank of the registry, in order of code."""
    source = table_of(Bank)
    found = await connection.execute(select(source).order_by(source.c.code))
    return [Record(row) for row in found.mappings()]


async def select_bank(
    connection: AsyncConnection, code: str, bank: str, *, on: date, state: str = "ACTIVE"
) -> Record:
    """Select a bank as custodian of a jurisdiction, or change the state of its selection.

    `state` is ACTIVE, SUSPENDED or REMOVED; `until` is the day it stopped being ACTIVE.
    """
    source = table_of(JurisdictionBank)
    until = None if state == "ACTIVE" else on
    statement = upsert(source).values(
        jurisdiction_code=code, bank_code=bank, selected_on=on, until=until, state=state
    )
    returned = statement.on_conflict_do_update(
        index_elements=[source.c.jurisdiction_code, source.c.bank_code],
        set_={"state": state, "until": until},
    ).returning(source)
    return Record((await connection.execute(returned)).mappings().one())


async def selections(connection: AsyncConnection, codes: Sequence[str]) -> Sequence[Record]:
    """Return the selections of banks in these jurisdictions, whatever their state."""
    source = table_of(JurisdictionBank)
    found = await connection.execute(
        select(source)
        .where(source.c.jurisdiction_code.in_(codes))
        .order_by(source.c.jurisdiction_code, source.c.bank_code)
    )
    return [Record(row) for row in found.mappings()]


async def selected(
    connection: AsyncConnection, journal: int, codes: Iterable[str]
) -> set[tuple[str, str]]:
    """Return the (jurisdiction, bank) pairs in force for these jurisdictions of a journal.

    What the jurisdiction of the journal itself selected holds for every node inside it.
    """
    node = table_of(Jurisdiction)
    home = await connection.scalar(select(node.c.code).where(node.c.journal_id == journal))
    wanted = set(codes)
    found = await selections(connection, sorted({*wanted, home or ""}))
    active = {(row.jurisdiction_code, row.bank_code) for row in found if row.state == "ACTIVE"}
    return active | {(code, bank) for code in wanted for owner, bank in active if owner == home}


async def add_bank(connection: AsyncConnection, code: str, *, name: str, name_en: str) -> None:
    """Add a bank to the registry unless its code stands."""
    values = {"code": code, "bank_id": bank_id(code), "name": name, "name_en": name_en}
    await connection.execute(upsert(table_of(Bank)).values(**values).on_conflict_do_nothing())


def bank_id(code: str) -> UUID:
    """Return the id of a bank as an account owner: made from its code, the same everywhere."""
    return uuid5(NAMESPACE_OID, f"custodian-bank/{code}")
