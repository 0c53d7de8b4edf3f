"""The migrations make, from an empty database, exactly the tables that the store describes."""

import asyncpg
import pytest
from alembic.util.exc import CommandError

from service.store import migrate, postgres
from tests.fixtures.databases import Database


async def test_the_migrations_make_the_tables_that_the_store_describes(
    empty_database: Database,
) -> None:
    await migrate.check(empty_database.admin_url)


async def test_a_table_that_nothing_describes_is_noticed(empty_database: Database) -> None:
    await execute(empty_database, "CREATE TABLE escrow.stray (fen bigint PRIMARY KEY)")

    with pytest.raises(CommandError, match="stray"):
        await migrate.check(empty_database.admin_url)


async def test_migrating_a_database_that_is_up_to_date_changes_nothing(
    empty_database: Database,
) -> None:
    await migrate.upgrade(empty_database.admin_url)

    await migrate.check(empty_database.admin_url)


async def test_a_database_is_made_once(postgres_server: postgres.Server) -> None:
    url = postgres_server.url("postgres", postgres.SUPERUSER)

    await migrate.ensure_database(url, "made_once")
    await migrate.ensure_database(url, "made_once")

    assert migrate.database_of(url) == "postgres"


async def execute(database: Database, statement: str) -> None:
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
