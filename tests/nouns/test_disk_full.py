"""No room on the disk: PostgreSQL refuses the write, and the service answers 503 and does nothing.

The database itself raises what it raises when a file cannot grow (53100): at the row, where a
table is full, or at COMMIT. Reads go on, and what was put off goes through once there is room.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.verify.report import Status
from service.verify.run import verify
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.beside import served_by
from tests.fixtures.databases import Database
from tests.fixtures.service import open_district
from tests.fixtures.vaults import sealing

FULL = """
    CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$"""
TRIGGERS = {
    "at the row": "CREATE TRIGGER no_room BEFORE INSERT ON {} FOR EACH ROW",
    "at COMMIT": "CREATE CONSTRAINT TRIGGER no_room AFTER INSERT ON {}"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
}
WRITTEN = ("journal_transaction", "entry", "rollup", "account", "bank_entry", "stored_answer")


@dataclass
class Disk:
    """A database of a test's own whose tables can be full, and a school in it."""

    database: Database
    admin: AsyncEngine
    academy: Academy

    async def fill(self, table: str, when: str) -> None:
        """Let there be no room in a table."""
        await self._run(FULL, TRIGGERS[when].format(table) + " EXECUTE FUNCTION public.no_room()")

    async def clear(self) -> None:
        """Let there be room again."""
        await self._run("DROP FUNCTION public.no_room() CASCADE")

    async def stood(self) -> dict[str, int]:
        """Count what stands of all that a receipt writes."""
        return {table: await self.academy.district.count(f"escrow.{table}") for table in WRITTEN}

    async def send(self, bank_ref: str) -> httpx.Response:
        """Let the bank report a receipt, under a key of its own reference."""
        district = self.academy.district
        body = {
            "custody_account_id": district.public("cus", self.academy.custody),
            "bank_ref": bank_ref,
            "amount": "3.00",
            "book_on": "2026-03-01",
            "value_on": "2026-03-01",
        }
        bank = district.banks["ICBC"]
        return await district.service.post("/v1/receipts", bank, body, key=bank_ref)

    async def _run(self, *statements: str) -> None:
        async with self.admin.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))


@pytest.fixture
async def disk(empty_database: Database) -> AsyncIterator[Disk]:
    """A school in a database of its own."""
    engine = sealing(create_async_engine(empty_database.url("escrow_app")))
    admin = create_async_engine(empty_database.admin_url)
    async with served_by(engine) as service:
        yield Disk(empty_database, admin, await academy_in(await open_district(service)))
    await admin.dispose()
    await engine.dispose()


@pytest.mark.parametrize(
    ("table", "when", "code"),
    [
        ("escrow.bank_entry", "at the row", "busy"),
        ("escrow.entry", "at the row", "busy"),
        ("escrow.audit", "at the row", "busy"),
        ("escrow.stored_answer", "at the row", "busy"),
        ("escrow.bank_entry", "at COMMIT", "outcome_unknown"),
    ],
)
async def test_without_room_a_command_is_put_off_whole_and_reads_go_on(
    disk: Disk, table: str, when: str, code: str
) -> None:
    district = disk.academy.district
    first = await disk.send("R-1")
    before = await disk.stood()
    await disk.fill(table, when)

    put_off = await disk.send("R-2")
    read = await district.service.get("/v1/transactions", district.auditor)
    left = await disk.stood()
    await disk.clear()
    done = await disk.send("R-2")
    again = await disk.send("R-2")
    report = await verify(disk.database.url("escrow_audit"))

    assert (put_off.status_code, put_off.json()["code"]) == (503, code), put_off.text
    assert int(put_off.headers["retry-after"]) >= 1
    assert listed(read) == [first.json()["transaction_id"]]
    assert left == before
    assert (done.status_code, again.json()) == (201, done.json())
    assert (await disk.stood())["bank_entry"] == 2
    assert report.status is Status.CLEAN, report.as_json()


def listed(answer: httpx.Response) -> list[Any]:
    """Read the ids of a list of transactions."""
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]
