"""Below the application: a parent sees exactly the rows of the guardians they are linked to."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.store import ids
from service.store.context import Context
from service.store.tables import Base, Pii
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.databases import Database
from tests.fixtures.parents import named, second_school
from tests.fixtures.service import District, Service

THEIRS = {
    table.fullname: column
    for metadata in (Base.metadata, Pii.metadata)
    for table in metadata.sorted_tables
    for column in ("guardian_id", "recipient_id")
    if column in table.columns and "journal_id" in table.primary_key.columns
}
"""Tables whose rows are about one guardian, by the column that says which."""
TABLES = {
    table.fullname: table
    for metadata in (Base.metadata, Pii.metadata)
    for table in metadata.sorted_tables
}
FILLED = {"escrow.enrolment", "escrow.lesson", "escrow.notice", "escrow.claim"}


@dataclass
class Families:
    """Two families in each of two districts' schools; each has a lesson, a notice and a claim."""

    journals: tuple[int, ...]
    guardians: list[UUID]
    admin: AsyncEngine
    app: AsyncEngine

    async def seen(self, context: Context, table: Table, column: str) -> dict[UUID, int]:
        """Count what a context sees of a table, by guardian."""
        async with self.app.connect() as connection:
            await context.enter(connection, statement_timeout="10s")
            return await self._counted(connection, table, column)

    async def there(self, table: Table, column: str) -> dict[UUID, int]:
        """Count what there is, by guardian."""
        async with self.admin.connect() as connection:
            return await self._counted(connection, table, column)

    async def _counted(self, connection: Any, table: Table, column: str) -> dict[UUID, int]:
        owner = table.c[column]
        statement = select(owner, func.count()).where(table.c.journal_id.in_(self.journals))
        return {row[0]: row[1] for row in await connection.execute(statement.group_by(owner))}


@pytest.fixture
async def families(district: District, service: Service, database: Database) -> Any:
    """Plant them through the service."""
    schools: list[Academy] = [await academy_in(district), await second_school(service)]
    guardians = []
    for school in schools:
        for _ in range(2):
            enrolment = await school.enrolled(**named("+8613800000000"))
            await school.recorded(enrolment)
            claim = {"enrolment_id": enrolment["id"], "reason": "CONSUMER"}
            await school.post("claims", await school.parent(enrolment), claim)
            guardians.append(ids.parse("pty", enrolment["guardian_id"])[1])
    admin = create_async_engine(database.admin_url)
    journals = tuple(school.district.journal for school in schools)
    yield Families(journals, guardians, admin, service.engine)
    await admin.dispose()


async def test_the_union_of_the_guardians_is_seen_and_nothing_else(families: Families) -> None:
    own = (families.guardians[0], families.guardians[3])
    context = Context(families.journals, parties=own)
    filled = set()

    for name, column in THEIRS.items():
        table = TABLES[name]
        there = await families.there(table, column)
        seen = await families.seen(context, table, column)

        assert seen == {who: count for who, count in there.items() if who in own}, name
        filled |= {name} if seen else set()
    assert filled >= FILLED


@pytest.mark.parametrize("journals", ["both", "none"])
async def test_a_parent_without_a_link_sees_nobodys_rows(families: Families, journals: str) -> None:
    context = Context(families.journals if journals == "both" else (), parties=())

    for name, column in THEIRS.items():
        assert await families.seen(context, TABLES[name], column) == {}, name


async def test_a_guardian_elsewhere_does_not_open_a_journal_out_of_scope(
    families: Families,
) -> None:
    context = Context(families.journals[:1], parties=tuple(families.guardians))
    enrolment = TABLES["escrow.enrolment"]

    seen = await families.seen(context, enrolment, "guardian_id")

    assert set(seen) == set(families.guardians[:2])
