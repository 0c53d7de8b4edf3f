"""The real service as the demonstration runs it: a process of its own on a fresh database.

Embedded or given, the database is new each run and is dropped at the end unless it is kept; an
embedded PostgreSQL that was not running before is stopped again.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.launch import Database, database
from service.settings import Settings
from service.store import migrate, postgres

AUDITOR: Final = "escrow_audit"
START_WITHIN_S: Final = 120
STOP_WITHIN_S: Final = 40
_SERVE: Final = "from service.cli import main; main()"
_ANNOUNCES: Final = "serving "


class NotServed(RuntimeError):  # noqa: N818 - says why the demonstration cannot start
    """The demonstration cannot be given; the message says why."""


@dataclass(slots=True)
class Ground:
    """A fresh database and what has to be undone at the end."""

    settings: Settings
    found: Database
    was_running: bool

    @property
    def audit_url(self) -> str:
        """Return the address that sees every row, for `verify`."""
        if self.found.server is not None:
            return self.found.server.url(self.settings.database, AUDITOR)
        assert self.found.admin_url is not None, "a given database comes with its administrator"
        return self.found.admin_url

    async def drop(self) -> None:
        """Drop the database again."""
        assert self.found.admin_url is not None, "whoever made the database can drop it"
        maintenance = make_url(self.found.admin_url).set(database="postgres")
        engine = create_async_engine(maintenance, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                await connection.execute(
                    text(f'DROP DATABASE IF EXISTS "{self.settings.database}" WITH (FORCE)')
                )
        finally:
            await engine.dispose()

    def leave(self) -> None:
        """Drop the database, and stop the embedded server if it was started for this."""
        asyncio.run(self.drop())
        if self.found.server is not None and not self.was_running:
            postgres.stop(self.found.server)


def prepare(settings: Settings) -> Ground:
    """Make a fresh database where the settings say; raises `NotServed`."""
    name = f"demo_{secrets.token_hex(4)}"
    if settings.database_url is None:
        data = settings.data or postgres.default_data_dir()
        was_running = postgres.running(data) is not None
        chosen = settings.model_copy(update={"data": data, "database": name, "demo": True})
        return Ground(chosen, database(chosen), was_running)
    if settings.admin_url is None:
        raise NotServed("ESCROW_DATABASE_URL is given: give ESCROW_ADMIN_URL to make a database")
    asyncio.run(migrate.ensure_database(settings.admin_url, name))
    given = Database(_named(settings.database_url, name), _named(settings.admin_url, name))
    chosen = settings.model_copy(
        update={
            "database": name,
            "database_url": given.url,
            "admin_url": given.admin_url,
            "demo": True,
        }
    )
    return Ground(chosen, given, was_running=True)


def _named(url: str, database_name: str) -> str:
    return make_url(url).set(database=database_name).render_as_string(hide_password=False)


@dataclass(slots=True)
class Server:
    """`escrow serve` as a child process; its log stands in a file beside it."""

    process: subprocess.Popen[str]
    address: str
    log: Path
    _streams: list[IO[str]] = field(default_factory=list)

    @classmethod
    def start(cls, ground: Ground, *, port: int = 0) -> "Server":
        """Start the service and wait until it listens; raises `NotServed`."""
        descriptor, name = tempfile.mkstemp(prefix="escrow-demo-", suffix=".log")
        log = os.fdopen(descriptor, "w", encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, "serve", "--port", str(port), "--workless"],
            env=os.environ | _environment(ground.settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        server = cls(process, "", Path(name), [log])
        server.address = server._announced()
        return server

    def stop(self) -> None:
        """Let the service finish what runs and end; kill it when it does not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in self._streams:
            stream.close()

    def _announced(self) -> str:
        assert self.process.stdout is not None, "its output is a pipe"
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if line.startswith(_ANNOUNCES):
                return line.removeprefix(_ANNOUNCES).split()[0]
            if not line and self.process.poll() is not None:
                break
        self.stop()
        raise NotServed(f"the service did not start: {self.log.read_text('utf-8')[-2000:]}")


def _environment(settings: Settings) -> dict[str, str]:
    given = {
        "ESCROW_DATABASE_URL": settings.database_url,
        "ESCROW_ADMIN_URL": settings.admin_url,
        "ESCROW_DATA": None if settings.data is None else str(settings.data),
        "ESCROW_DATABASE": settings.database,
        "ESCROW_DEMO": "1",
        "ESCROW_BANK_TOKENS": "1" if settings.bank_tokens else None,
        "ESCROW_LOG_LEVEL": "WARNING",
    }
    return {name: value for name, value in given.items() if value is not None}
