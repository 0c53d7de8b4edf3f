"""From settings to a running service: the database found or started, checked, migrated, seeded."""

import asyncio
import gc
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.refusals import PackKeysMissing
from service import failpoints
from service.app import create_app
from service.identity import service_keys
from service.resolution.sealing import (
    RECIPIENT,
    RECIPIENT_PRIVATE,
    SIGNING,
    Keys,
    make_keys,
)
from service.settings import Settings
from service.store import migrate, postgres, seeding, server_epochs
from service.store.transact import writing
from service.store.vault import Vault
from service.store.vault_rows import with_vault
from service.web.connections import BoundedConnection

APP_ROLE: Final = "escrow_app"
AUDIT_ROLE: Final = "escrow_audit"

log = structlog.get_logger("service.launch")


class NotServable(RuntimeError):  # noqa: N818 - says why the service does not start
    """The service does not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the data is: `url` for the service, `admin_url` where we may migrate as well."""

    url: str
    admin_url: str | None
    audit_url: str | None = None
    server: postgres.Server | None = None


def database(settings: Settings) -> Database:
    """Return the given database, or start (or join) the embedded one under the data folder."""
    if settings.database_url is not None:
        return Database(settings.database_url, settings.admin_url, settings.audit_url)
    server = postgres.start(settings.data or postgres.default_data_dir())
    admin = server.url("postgres", postgres.SUPERUSER)
    asyncio.run(migrate.ensure_database(admin, settings.database))
    return Database(
        server.url(settings.database, APP_ROLE),
        server.url(settings.database, postgres.SUPERUSER),
        server.url(settings.database, AUDIT_ROLE),
        server,
    )


def audit_url(settings: Settings) -> str:
    """Return the address for the auditor; raises `NotServable` where none is given."""
    found = settings.audit_url or database(settings).audit_url
    if found is None:
        raise NotServable("ESCROW_DATABASE_URL is given: give ESCROW_AUDIT_URL as well")
    return found


def database_url(settings: Settings) -> str:
    """Return the address for the application role, starting the embedded server if need be."""
    return database(settings).url


def with_pack_keys(settings: Settings, found: Database) -> Settings:
    """Point the settings to the keys of resolution packs beside the embedded database.

    They are made when they are not there, with a warning: a private key that opens every pack has
    no place on the server that makes them. Where a database is given, keys are given as well.
    Raises `NotServable` for a given folder that does not hold them.
    """
    if settings.pack_keys is not None:
        require_pack_keys(settings.pack_keys)
    if settings.pack_keys is not None or found.server is None or settings.demo:
        return settings
    folder = found.server.data.with_name(f"{found.server.data.name}-keys")
    try:
        if make_keys(folder):
            log.warning("pack.keys_made", folder=str(folder), take_away=RECIPIENT_PRIVATE)
    except ValueError as error:
        raise NotServable(f"{folder}: {error}") from error
    return settings.model_copy(update={"pack_keys": folder})


def require_pack_keys(folder: Path) -> None:
    """Refuse a folder without usable keys of resolution packs."""
    try:
        Keys.load(folder)
    except (PackKeysMissing, ValueError) as error:
        raise NotServable(
            f"ESCROW_PACK_KEYS: {folder} must hold {SIGNING} (Ed25519, private)"
            f" and {RECIPIENT} (X25519, public)"
        ) from error


def with_signing(settings: Settings, found: Database, host: str, port: int) -> Settings:
    """Point the settings to the keys that answers are signed with, and to the names we answer to.

    Beside the embedded database, and in a demonstration, keys are made where there are none, and
    the address we listen at is ours. Where a database is given, both are given as well: without
    names of ours no signed request is believed. Raises `NotServable`.
    """
    ours, folder = settings.authorities, settings.signing_keys
    if found.server is not None or settings.demo:
        ours = ours or tuple(f"{name}:{port}" for name in (host, "localhost", "127.0.0.1"))
        data = settings.data or postgres.default_data_dir()
        folder = folder or data.with_name(f"{data.name}-answers")
        if settings.signing_keys is None and service_keys.make_signing_key(folder):
            log.warning("signing.key_made", folder=str(folder))
    if folder is None:
        raise NotServable("ESCROW_DATABASE_URL is given: give ESCROW_SIGNING_KEYS as well")
    if not ours:
        log.warning("signing.no_authorities", missing="ESCROW_AUTHORITIES")
    try:
        service_keys.SigningKeys.load(folder)
    except service_keys.SigningKeysMissing as error:
        raise NotServable(f"ESCROW_SIGNING_KEYS: {folder}: {error}") from error
    return settings.model_copy(update={"authorities": ours, "signing_keys": folder})


def with_heads(settings: Settings, found: Database) -> Settings:
    """Point the settings to the file of kept heads, beside the embedded database unless given."""
    if settings.heads is not None or found.server is None or settings.demo:
        return settings
    data = found.server.data
    return settings.model_copy(
        update={"heads": data.with_name(f"{data.name}-heads-{settings.database}.json")}
    )


def arm_failpoints(settings: Settings) -> None:
    """Arm what a test asks for; raises `NotServable` where real money may be, or it reads wrong."""
    if not settings.failpoints:
        return
    if not settings.demo:
        raise NotServable("ESCROW_FAILPOINTS is for tests: this is no demonstration")
    try:
        failpoints.arm(settings.failpoints)
    except ValueError as error:
        raise NotServable(f"ESCROW_FAILPOINTS: {error}") from error
    log.warning("failpoints.armed", points=[point.value for point in failpoints.armed()])


async def bring_up(found: Database) -> None:
    """Migrate and seed where we may; then make sure the service can run on what is there.

    Raises `NotServable`.
    """
    if found.admin_url is not None:
        await install(found.admin_url)
    engine = engine_of(found.url, pool_size=1)
    try:
        await require_answer(engine)
        await require_app_role(engine)
        if not await migrate.is_current(engine):
            raise NotServable("the database is not migrated: run `escrow migrate` first")
    finally:
        await engine.dispose()


async def tell_standing(found: Database) -> None:
    """Say at the start when the journals will be read and not written, and why."""
    engine = engine_of(found.url, pool_size=1)
    try:
        async with engine.connect() as connection:
            here = await server_epochs.standing(connection)
    finally:
        await engine.dispose()
    if not here.is_open:
        log.error("journals.read_only", reason=here.reason, then="escrow recover")


async def install(admin_url: str) -> None:
    """Migrate the database and load the reference data; needs no login but the administrator's.

    Raises `NotServable`.
    """
    engine = engine_of(admin_url, pool_size=1)
    try:
        await require_answer(engine)
    finally:
        await engine.dispose()
    await migrate.upgrade(admin_url)
    await seed(Database(admin_url, admin_url))


async def seed(found: Database) -> None:
    """Load the reference data; loading again changes only what is newer."""
    engine = engine_of(found.admin_url or found.url, pool_size=1)
    try:
        async with writing(engine) as connection:
            if found.admin_url is not None:
                await connection.execute(text("SET LOCAL ROLE escrow_owner"))
            await seeding.load_seeds(connection, at=datetime.now(UTC))
    finally:
        await engine.dispose()


async def require_answer(engine: AsyncEngine) -> None:
    """Refuse a database that cannot be reached, or that refuses the login."""
    try:
        async with engine.connect():
            pass
    except (DBAPIError, OSError) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise NotServable(f"the database does not let us in: {said}") from error


async def require_app_role(engine: AsyncEngine) -> None:
    """Refuse a login for which grants and policies would be void (decisions.md, roles)."""
    async with engine.connect() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT current_user AS name, rolsuper, rolbypassrls,"
                    " pg_has_role(current_user, 'escrow_owner', 'MEMBER') AS owns"
                    " FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
    if row.rolsuper or row.rolbypassrls or row.owns:
        raise NotServable(
            f"the service must not log in as {row.name}, which row-level security does not bind;"
            f" use {APP_ROLE}"
        )


def engine_of(url: str, *, pool_size: int) -> AsyncEngine:
    """Make an engine; connections that may be dead are found out before use.

    Its errors never show the values of a statement: they end up in logs.
    """
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        hide_parameters=True,
    )


def listen(host: str, port: int) -> socket.socket:
    """Bind a listening socket; port 0 takes a free one."""
    bound = socket.create_server((host, port), backlog=2048, reuse_port=False)
    bound.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    return bound


def serve(
    settings: Settings, url: str, bound: socket.socket, *, working: bool, vault: Vault
) -> None:
    """Serve until told to stop; what is running is finished first.

    With `working` the same process runs the due sweeps, unless another one already does.
    """
    # A batch makes a million short-lived objects, and scanning them took half of its time. What
    # stands at the start stays, so the collector looks at what is new, and more seldom.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    engine = with_vault(engine_of(url, pool_size=settings.pool_size), vault)
    app = create_app(engine, settings, working=working)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        # Who is believed about a caller's address is our own setting (ESCROW_TRUSTED_PROXIES).
        proxy_headers=False,
        http=BoundedConnection,
        timeout_graceful_shutdown=30,
        limit_concurrency=2000,
    )
    uvicorn.Server(config).run(sockets=[bound])
