"""Bringing a database to the current schema: roles, schemas, Alembic's migrations.

`upgrade` is given a login that may create roles and databases (the embedded server's
administrator, or the operator's). It makes the roles once, then works as `escrow_owner`, which
nobody can log in as. The service itself logs in as `escrow_app` and never migrates.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from service import paths
from service.store.driver import sqlstate

MIGRATION_LOCK: Final = 4_711_002
_POLL: Final = timedelta(milliseconds=100)
_TRIES_MAX: Final = 20
_BY_ANOTHER: Final = frozenset({"23505", "42710", "42P04", "XX000"})
"""Made, or being changed ("tuple concurrently updated"), by a process that starts as we do."""

_ROLES: Final = {
    "escrow_owner": "NOLOGIN",
    "escrow_migrate": "LOGIN",
    "escrow_app": "LOGIN",
    "escrow_audit": "LOGIN",
    "escrow_pii": "NOLOGIN",
}


async def upgrade(admin_url: str, revision: str = "head") -> None:
    """Bring the database at `admin_url` to `revision`; safe to run again and at the same time."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    try:
        await _ensure_roles(engine)
        async with engine.connect() as connection:
            await _lock(connection, MIGRATION_LOCK)
            await _ensure_schemas(connection)
            await connection.execute(text("SET ROLE escrow_owner"))
            await connection.execute(text("SET lock_timeout = '5s'"))
            await connection.commit()
            await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))
            await connection.commit()
    finally:
        await engine.dispose()


async def check(admin_url: str) -> None:
    """Raise when the tables as described and the migrated database differ."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET ROLE escrow_owner"))
            await connection.commit()
            await connection.run_sync(lambda sync: command.check(_config(sync)))
    finally:
        await engine.dispose()


async def ensure_database(admin_url: str, name: str) -> None:
    """Create a database of this name unless there is one; safe at the same time."""
    engine = create_async_engine(admin_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    async def ensure(connection: AsyncConnection) -> None:
        found = await connection.scalar(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        )
        if not found:
            await connection.execute(text(f'CREATE DATABASE "{name}"'))

    try:
        async with engine.connect() as connection:
            await _agreed(connection, ensure)
    finally:
        await engine.dispose()


async def is_current(engine: AsyncEngine) -> bool:
    """Tell whether the database stands at the newest migration (as the application sees it)."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only a start-up needs it

    newest = ScriptDirectory.from_config(_config(None)).get_current_head()
    async with engine.connect() as connection:
        exists = await connection.scalar(text("SELECT to_regclass('escrow.alembic_version')"))
        if exists is None:
            return False
        version = await connection.scalar(text("SELECT version_num FROM escrow.alembic_version"))
    return bool(version == newest)


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(paths.migrations_dir()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def _ensure_roles(engine: AsyncEngine) -> None:
    """Create the cluster's roles, which all its databases share."""

    async def ensure(connection: AsyncConnection) -> None:
        for role, login in _ROLES.items():
            known = await connection.scalar(
                text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}
            )
            if not known:
                await connection.execute(
                    text(f"CREATE ROLE {role} {login} NOSUPERUSER NOBYPASSRLS NOCREATEROLE")
                )
        await connection.execute(text("GRANT escrow_owner TO escrow_migrate"))
        await connection.execute(text("GRANT escrow_pii TO escrow_app"))
        await connection.execute(text("GRANT escrow_owner TO CURRENT_USER"))

    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await _agreed(connection, ensure)


async def _agreed(
    connection: AsyncConnection, ensure: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    """Ensure what a whole cluster shares, where others may be doing the same.

    No lock holds between databases, so whoever comes second looks again.
    """
    for left in reversed(range(_TRIES_MAX)):
        try:
            await ensure(connection)
        except DBAPIError as error:
            if not left or sqlstate(error) not in _BY_ANOTHER:
                raise
            await asyncio.sleep(_POLL.total_seconds())
        else:
            return


async def _lock(connection: AsyncConnection, lock: int) -> None:
    """Take a lock of this session, asking again and again: nobody waits within a transaction.

    A migration builds indexes CONCURRENTLY, which waits for every transaction, so that one that
    waited for the migration would be a deadlock.
    """
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock}):
        await connection.commit()
        await asyncio.sleep(_POLL.total_seconds())
    await connection.commit()


async def _ensure_schemas(connection: AsyncConnection) -> None:
    for schema in ("escrow", "pii"):
        await connection.execute(
            text(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION escrow_owner")
        )
    await connection.commit()


def database_of(url: str) -> str:
    """Name of the database a URL points at."""
    name = make_url(url).database
    assert name is not None, "a database URL names its database"
    return name


def run(admin_url: str) -> None:
    """Upgrade from synchronous code."""
    asyncio.run(upgrade(admin_url))
