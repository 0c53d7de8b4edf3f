"""Journals on a server that nobody opened: they are read, and only two people open them again.

As a restore leaves it, the newest epoch is another server's than the one that answers.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ledger.refusals import JournalRestored
from service.recovery import given, missing
from service.recovery.kept_heads import Keeper
from service.recovery.opening import NotOpened, Read, open_again
from service.statements.import_check import Hints
from service.store import postgres, server_epochs
from service.store.transact import Store, writing
from service.verify.heads import Head, Heads
from service.worker.rounds import run_round
from tests.fixtures.databases import Database
from tests.fixtures.service import District, Service, open_district
from tests.fixtures.vaults import sealing

ELSEWHERE = (
    "INSERT INTO escrow.server_epoch SELECT max(epoch) + 1, 1, 1, 'OPEN', 'ACCEPTED', 'wang', 'li',"
    " '\\x00', now() FROM escrow.server_epoch"
)
TWO = ("operator-wang", "regulator-li")


@dataclass
class Ground:
    """A database of the test's own with one district."""

    database: Database
    engine: AsyncEngine
    district: District

    @property
    def store(self) -> Store:
        """The store as the service has it."""
        return self.district.service.store

    async def restore(self) -> None:
        """Leave the journals on another server than the newest epoch names."""
        await self.as_superuser(ELSEWHERE)

    async def as_superuser(self, statement: str) -> None:
        """Run a statement as whoever owns the machine."""
        connection = await asyncpg.connect(
            host=str(self.database.server.socket),
            user=postgres.SUPERUSER,
            database=self.database.name,
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def standing(self) -> server_epochs.Standing:
        """Ask where the journals stand."""
        async with self.engine.connect() as connection:
            return await server_epochs.standing(connection)

    async def report(self, *heads: Head) -> dict[str, Any]:
        """Compare with heads that somebody kept, as `escrow recover` does."""
        engine = create_async_engine(self.database.url("escrow_audit"), poolclass=NullPool)
        async with engine.connect() as connection:
            found = missing.Missing(await server_epochs.standing(connection))
            await missing.read_heads(connection, found)
            await missing.compare_heads(connection, Heads(heads), found)
            await missing.lead_to_accounts(connection, found)
        return found.as_json()

    async def write(self) -> None:
        """Write something of no journal's."""

        async def work(_connection: object) -> Any:
            raise AssertionError("it is reached")

        await self.store.refer(work, key=None)


@pytest.fixture
async def ground(empty_database: Database) -> AsyncIterator[Ground]:
    """Open a district in a database of the test's own."""
    engine = sealing(create_async_engine(empty_database.url("escrow_app"), poolclass=NullPool))
    async with httpx.AsyncClient() as nobody:
        district = await open_district(Service(engine, Store(engine), nobody))
        yield Ground(empty_database, engine, district)
    await engine.dispose()


async def test_the_server_of_the_migration_is_open(ground: Ground) -> None:
    standing = await ground.standing()

    assert (standing.epoch, standing.reason, standing.is_open) == (1, None, True)


async def test_on_another_server_nothing_is_written_and_the_reason_is_told(ground: Ground) -> None:
    await ground.restore()

    with pytest.raises(JournalRestored) as refused:
        await ground.write()

    assert refused.value.facts == {"reason": "another_server", "epoch": 2}


async def test_on_another_timeline_nothing_is_written(ground: Ground) -> None:
    await ground.as_superuser(
        "INSERT INTO escrow.server_epoch SELECT 2, system_identifier, timeline + 1, 'OPEN',"
        " 'INSTALLED', NULL, NULL, NULL, now() FROM escrow.server_epoch"
    )

    with pytest.raises(JournalRestored) as refused:
        await ground.write()

    assert refused.value.facts == {"reason": "another_timeline", "epoch": 2}


async def test_no_sweep_runs_over_restored_journals(ground: Ground) -> None:
    swept = []

    async def sweep(_store: Store, journal: int) -> int:
        swept.append(journal)
        return 0

    before = await run_round(ground.engine, {"sweep": sweep})
    await ground.restore()
    after = await run_round(ground.engine, {"sweep": sweep})

    assert (list(before), after, swept) == (
        [ground.district.journal],
        {},
        [ground.district.journal],
    )


async def test_two_people_open_them_and_the_trail_names_both(ground: Ground) -> None:
    await ground.restore()
    report = await ground.report(Head(ground.district.journal, 0, b"\0" * 32))

    opened = await open_again(ground.engine, Read.of(json.dumps(report)), *TWO)

    assert (opened.epoch, opened.fenced) == (3, 0)
    assert (await ground.standing()).is_open
    with pytest.raises(AssertionError, match="it is reached"):
        await ground.write()
    async with ground.engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT opened_by, agreed_by, report_sha256 FROM escrow.server_epoch ORDER BY epoch"
            )
        )
        newest = list(rows)[-1]
    assert tuple(newest) == (*TWO, bytes.fromhex(report["sha256"]))


async def test_whatever_may_have_left_an_account_meanwhile_it_is_fenced_first(
    ground: Ground,
) -> None:
    district = ground.district
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    await ground.restore()
    report = await ground.report(Head(district.journal, 7, b"\1" * 32))

    opened = await open_again(ground.engine, Read.of(json.dumps(report)), *TWO)

    assert report["missing"]["transactions"] == 7
    assert report["fences"] == [{"journal": district.journal, "custody_account_id": str(custody)}]
    assert opened.fenced == 1
    assert await district.count("escrow.restraint") == 1


async def test_open_journals_are_not_opened_again(ground: Ground) -> None:
    report = await ground.report(Head(ground.district.journal, 0, b"\0" * 32))

    with pytest.raises(NotOpened, match="open"):
        await open_again(ground.engine, Read.of(json.dumps(report)), *TWO)


async def test_a_report_of_other_journals_opens_nothing(ground: Ground) -> None:
    report = await ground.report(Head(ground.district.journal, 0, b"\0" * 32))
    await ground.restore()

    with pytest.raises(NotOpened, match="make it again"):
        await open_again(ground.engine, Read.of(json.dumps(report)), *TWO)


async def test_a_report_that_was_changed_or_compared_nothing_opens_nothing(ground: Ground) -> None:
    await ground.restore()
    nothing = await ground.report()
    changed = await ground.report(Head(ground.district.journal, 7, b"\1" * 32)) | {"heads": []}

    with pytest.raises(NotOpened, match="compared nothing"):
        Read.of(json.dumps(nothing))
    with pytest.raises(NotOpened, match="changed"):
        Read.of(json.dumps(changed))
    with pytest.raises(NotOpened, match="not a report"):
        Read.of("[]")
    assert nothing["exit_code"] == 3


async def test_one_person_alone_cannot_open_them_whoever_asks_the_database(ground: Ground) -> None:
    alone = server_epochs.Acceptance("wang", "wang", b"\0")

    with pytest.raises(DBAPIError, match="ck_server_epoch_people"):
        async with writing(ground.engine) as connection:
            await server_epochs.accept(connection, await server_epochs.standing(connection), alone)


async def test_kept_heads_that_are_gone_stop_writing_until_the_journals_are_opened(
    ground: Ground, tmp_path: Path
) -> None:
    keeper = Keeper(ground.engine, tmp_path / "heads.json")
    kept_first = await keeper.keep()
    written = json.loads(keeper.file.read_text())
    [head] = written["journals"]
    keeper.file.write_text(json.dumps(written | {"journals": [head | {"seq": 9}]}))

    found_out = await keeper.keep()
    standing = await ground.standing()
    report = await ground.report(*Heads.of_report(keeper.file.read_text()).journals)
    await open_again(ground.engine, Read.of(json.dumps(report)), *TWO)
    kept_again = await keeper.keep()
    stands = await keeper.keep()

    assert (kept_first, found_out, kept_again, stands) == (True, False, True, True)
    assert (standing.reason, standing.epoch) == ("heads_missing", 2)
    assert json.loads(keeper.file.read_text())["epoch"] == 3


async def test_a_file_of_heads_that_nobody_can_read_stops_writing(
    ground: Ground, tmp_path: Path
) -> None:
    keeper = Keeper(ground.engine, tmp_path / "heads.json")
    keeper.file.write_text("{")

    assert not await keeper.keep()
    assert (await ground.standing()).reason == "heads_missing"


async def test_heads_of_a_later_opening_tell_that_the_journals_are_older(
    ground: Ground, tmp_path: Path
) -> None:
    keeper = Keeper(ground.engine, tmp_path / "heads.json")
    await keeper.keep()
    keeper.file.write_text(json.dumps(json.loads(keeper.file.read_text()) | {"epoch": 2}))

    assert not await keeper.keep()


async def test_heads_of_another_database_are_of_no_account(ground: Ground, tmp_path: Path) -> None:
    keeper = Keeper(ground.engine, tmp_path / "heads.json")
    await keeper.keep()
    mine = json.loads(keeper.file.read_text())
    [head] = mine["journals"]
    others = {"installed_at": "2020-01-01 00:00:00+00:00", "journals": [head | {"seq": 9}]}
    keeper.file.write_text(json.dumps(mine | others))

    assert await keeper.keep()
    assert json.loads(keeper.file.read_text()) == mine


def test_a_key_log_tells_its_line_that_cannot_be_read(tmp_path: Path) -> None:
    log = tmp_path / "keys.jsonl"
    log.write_text('{"caller": "bank", "key": "a"}\n{"caller": "bank"}\n')

    with pytest.raises(given.NotReadable, match="line 2"):
        list(given.answers_of(log))


def test_answers_that_are_never_stored_are_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "keys.jsonl"
    told = [{"caller": "bank", "key": str(s), "status": s} for s in (201, 400, 404, 409, 429, 503)]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in told))

    assert [each.key for each in given.answers_of(log)] == ["201", "409"]


def test_a_file_that_is_no_statement_is_named(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("not a statement")

    with file.open("rb") as source, pytest.raises(given.NotReadable, match=r"note\.txt"):
        list(given.entries_of(file, source, Hints()))
