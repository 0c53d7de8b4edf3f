"""The journal only grows: by privilege for the application, by trigger for whoever owns it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from service.store.context import Context
from tests.fixtures.databases import Database
from tests.fixtures.store import Books
from tests.store.planted_rows import TABLES

SEALED = ("journal_transaction", "entry", "rollup", "audit")
GROWING = (*SEALED, "account", "reversal", "stored_answer", "closed_day")
COLUMN = {
    "journal_transaction": "kind = 'OTHER'",
    "entry": "balance_after = 1",
    "rollup": "balance = 1",
    "audit": "outcome = 'other'",
    "account": "kind = 'OTHER'",
    "reversal": "reversing_seq = 1",
    "stored_answer": "outcome = '[]'",
    "closed_day": "state = 'OTHER'",
}
FORBIDDEN, RESTRICTED = "42501", "23001"


def changes(table: str, *, of: str | None = None) -> list[str]:
    """Every way to change a table, or a leaf `of` it."""
    return [
        f"UPDATE escrow.{table} SET {COLUMN[of or table]}",  # noqa: S608
        f"DELETE FROM escrow.{table}",  # noqa: S608
        f"TRUNCATE escrow.{table}",
    ]


@pytest.fixture
async def app(books: Books) -> AsyncIterator[AsyncConnection]:
    """Connect as the application does when it writes, to a journal that holds something."""
    await books.receive(books.top_up())
    async with books.district.service.engine.connect() as connection:
        await connection.begin()
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        yield connection


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[AsyncConnection]:
    """Connect as the superuser."""
    engine = create_async_engine(database.admin_url)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def answers(connection: AsyncConnection, statements: list[str]) -> dict[str, str]:
    """Return the SQLSTATE each statement is refused with."""
    return {statement: await refused(connection, statement) for statement in statements}


async def refused(connection: AsyncConnection, statement: str) -> str:
    """Return the SQLSTATE a statement is refused with; it is undone in any case."""
    with pytest.raises(DBAPIError) as error:
        async with connection.begin_nested():
            await connection.execute(text(statement))
    return str(getattr(error.value.orig, "sqlstate", ""))


async def test_the_application_may_not_change_what_is_sealed(app: AsyncConnection) -> None:
    tried = [change for table in GROWING for change in changes(table)]

    assert await answers(app, tried) == dict.fromkeys(tried, FORBIDDEN)


async def test_the_application_may_not_change_or_read_a_leaf_nor_write_to_its_parent(
    app: AsyncConnection, books: Books
) -> None:
    tried = [
        statement
        for table in SEALED
        for statement in (
            *changes(f"{table}_{books.journal}", of=table),
            f"SELECT * FROM escrow.{table}_{books.journal}",  # noqa: S608
            f"INSERT INTO escrow.{table} SELECT * FROM escrow.{table}",  # noqa: S608
        )
    ]

    assert await answers(app, tried) == dict.fromkeys(tried, FORBIDDEN)


async def test_the_application_deletes_nothing(app: AsyncConnection) -> None:
    tried = [f"{verb} {table}" for verb in ("DELETE FROM", "TRUNCATE") for table in sorted(TABLES)]

    assert await answers(app, tried) == dict.fromkeys(tried, FORBIDDEN)


async def test_the_application_cannot_take_the_guards_away(app: AsyncConnection) -> None:
    tried = [
        "SET ROLE escrow_owner",
        "SET session_replication_role = replica",
        "ALTER TABLE escrow.entry DISABLE TRIGGER ALL",
        "ALTER TABLE escrow.entry NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY reads ON escrow.enrolment",
        "CREATE TABLE escrow.mine ()",
    ]

    assert await answers(app, tried) == dict.fromkeys(tried, FORBIDDEN)


@pytest.mark.parametrize("role", ["escrow_owner", "escrow_admin"])
async def test_whoever_owns_it_is_stopped_by_the_triggers(
    admin: AsyncConnection, books: Books, role: str
) -> None:
    await books.receive(books.top_up())
    leaves = [(f"{table}_{books.journal}", table) for table in SEALED]
    tried = [
        change
        for table, described in (*zip(GROWING, GROWING, strict=True), *leaves)
        for change in changes(table, of=described)
    ]

    await admin.execute(text(f"SET ROLE {role}"))

    assert await answers(admin, tried) == dict.fromkeys(tried, RESTRICTED)


async def test_the_auditor_reads_everything_and_writes_nothing(
    admin: AsyncConnection, books: Books
) -> None:
    await books.receive(books.top_up())
    await admin.execute(text("SET ROLE escrow_audit"))

    read = await admin.scalar(
        text("SELECT count(*) FROM escrow.journal_transaction WHERE journal_id = :it"),
        {"it": books.journal},
    )
    tried = [*changes("entry"), "INSERT INTO escrow.reversal VALUES (1, 1, 1)"]

    assert read == 1
    assert await answers(admin, tried) == dict.fromkeys(tried, FORBIDDEN)
    assert await refused(admin, "SELECT * FROM pii.party") == FORBIDDEN
