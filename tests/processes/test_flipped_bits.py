"""A bit that flipped on disk: reads are refused, commands do nothing, and verify is not clean.

Data checksums notice it where the page is read; nobody is answered figures of a damaged page.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from service.app import create_app
from service.settings import Settings
from service.store import postgres
from service.verify.report import Report, Status
from service.verify.run import verify
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.fixtures.databases import Database
from tests.fixtures.service import Service
from tests.fixtures.store import Books, open_books
from tests.fixtures.vaults import sealing

PAGE: Final = 8192
RECEIPTS: Final = 5
PRIMARY_KEY: Final = (
    "SELECT indexrelid::regclass::text FROM pg_index"
    " WHERE indrelid = CAST(:leaf AS regclass) AND indisprimary"
)


@dataclass
class Ground:
    """A cluster of this file's own, with a school whose bank has reported a few receipts."""

    folder: Path
    database: Database
    admin: AsyncEngine
    service: Service
    books: Books

    async def ask(self, statement: str, **values: Any) -> Any:
        """Ask the database as its administrator."""
        async with self.admin.connect() as connection:
            return await connection.scalar(text(statement), values)

    async def file_of(self, relation: str) -> Path:
        """Return the file of a table or an index, as it is on disk."""
        return self.database.server.data / str(
            await self.ask("SELECT pg_relation_filepath(CAST(:name AS regclass))", name=relation)
        )

    async def flip(self, path: Path, page: int) -> None:
        """Stop the server, flip a bit of the last row of a page, and start it again."""
        postgres.stop(self.database.server)
        at = (page + 1) * PAGE - 24  # The last bytes of a page of an index are no rows.
        with path.open("r+b") as opened:
            opened.seek(at)
            [was] = opened.read(1)
            opened.seek(at)
            opened.write(bytes([was ^ 0b100]))
        await own_cluster(self.folder)

    async def verified(self) -> Report:
        """Verify as the auditor."""
        return await verify(self.database.url("escrow_audit"))

    async def figures(self) -> dict[str, Any]:
        """Read what an auditor can read of the money; where it is refused, its status."""
        district, told = self.books.district, {}
        account = {"kind": "CUSTODY_BANK", "owner": district.public("cus", self.books.custody)}
        for path, query in (
            ("transactions", {"limit": 100}),
            ("balances", {"adcode": district.code}),
            ("balances/account", account),
        ):
            answer = await self.service.get(f"/v1/{path}", district.auditor, **query)
            told[path] = answer.json() if answer.is_success else answer.status_code
        return told


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    with own_folder() as folder:
        database = Database(await own_cluster(folder), NAME)
        engine = sealing(create_async_engine(database.url("escrow_app"), poolclass=NullPool))
        admin = create_async_engine(
            database.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        app = create_app(engine, Settings(demo=True))
        transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
            service = Service(engine, app.state.store, client)
            books = await open_books(service)
            for _ in range(RECEIPTS):
                await books.receive(books.top_up("3.00"))
            yield Ground(folder, database, admin, service, books)
        await engine.dispose()
        await admin.dispose()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("leaf", "of_index"),
    [("entry", False), ("journal_transaction", False), ("entry", True)],
    ids=["entries", "transactions", "an index of entries"],
)
async def test_what_is_damaged_on_disk_is_neither_answered_nor_written_nor_clean(
    ground: Ground, leaf: str, of_index: bool
) -> None:
    books, relation = ground.books, f"escrow.{leaf}_{ground.books.journal}"
    if of_index:
        relation = str(await ground.ask(PRIMARY_KEY, leaf=relation))
    path, page = await ground.file_of(relation), 1 if of_index else 0
    before, stood = await ground.figures(), await books.count("escrow.bank_entry")
    fact = books.top_up("3.00")

    await ground.flip(path, page)
    told = await ground.figures()
    with pytest.raises(Exception, match="invalid page"):
        await books.receive(fact)
    damaged = await ground.verified()
    kept = await books.count("escrow.bank_entry")
    await ground.flip(path, page)
    await ground.ask("SELECT pg_stat_reset()")
    mended, after = await ground.verified(), await ground.figures()
    await books.receive(fact)

    assert all(isinstance(each, dict) for each in before.values()), before
    refused = {name for name, figures in told.items() if figures == 500}
    assert refused
    assert {name: told[name] for name in told if name not in refused} == {
        name: before[name] for name in told if name not in refused
    }
    assert damaged.results["V-33"].status is Status.VIOLATED
    assert damaged.exit_code == 2
    assert kept == stood
    assert mended.status is Status.CLEAN, mended.as_json()
    assert after == before
    assert await books.count("escrow.bank_entry") == stood + 1
